/* SPDX-License-Identifier: Apache-2.0 */
/* A body along the rows of its shape: what it names, and of which kind that is. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/pointer.h"
#include "smsd/object/document_priv.h"

struct walk {
	document_text_fn *fn;
	void *arg;
	struct conf_pointer at;
};

static int say(struct walk *w, const struct conf_field *f, json_t *holder, json_t *text)
{
	const struct document_text at = {
	        .field = f, .holder = holder, .text = text, .pointer = w->at.text};

	return json_is_string(text) ? w->fn(w->arg, &at) : 0;
}

static int walk_map(struct walk *w, const struct conf_object *shape, json_t *map);

/* Depth is the schema's, which has no loops. */
static int walk_value(struct walk *w, const struct conf_field *f, json_t *holder, json_t *value)
{
	bool maps = f->type == CONF_TYPE_OBJECTS;
	json_t *item;
	size_t i;
	int rc = 0;

	switch (f->type) {
	case CONF_TYPE_REF:
	case CONF_TYPE_PATH:
		return say(w, f, holder, value);
	case CONF_TYPE_OBJECT:
		return walk_map(w, f->object, value);
	case CONF_TYPE_REFS:
	case CONF_TYPE_PATHS:
	case CONF_TYPE_OBJECTS:
		json_array_foreach(value, i, item)
		{
			size_t was = conf_pointer_enter_item(&w->at, i);

			rc = maps ? walk_map(w, f->object, item) : say(w, f, holder, item);
			conf_pointer_leave(&w->at, was);
			if (rc != 0)
				return rc;
		}
		return 0;
	default:
		return 0;
	}
}

static int walk_map(struct walk *w, const struct conf_object *shape, json_t *map)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < shape->count; i++) {
		const struct conf_field *f = &shape->fields[i];
		json_t *value = json_object_get(map, f->name);
		size_t was;

		if (!value)
			continue;
		was = conf_pointer_enter(&w->at, f->name);
		rc = walk_value(w, f, map, value);
		conf_pointer_leave(&w->at, was);
	}
	return rc;
}

int document_walk(const struct conf_object *shape, json_t *body, document_text_fn *fn, void *arg)
{
	struct walk w = {.fn = fn, .arg = arg};

	return walk_map(&w, shape, body);
}

/* ---- kinds and lists --------------------------------------------------------------------- */

static const char *list_key(enum object_kind kind)
{
	if (kind == OBJECT_CERTIFICATE)
		return "certificates";
	return kind == OBJECT_CA_CERTIFICATE ? "ca_certificates" : object_kind_key(kind);
}

const struct conf_field *document_list_of(enum object_kind kind)
{
	const char *key = list_key(kind);

	return key[0] ? conf_object_field(&conf_schema, key) : NULL;
}

enum object_kind document_kind_of(enum conf_collection collection)
{
	for (unsigned kind = 0; kind < OBJECT_KIND_END; kind++) {
		const struct conf_field *list = document_list_of(kind);

		if (list && list->collection != CONF_NO_COLLECTION &&
		    list->collection == collection)
			return kind;
	}
	return OBJECT_KIND_END;
}

bool document_is_kind(const struct conf_field *top)
{
	for (unsigned kind = 0; kind < OBJECT_KIND_END; kind++)
		if (strcmp(list_key(kind), top->name) == 0)
			return true;
	return false;
}
