/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a place of a document is: what a device says of it, in words of objects. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/document_priv.h"

/* "/key/7/rest" in parts; false: it has no number behind the key. */
bool document_split(const char *pointer, struct document_pointer *ret_parts)
{
	const char *slash = pointer[0] == '/' ? strchr(pointer + 1, '/') : NULL;
	char *end;

	if (!slash || slash[1] < '0' || slash[1] > '9')
		return false;
	ret_parts->key = pointer + 1;
	ret_parts->key_len = (size_t)(slash - ret_parts->key);
	ret_parts->index = strtoul(slash + 1, &end, 10);
	ret_parts->rest = end;
	return *end == '\0' || *end == '/';
}

static bool is_key(const struct document_pointer *parts, const char *key)
{
	return strlen(key) == parts->key_len && memcmp(key, parts->key, parts->key_len) == 0;
}

json_t *document_place(const json_t *document, const char *pointer)
{
	struct document_pointer parts;

	for (unsigned kind = 0; kind < OBJECT_KIND_END && document_split(pointer, &parts); kind++) {
		const struct conf_field *list = document_list_of(kind);
		const json_t *item;
		const char *name;

		if (!list || !is_key(&parts, list->name))
			continue;
		item = json_array_get(json_object_get(document, list->name), parts.index);
		name = json_string_value(json_object_get(item, "name"));
		if (name)
			return json_pack("{s:s, s:s, s:s}", "kind", object_kind_name(kind), "name",
			                 name, "pointer", parts.rest);
	}
	return json_pack("{s:s, s:s, s:s}", "kind", "", "name", "", "pointer", pointer);
}
