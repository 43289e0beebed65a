/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing but what tests of another version put something else in the place of. */
#include "lib/conf/version.h"

uint32_t conf_version(void)
{
	return CONF_VERSION;
}

uint32_t conf_version_oldest(void)
{
	return CONF_VERSION_OLDEST;
}

uint32_t conf_since(const struct conf_field *field)
{
	return field->since > 1 ? field->since : 1;
}
