/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next version of the document, as programs will have it that were built with two rows more:
 * linked in the place of lib/conf/version.c, with schema.c built for it. Rows that there are today
 * are those that came with it.
 */
#include <string.h>

#include "lib/conf/version.h"

static const struct {
	const char *within, *row;
} rows[] = {
        {"device", "contact"},                 /* of the device's own settings; a text */
        {"segments", "limits"},                /* a map */
        {"trust_stores", "crls"},              /* a list */
        {"ssl_server_proxies", "on_overload"}, /* of an object of the SMS; a word with a default */
};

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
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		const struct conf_field *within;

		if (strcmp(field->name, rows[i].row) != 0)
			continue;
		within = conf_object_field(&conf_schema, rows[i].within);
		if (within && conf_object_field(within->object, rows[i].row) == field)
			return CONF_VERSION;
	}
	return 1;
}
