/* SPDX-License-Identifier: Apache-2.0 */
/* All objects at one moment, by one statement, and what is installed: what documents are made of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/document_priv.h"
#include "smsd/object/inherit.h"
#include "smsd/object/setting.h"
#include "smsd/store/store.h"

enum { FIRST_ROOM = 256 };

static int kind_by_name(const char *name, enum object_kind *ret_kind)
{
	for (unsigned i = 0; i < OBJECT_KIND_END; i++) {
		if (strcmp(object_kind_name(i), name) == 0) {
			*ret_kind = i;
			return 0;
		}
	}
	return SL_EIO;
}

static struct shelf_object *next_place(struct document_shelf *shelf)
{
	if (shelf->count == shelf->size) {
		size_t size = shelf->size ? 2 * shelf->size : FIRST_ROOM;
		struct shelf_object *items = reallocarray(shelf->items, size, sizeof(*items));

		if (!items)
			return NULL;
		shelf->items = items;
		shelf->size = size;
	}
	return memset(&shelf->items[shelf->count], 0, sizeof(shelf->items[0]));
}

/* Rows: kind, id, name, revision, key's id, whether the vault has it, body. */
static int take(void *arg, const struct store_row *row)
{
	struct document_shelf *shelf = arg;
	struct shelf_object *o = next_place(shelf);
	const void *key;
	size_t len;

	if (!o)
		return SL_ENOMEM;
	if (kind_by_name(store_row_text(row, 0), &o->kind) != 0)
		return SL_EIO;
	o->id = store_row_integer(row, 1);
	(void)snprintf(o->name, sizeof(o->name), "%s", store_row_text(row, 2));
	o->revision = store_row_integer(row, 3);
	key = store_row_blob(row, 4, &len);
	if (len == sizeof(o->key_id))
		memcpy(o->key_id, key, len);
	o->has_key = store_row_integer(row, 5) != 0;
	if (!store_row_is_null(row, 6)) {
		o->own = json_loads(store_row_text(row, 6), 0, NULL);
		if (!json_is_object(o->own)) {
			json_decref(o->own);
			return SL_EIO;
		}
	}
	shelf->count++;
	return 0;
}

static int by_kind_and_name(const void *a, const void *b)
{
	const struct shelf_object *x = a;
	const struct shelf_object *y = b;

	return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind)
	                          : strcmp(x->name, y->name);
}

/* ---- what documents have of objects ------------------------------------------------------ */

static void drop_body(struct shelf_object *o)
{
	json_decref(o->body);
	json_decref(o->origins);
	o->body = o->origins = NULL;
	o->parent = NULL;
}

static int resolve(struct document_shelf *shelf, struct shelf_object *o, unsigned level);

static int resolve_child(struct document_shelf *shelf, struct shelf_object *o,
                         const struct conf_object *shape, unsigned level)
{
	struct inherited inherited = {.name = o->parent->name};
	int rc = resolve(shelf, o->parent, level + 1);

	if (rc != 0)
		return rc;
	inherited.number = (size_t)(o->parent - shelf->items);
	inherited.body = o->parent->body;
	inherited.origins = o->parent->origins;
	return inherit_resolve(shape, o->own, (size_t)(o - shelf->items), &inherited, &o->body,
	                       &o->origins);
}

/* Parents first. More levels than a write lets in are a damaged row. */
static int resolve(struct document_shelf *shelf, struct shelf_object *o, unsigned level)
{
	const struct conf_object *shape = setting_shape(o->kind);
	const char *parent;

	if (o->body || !o->own)
		return 0;
	if (level > INHERIT_LEVELS_MAX)
		return SL_EIO;
	parent = inherit_is_kind(o->kind) ? inherit_parent(o->own) : NULL;
	o->parent = parent ? shelf_find(shelf, o->kind, parent) : NULL;
	if (o->parent)
		return resolve_child(shelf, o, shape, level);
	o->body = shape ? inherit_strip(shape, o->own) : json_incref(o->own);
	return o->body ? 0 : SL_ENOMEM;
}

int shelf_resolve(struct document_shelf *shelf)
{
	int rc = 0;

	for (size_t i = 0; i < shelf->count; i++)
		drop_body(&shelf->items[i]);
	for (size_t i = 0; rc == 0 && i < shelf->count; i++) {
		struct shelf_object *o = &shelf->items[i];

		o->place = object_place(o->kind, o->own);
		rc = resolve(shelf, o, 0);
	}
	return rc;
}

/* As if it was an object, where none has its name. */
static int add_recommended(struct document_shelf *shelf)
{
	json_t *policy = shelf->packages.of[PACKAGE_DECRYPTION].policy;
	const char *name = json_string_value(json_object_get(policy, "name"));
	struct shelf_object *o;

	if (!name)
		return 0;
	for (size_t i = 0; i < shelf->count; i++)
		if (shelf->items[i].kind == OBJECT_DECRYPTION_POLICY &&
		    strcmp(shelf->items[i].name, name) == 0)
			return 0;
	o = next_place(shelf);
	if (!o)
		return SL_ENOMEM;
	o->kind = OBJECT_DECRYPTION_POLICY;
	(void)snprintf(o->name, sizeof(o->name), "%s", name);
	o->own = json_incref(policy);
	shelf->count++;
	return 0;
}

static int finish(struct document_shelf *shelf, int rc, struct document_shelf *ret_shelf)
{
	if (rc >= 0)
		rc = add_recommended(shelf);
	if (rc >= 0 && shelf->count > 0)
		qsort(shelf->items, shelf->count, sizeof(shelf->items[0]), by_kind_and_name);
	if (rc >= 0)
		rc = shelf_resolve(shelf);
	if (rc < 0) {
		shelf_fini(shelf);
		return rc;
	}
	*ret_shelf = *shelf;
	return 0;
}

int shelf_load(struct store *store, struct document_shelf *ret_shelf)
{
	const struct store_value value = store_text(object_kind_name(OBJECT_SIGNING_REQUEST));
	struct document_shelf shelf = {.store = store};
	int rc = store_read(store, STORE_DOCUMENT_OBJECTS, &value, 1, take, &shelf);

	if (rc >= 0)
		rc = installed_load(store, &shelf.packages);
	return finish(&shelf, rc, ret_shelf);
}

int shelf_load_tx(struct store_tx *tx, struct document_shelf *ret_shelf)
{
	const struct store_value value = store_text(object_kind_name(OBJECT_SIGNING_REQUEST));
	struct document_shelf shelf = {0};
	int rc = store_tx_run(tx, STORE_DOCUMENT_OBJECTS, &value, 1, take, &shelf);

	if (rc >= 0)
		rc = installed_load_tx(tx, &shelf.packages);
	return finish(&shelf, rc, ret_shelf);
}

void shelf_fini(struct document_shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++) {
		drop_body(&shelf->items[i]);
		json_decref(shelf->items[i].own);
	}
	free(shelf->items);
	installed_fini(&shelf->packages);
	*shelf = (struct document_shelf){0};
}

struct shelf_object *shelf_find(const struct document_shelf *shelf, enum object_kind kind,
                                const char *name)
{
	struct shelf_object key = {.kind = kind};
	struct shelf_object *found;

	if (shelf->count == 0 || strlen(name) >= sizeof(key.name))
		return NULL;
	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	found = bsearch(&key, shelf->items, shelf->count, sizeof(key), by_kind_and_name);
	return found && !found->hidden ? found : NULL;
}

struct shelf_object *shelf_find_id(const struct document_shelf *shelf, int64_t id)
{
	for (size_t i = 0; i < shelf->count; i++)
		if (shelf->items[i].id == id)
			return &shelf->items[i];
	return NULL;
}
