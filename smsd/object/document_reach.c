/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects a device gets: the virtual segments of its segments, and all that those name. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/document_priv.h"

int reach_init(struct reach *reach, const struct document_shelf *shelf)
{
	reach->taken = calloc(shelf->count ? shelf->count : 1, sizeof(*reach->taken));
	return reach->taken ? 0 : SL_ENOMEM;
}

void reach_fini(struct reach *reach)
{
	free(reach->taken);
	*reach = (struct reach){0};
}

bool reach_has(const struct reach *reach, const struct document_shelf *shelf,
               const struct shelf_object *object)
{
	return reach->taken[object - shelf->items] != REACH_NOT;
}

struct search {
	struct reach *reach;
	const struct document_shelf *shelf;
};

static int take(struct search *s, struct shelf_object *object);

/* What nothing has by that name is built in, or for the check of the whole to complain of. */
static int take_named(void *arg, const struct document_text *at)
{
	struct search *s = arg;
	enum object_kind kind = document_kind_of(at->field->ref);
	struct shelf_object *object;

	if (at->field->ref == CONF_NO_COLLECTION || kind == OBJECT_KIND_END)
		return 0;
	object = shelf_find(s->shelf, kind, json_string_value(at->text));
	return object ? take(s, object) : 0;
}

/* As deep as the schema's collections refer to each other, which they do without loops. */
static int take(struct search *s, struct shelf_object *object)
{
	const struct conf_field *list = document_list_of(object->kind);

	if (s->reach->taken[object - s->shelf->items] == REACH_IN)
		return 0;
	s->reach->taken[object - s->shelf->items] = REACH_IN;
	for (const struct shelf_object *p = object->parent; p; p = p->parent)
		if (s->reach->taken[p - s->shelf->items] == REACH_NOT)
			s->reach->taken[p - s->shelf->items] = REACH_BEHIND;
	return list && object->body ? document_walk(list->object, object->body, take_named, s) : 0;
}

int reach_add(struct reach *reach, const struct document_shelf *shelf, struct shelf_object *object)
{
	struct search s = {.reach = reach, .shelf = shelf};

	return take(&s, object);
}

static bool has_segment(const json_t *segments, const char *name)
{
	json_t *segment;
	size_t i;

	json_array_foreach(segments, i, segment)
	{
		const char *its = json_string_value(json_object_get(segment, "name"));

		if (its && strcmp(its, name) == 0)
			return true;
	}
	return false;
}

int reach_of_settings(struct reach *reach, const struct document_shelf *shelf,
                      const json_t *settings)
{
	const json_t *segments = json_object_get(settings, "segments");
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < shelf->count; i++) {
		struct shelf_object *o = &shelf->items[i];
		const char *segment =
		        o->kind == OBJECT_VIRTUAL_SEGMENT && !o->hidden
		                ? json_string_value(json_object_get(o->body, "segment"))
		                : NULL;

		if (segment && has_segment(segments, segment))
			rc = reach_add(reach, shelf, o);
	}
	return rc;
}
