/* SPDX-License-Identifier: Apache-2.0 */
/* Items of a status: places of a document as the objects that people know. */
#include <stdio.h>
#include <string.h>

#include "smsd/base/problem.h"
#include "smsd/object/document.h"
#include "smsd/object/object.h"
#include "smsd/push/push_priv.h"

static json_t *item(const char *kind, const char *name, const char *pointer, bool notice,
                    const char *text, const char *remedy)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "kind", kind, "name", name, "pointer",
	                 pointer, "notice", notice, "text", text, "remedy", remedy);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_t *item_of_place(const json_t *tree, const char *device, const char *pointer, bool notice,
                      const char *text, const char *remedy)
{
	json_t *place = tree ? document_place(tree, pointer) : NULL;
	json_t *made = text_of(place, "kind")[0]
	                       ? item(text_of(place, "kind"), text_of(place, "name"),
	                              text_of(place, "pointer"), notice, text, remedy)
	                       : item("device", device, pointer, notice, text, remedy);

	json_decref(place);
	return made;
}

json_t *item_of_notice(const json_t *notice, const char *device)
{
	const json_t *object = json_object_get(notice, "object");
	bool own = !json_is_object(object);

	return item(own ? "device" : text_of(object, "kind"),
	            own ? device : text_of(object, "name"), text_of(notice, "pointer"), true,
	            text_of(notice, "text"), text_of(notice, "remedy"));
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
