/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents a device reads, and whether they are made here (R162). */
#include <inttypes.h>

#include "lib/base/err.h"
#include "lib/conf/version.h"
#include "smsd/base/problem.h"
#include "smsd/object/document.h"

int document_version(const json_t *capabilities, const char *pointer, uint32_t *ret_version,
                     struct problem *problem)
{
	const json_t *told = json_object_get(capabilities, "document_version");
	const json_int_t version =
	        json_is_integer(told) ? json_integer_value(told) : conf_version();
	char versions[CONF_VERSIONS_TEXT_MAX];

	if (version < conf_version_oldest() || version > conf_version())
		return problem_add(problem, SL_EUNSUPPORTED, pointer,
		                   version > conf_version()
		                           ? "bring the management system up to date first"
		                           : "bring the device up to date",
		                   "the device reads documents of version %" JSON_INTEGER_FORMAT
		                   "; the management system makes %s",
		                   version, conf_versions_text(versions));
	*ret_version = (uint32_t)version;
	return 0;
}
