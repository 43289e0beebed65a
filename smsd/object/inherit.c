/* SPDX-License-Identifier: Apache-2.0 */
/* A child's body over its parent's. */
#include "smsd/object/inherit.h"

#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/setting.h"

#define PARENT         "parent"
#define INHERITED_FROM "inherited_from"

bool inherit_is_kind(enum object_kind kind)
{
	const struct conf_object *shape = setting_shape(kind);

	return shape && conf_object_field(shape, PARENT);
}

const char *inherit_parent(const json_t *body)
{
	return json_string_value(json_object_get(body, PARENT));
}

json_t *inherit_strip(const struct conf_object *shape, json_t *own)
{
	json_t *body = NULL;

	for (size_t i = 0; i < shape->count; i++) {
		const struct conf_field *f = &shape->fields[i];

		if (!(f->flags & CONF_SMS_ONLY) || !json_object_get(own, f->name))
			continue;
		if (!body)
			body = json_copy(own);
		if (!body)
			return NULL;
		(void)json_object_del(body, f->name);
	}
	return body ? body : json_incref(own);
}

/* ---- lists ------------------------------------------------------------------------------- */

/* One list of a child as it becomes. */
struct merge {
	const struct conf_object *item;
	const json_t *own, *theirs;
	const json_t *origins; /* of theirs; NULL: the parent's own */
	const struct inherited *parent;
	size_t number;
	json_t *list, *whose;
};

/* What an item is the same by. */
static const char *key_of(const struct merge *m, const json_t *item)
{
	const char *key = json_string_value(json_object_get(item, m->item->fields[0].name));

	return key ? key : "";
}

static json_t *keys_of(const struct merge *m, const json_t *list)
{
	json_t *keys = json_object();
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (keys && json_object_set_new(keys, key_of(m, item), json_true()) != 0) {
			json_decref(keys);
			return NULL;
		}
	}
	return keys;
}

static int add(struct merge *m, const json_t *item, const char *from, json_t *whose)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)item);
	int rc = whose && json_array_append_new(m->whose, whose) == 0 ? 0 : SL_ENOMEM;

	if (rc == 0 && from && conf_object_field(m->item, INHERITED_FROM) &&
	    json_object_set_new(copy, INHERITED_FROM, json_string(from)) != 0)
		rc = SL_ENOMEM;
	return json_array_append_new(m->list, copy) == 0 ? rc : SL_ENOMEM;
}

static json_t *origin(size_t number, size_t index)
{
	return json_pack("{s:I, s:I}", "object", (json_int_t)number, "index", (json_int_t)index);
}

/* Items of the child with that key (NULL: with none of `keys`). */
static int add_own(struct merge *m, const char *key, const json_t *keys, const char *from)
{
	json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach(m->own, i, item)
	{
		const char *its = key_of(m, item);

		if (rc == 0 && (key ? strcmp(its, key) == 0 : !json_object_get(keys, its)))
			rc = add(m, item, from, origin(m->number, i));
	}
	return rc;
}

/* Whose policy it is by name: an ancestor's of the parent, or the parent's. */
static const char *owner_of(const struct merge *m, const json_t *item)
{
	const char *owner = json_string_value(json_object_get(item, INHERITED_FROM));

	return owner ? owner : m->parent->name;
}

static int add_theirs(struct merge *m, json_t *own_keys)
{
	json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach(m->theirs, i, item)
	{
		const char *key = key_of(m, item);
		const json_t *overrides = json_object_get(own_keys, key);

		if (rc != 0)
			break;
		if (!overrides) {
			json_t *whose = m->origins ? json_incref(json_array_get(m->origins, i))
			                           : origin(m->parent->number, i);

			rc = add(m, item, owner_of(m, item), whose);
		} else if (json_is_true(overrides)) {
			rc = add_own(m, key, NULL, owner_of(m, item));
			/* A key that the parent has twice is overridden once. */
			if (rc == 0 && json_object_set_new(own_keys, key, json_false()) != 0)
				rc = SL_ENOMEM;
		}
	}
	return rc;
}

static int merge_list(struct merge *m)
{
	json_t *own_keys = keys_of(m, m->own);
	json_t *their_keys = keys_of(m, m->theirs);
	int rc = own_keys && their_keys ? add_own(m, NULL, their_keys, NULL) : SL_ENOMEM;

	if (rc == 0)
		rc = add_theirs(m, own_keys);
	json_decref(own_keys);
	json_decref(their_keys);
	return rc;
}

/* ---- rows -------------------------------------------------------------------------------- */

struct resolve {
	const json_t *own;
	size_t number;
	const struct inherited *parent;
	json_t *body, *origins;
};

static int resolve_list(struct resolve *r, const struct conf_field *f)
{
	struct merge m = {
	        .item = f->object,
	        .own = json_object_get(r->own, f->name),
	        .theirs = json_object_get(r->parent->body, f->name),
	        .origins = json_object_get(r->parent->origins, f->name),
	        .parent = r->parent,
	        .number = r->number,
	        .list = json_array(),
	        .whose = json_array(),
	};
	int rc = m.list && m.whose ? merge_list(&m) : SL_ENOMEM;

	if (rc == 0 && json_array_size(m.list) > 0 &&
	    (json_object_set(r->body, f->name, m.list) != 0 ||
	     json_object_set(r->origins, f->name, m.whose) != 0))
		rc = SL_ENOMEM;
	json_decref(m.list);
	json_decref(m.whose);
	return rc;
}

static int resolve_variables(struct resolve *r, const struct conf_field *f)
{
	const json_t *own = json_object_get(r->own, f->name);
	const json_t *theirs = json_object_get(r->parent->body, f->name);
	json_t *all = theirs ? json_copy((json_t *)(uintptr_t)theirs) : json_object();
	int rc = all ? 0 : SL_ENOMEM;

	if (rc == 0 && own && json_object_update(all, (json_t *)(uintptr_t)own) != 0)
		rc = SL_ENOMEM;
	if (rc == 0 && json_object_size(all) > 0 && json_object_set(r->body, f->name, all) != 0)
		rc = SL_ENOMEM;
	json_decref(all);
	return rc;
}

/* A list of items, a map of variables; any other setting is the child's where it has one. */
static int resolve_row(struct resolve *r, const struct conf_field *f)
{
	json_t *own = json_object_get(r->own, f->name);

	if (f->flags & CONF_SMS_ONLY)
		return 0;
	if (f->type == CONF_TYPE_OBJECTS)
		return resolve_list(r, f);
	if (f->type == CONF_TYPE_VARIABLES)
		return resolve_variables(r, f);
	if (!own)
		own = json_object_get(r->parent->body, f->name);
	return !own || json_object_set(r->body, f->name, own) == 0 ? 0 : SL_ENOMEM;
}

int inherit_resolve(const struct conf_object *shape, const json_t *own, size_t number,
                    const struct inherited *parent, json_t **ret_body, json_t **ret_origins)
{
	struct resolve r = {.own = own,
	                    .number = number,
	                    .parent = parent,
	                    .body = json_object(),
	                    .origins = json_object()};
	int rc = r.body && r.origins ? 0 : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < shape->count; i++)
		rc = resolve_row(&r, &shape->fields[i]);
	if (rc != 0) {
		json_decref(r.body);
		json_decref(r.origins);
		return rc;
	}
	*ret_body = r.body;
	*ret_origins = r.origins;
	return 0;
}
