/* SPDX-License-Identifier: Apache-2.0 */
/* Which settings are not what they were at a moment. */
#include "smsd/object/rollback.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/store.h"

static void fini(struct touched *t)
{
	object_fini(&t->now);
	json_decref(t->then);
}

void touched_fini(struct touched_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		fini(&list->items[i]);
	free(list->items);
	*list = (struct touched_list){0};
}

const char *touched_name(const struct touched *t)
{
	return t->then ? json_string_value(json_object_get(t->then, "name")) : t->now.name;
}

/* ---- the moment -------------------------------------------------------------------------- */

static int take_id(void *ret_id, const struct store_row *row)
{
	*(int64_t *)ret_id = store_row_integer(row, 0);
	return 1;
}

/* The last change that belongs to it. */
static int find_change(struct store_tx *tx, const struct setting_moment *to, int64_t *ret_change,
                       struct problem *problem)
{
	const struct store_value value = store_integer(to->change ? to->change : to->time_ms);
	int64_t change = 0;
	int rc = store_tx_run(tx, to->change ? STORE_CHANGE_EXISTS : STORE_CHANGE_AT_TIME, &value,
	                      1, take_id, &change);

	if (rc < 0)
		return rc;
	*ret_change = change;
	if (change != 0)
		return 0;
	if (to->change)
		return problem_add(problem, SL_ENOENT, "/change", "look at the list of changes",
		                   "there is no change %lld", (long long)to->change);
	return problem_add(problem, SL_ENOENT, "/time", "name a later time",
	                   "nothing was there at that time");
}

/* ---- what was changed since -------------------------------------------------------------- */

static int kind_of(const char *name, enum object_kind *ret_kind)
{
	for (unsigned i = 0; i < OBJECT_KIND_END; i++) {
		if (strcmp(object_kind_name(i), name) == 0) {
			*ret_kind = i;
			return 0;
		}
	}
	return SL_EIO;
}

/* Rows: id, kind. */
static int take_touched(void *arg, const struct store_row *row)
{
	struct touched_list *list = arg;
	struct touched t = {.id = store_row_integer(row, 0)};
	struct touched *items;

	if (kind_of(store_row_text(row, 1), &t.kind) != 0)
		return SL_EIO;
	if (!setting_shape(t.kind))
		return 0;
	if (list->count == list->size) {
		size_t size = list->size ? 2 * list->size : 64;

		items = reallocarray(list->items, size, sizeof(*items));
		if (!items)
			return SL_ENOMEM;
		list->items = items;
		list->size = size;
	}
	list->items[list->count++] = t;
	return 0;
}

/* Rows: name, body; none of what is gone. */
static int take_then(void *arg, const struct store_row *row)
{
	json_t **ret_then = arg;

	if (store_row_is_null(row, 1))
		return 1;
	*ret_then = json_loads(store_row_text(row, 1), 0, NULL);
	return json_is_object(*ret_then) ? 1 : SL_EIO;
}

/* As it is, and as it was. */
static int read_both(struct store_tx *tx, int64_t change, struct touched *t)
{
	const struct store_value values[] = {store_integer(t->id), store_integer(change)};
	int rc = store_tx_run(tx, STORE_CHANGE_BEFORE, values, 2, take_then, &t->then);

	if (rc < 0)
		return rc;
	rc = object_get_id_tx(tx, t->kind, t->id, &t->now);
	return rc == SL_ENOENT ? 0 : rc;
}

static bool is_same(const struct touched *t)
{
	return t->then && t->now.body ? json_equal(t->then, t->now.body) : !t->then && !t->now.body;
}

static int read_all(struct store_tx *tx, int64_t change, struct touched_list *list)
{
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct touched *t = &list->items[i];

		if (rc == 0)
			rc = read_both(tx, change, t);
		if (rc == 0 && is_same(t))
			fini(t);
		else
			list->items[kept++] = *t;
	}
	list->count = kept;
	return rc;
}

int touched_find(struct store_tx *tx, const struct setting_moment *to,
                 struct touched_list *ret_list, struct problem *problem)
{
	int64_t change = 0;
	int rc;

	*ret_list = (struct touched_list){0};
	rc = find_change(tx, to, &change, problem);
	if (rc == 0) {
		const struct store_value values[] = {store_integer(change),
		                                     store_integer(2 * OBJECTS_MAX)};

		rc = store_tx_run(tx, STORE_CHANGED_SINCE, values, 2, take_touched, ret_list);
	}
	if (rc >= 0)
		rc = read_all(tx, change, ret_list);
	if (rc == 0 && ret_list->count > SETTING_ROLLBACK_MAX)
		return problem_add(problem, SL_ERANGE, "", "go back in steps",
		                   "%zu objects are not what they were, at most %d go back at once",
		                   ret_list->count, (int)SETTING_ROLLBACK_MAX);
	return rc;
}
