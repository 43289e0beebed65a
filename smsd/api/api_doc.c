/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api-doc: writes docs/sms-api.md from the tables of routes and shapes, or checks that the
 * committed one is what they say. A tool of the build.
 *
 *   api-doc --write SOURCE
 *   api-doc --check SOURCE    exit status 1 when it is not up to date
 */
#include "lib/base/page.h"
#include "smsd/api/openapi.h"

int main(int argc, char **argv)
{
	static const struct page_file files[] = {{"docs/sms-api.md", openapi_page}};

	return page_main("smsd/api/api-doc", argc, argv, files, SL_ARRAY_LEN(files));
}
