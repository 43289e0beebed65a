/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of a statement. */
#include <string.h>

#include "smsd/store/schema.h"
#include "smsd/store/store.h"

struct store_value store_integer(int64_t value)
{
	return (struct store_value){.type = STORE_INTEGER, .integer = value};
}

struct store_value store_text(const char *text)
{
	if (!text)
		return store_null();
	return (struct store_value){.type = STORE_TEXT, .data = text, .len = strlen(text)};
}

struct store_value store_blob(const void *data, size_t len)
{
	return (struct store_value){.type = STORE_BLOB, .data = data, .len = len};
}

struct store_value store_null(void)
{
	return (struct store_value){.type = STORE_NULL};
}

bool store_value_fits(const struct store_value *value, char letter)
{
	static const char letters[] = {
	        [STORE_INTEGER] = 'i', [STORE_TEXT] = 't', [STORE_BLOB] = 'b'};

	return value->type == STORE_NULL || letters[value->type] == letter;
}
