/* SPDX-License-Identifier: Apache-2.0 */
/* What else changes when an object gets a name: the bodies that have its old one, and those that
 * meant a built-in item by the new one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/blob.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

/* ---- a new name in the bodies ------------------------------------------------------------ */

/* Objects, found before any of them is changed: a row function may not call the store. */
struct users {
	struct user {
		enum object_kind kind;
		char name[OBJECT_NAME_MAX];
	} * items;
	size_t count, size;
};

static int users_reserve(struct users *users)
{
	size_t size = users->size ? users->size * 2 : 16;
	struct user *items;

	if (users->count < users->size)
		return 0;
	items = reallocarray(users->items, size, sizeof(*items));
	if (!items)
		return SL_ENOMEM;
	users->items = items;
	users->size = size;
	return 0;
}

static int add_user(void *arg, const struct store_row *row)
{
	struct users *users = arg;
	int rc = users_reserve(users);
	struct user *user;

	if (rc != 0)
		return rc;
	user = &users->items[users->count];
	for (unsigned i = 0; i < OBJECT_KIND_END; i++) {
		if (strcmp(object_kind_name(i), store_row_text(row, 0)) != 0)
			continue;
		user->kind = i;
		(void)snprintf(user->name, sizeof(user->name), "%s", store_row_text(row, 1));
		users->count++;
		return 0;
	}
	return SL_EIO;
}

struct renaming {
	enum object_kind kind;
	const char *old_name, *new_name;
};

static int rename_one(void *arg, const struct reference *at)
{
	const struct renaming *r = arg;
	char text[sizeof(BLOB_PATH) + OBJECT_NAME_MAX];

	if (at->kind != r->kind || strcmp(at->name, r->old_name) != 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%s%s", at->is_file ? BLOB_PATH : "", r->new_name);
	return json_string_set(at->text, text) == 0 ? 0 : SL_ENOMEM;
}

static int rename_in(struct store_tx *tx, const struct object_change *how, const struct user *user,
                     struct renaming *r, struct problem *problem)
{
	struct object object;
	json_t *body;
	int rc = object_get_tx(tx, user->kind, user->name, &object, problem);

	if (rc != 0)
		return rc;
	body = json_deep_copy(object.body);
	rc = body ? reference_walk(user->kind, body, rename_one, r, problem) : SL_ENOMEM;
	if (rc == 0)
		rc = object_replace(tx, how, user->kind, user->name, object.revision, body,
		                    problem);
	json_decref(body);
	object_fini(&object);
	return rc;
}

int reference_rename(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                     int64_t id, const char *old_name, const char *new_name,
                     struct problem *problem)
{
	const struct store_value values[] = {store_integer(id), store_integer(OBJECTS_MAX)};
	struct renaming r = {.kind = kind, .old_name = old_name, .new_name = new_name};
	struct users users = {0};
	int rc = store_tx_run(tx, STORE_OBJECT_USERS, values, 2, add_user, &users);

	for (size_t i = 0; rc >= 0 && i < users.count; i++)
		rc = rename_in(tx, how, &users.items[i], &r, problem);
	free(users.items);
	return rc < 0 ? rc : 0;
}

/* ---- in the place of a built-in item ----------------------------------------------------- */

struct adoption {
	enum object_kind kind;  /* of the object that is new, */
	const char *name;       /* and its name */
	enum object_kind reads; /* of the bodies that are looked through */
	int64_t *ids;           /* those that name it */
	size_t count;
	bool found;
	struct problem *problem;
};

static int see(void *arg, const struct reference *at)
{
	struct adoption *a = arg;

	a->found = a->found || (at->kind == a->kind && strcmp(at->name, a->name) == 0);
	return 0;
}

static int look_through(void *arg, const struct store_row *row)
{
	struct adoption *a = arg;
	json_t *body = json_loads(store_row_text(row, 1), 0, NULL);
	int64_t *ids;
	int rc = body ? 0 : SL_EIO;

	a->found = false;
	if (rc == 0)
		rc = reference_walk(a->reads, body, see, a, a->problem);
	json_decref(body);
	if (rc != 0 || !a->found)
		return rc;
	ids = reallocarray(a->ids, a->count + 1, sizeof(*ids));
	if (!ids)
		return SL_ENOMEM;
	a->ids = ids;
	a->ids[a->count++] = store_row_integer(row, 0);
	return 0;
}

int reference_adopt(struct store_tx *tx, enum object_kind kind, int64_t id, const char *name,
                    struct problem *problem)
{
	struct adoption a = {.kind = kind, .name = name, .problem = problem};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < OBJECT_KIND_END; i++) {
		const struct store_value value = store_text(object_kind_name(i));

		a.reads = i;
		if (setting_shape(i))
			rc = store_tx_run(tx, STORE_OBJECT_BODIES, &value, 1, look_through, &a);
		rc = rc < 0 ? rc : 0;
	}
	for (size_t i = 0; rc == 0 && i < a.count; i++)
		rc = object_refer(tx, a.ids[i], id);
	free(a.ids);
	return rc;
}
