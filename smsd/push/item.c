/* SPDX-License-Identifier: Apache-2.0 */
/* Items of a status: places of a document as the objects that people know. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smsd/base/problem.h"
#include "smsd/object/object.h"
#include "smsd/push/push_priv.h"

static json_t *item(const char *kind, const char *name, const char *pointer, bool notice,
                    const char *text, const char *remedy)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "kind", kind, "name", name, "pointer",
	                 pointer, "notice", notice, "text", text, "remedy", remedy);
}

/* "ca_certificates" is of kind "ca certificate": its list has the collection's name. */
static bool is_list_of(enum object_kind kind, const char *key, size_t len)
{
	const char *own = object_kind_key(kind);
	const char *list = own[0] ? own : object_kind_collection(kind);

	for (size_t i = 0; i < len; i++)
		if (key[i] != (list[i] == '-' ? '_' : list[i]))
			return false;
	return list[len] == '\0';
}

json_t *item_of_place(const json_t *tree, const char *device, const char *pointer, bool notice,
                      const char *text, const char *remedy)
{
	size_t len = pointer[0] == '/' ? strcspn(pointer + 1, "/") : 0;
	const char *rest = len > 0 ? pointer + 1 + len : "";
	char *end = NULL;
	unsigned long at = rest[0] == '/' && rest[1] >= '0' && rest[1] <= '9'
	                           ? strtoul(rest + 1, &end, 10)
	                           : 0;

	for (unsigned kind = 0; end && (*end == '/' || !*end) && kind < OBJECT_KIND_END; kind++) {
		char key[64];
		const char *name;

		if (len >= sizeof(key) || !is_list_of(kind, pointer + 1, len))
			continue;
		(void)snprintf(key, sizeof(key), "%.*s", (int)len, pointer + 1);
		name = json_string_value(
		        json_object_get(json_array_get(json_object_get(tree, key), at), "name"));
		if (name)
			return item(object_kind_name(kind), name, end, notice, text, remedy);
	}
	return item("device", device, pointer, notice, text, remedy);
}

/* "kind/name/pointer within"; the names have no "/". */
static json_t *item_of_problem(const struct problem_item *place, const char *device)
{
	for (unsigned kind = 0; kind < OBJECT_KIND_END; kind++) {
		const char *word = object_kind_name(kind);
		size_t len = strlen(word);
		const char *name = place->pointer + len + 1;
		char text[OBJECT_NAME_MAX];

		if (strncmp(place->pointer, word, len) != 0 || place->pointer[len] != '/' ||
		    strcspn(name, "/") >= sizeof(text))
			continue;
		(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, "/"), name);
		return item(word, text, name + strlen(text), false, place->text, place->remedy);
	}
	return item("device", device, place->pointer, false, place->text, place->remedy);
}

json_t *items_of_problem(const struct problem *problem, const char *device)
{
	json_t *items = json_array();

	for (size_t i = 0; items && i < problem->count; i++)
		(void)json_array_append_new(items, item_of_problem(&problem->items[i], device));
	if (items && problem->more > 0) {
		char text[64];

		(void)snprintf(text, sizeof(text), "%zu more places are refused", problem->more);
		(void)json_array_append_new(items, item("device", device, "", false, text, ""));
	}
	return items;
}
