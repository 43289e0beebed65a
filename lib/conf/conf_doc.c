/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf-doc: writes the reference and the JSON Schema from the schema's tables, or checks that the
 * committed ones are what the tables say. A tool of the build, not of the device.
 *
 *   conf-doc --write SOURCE    writes docs/configuration.md and docs/schema/tpsd.schema.json
 *   conf-doc --check SOURCE    exit status 1 when one of them is not up to date
 */
#include "lib/base/page.h"
#include "lib/conf/doc.h"

int main(int argc, char **argv)
{
	static const struct page_file files[] = {
	        {"docs/configuration.md", conf_doc_reference},
	        {"docs/schema/tpsd.schema.json", conf_doc_json_schema},
	};

	return page_main("lib/conf/conf-doc", argc, argv, files, SL_ARRAY_LEN(files));
}
