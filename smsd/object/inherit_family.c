/* SPDX-License-Identifier: Apache-2.0 */
/* Ancestors and descendants of a profile, in the write that changes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/inherit.h"
#include "smsd/store/store.h"

void relatives_fini(struct relatives *relatives)
{
	for (size_t i = 0; i < relatives->count; i++)
		json_decref(relatives->items[i].body);
	free(relatives->items);
	*relatives = (struct relatives){0};
}

/* Takes `body` over; NULL is out of memory, or damaged. */
static int add(struct relatives *all, int64_t id, const char *name, json_t *body, unsigned level)
{
	struct relative *to;

	if (!body)
		return SL_EIO;
	if (all->count == all->size) {
		size_t size = all->size ? 2 * all->size : INHERIT_LEVELS_MAX;
		struct relative *items = reallocarray(all->items, size, sizeof(*items));

		if (!items) {
			json_decref(body);
			return SL_ENOMEM;
		}
		all->items = items;
		all->size = size;
	}
	to = &all->items[all->count++];
	*to = (struct relative){.id = id, .body = body, .level = level};
	(void)snprintf(to->name, sizeof(to->name), "%s", name);
	return 0;
}

static int too_many(enum object_kind kind, struct problem *problem)
{
	return problem_add(problem, SL_ERANGE, "/parent", "name a parent that is nearer to the top",
	                   "a %s and its ancestors are %d at most", object_kind_name(kind),
	                   (int)INHERIT_LEVELS_MAX);
}

/* ---- ancestors --------------------------------------------------------------------------- */

static int take_parent(void *arg, const struct store_row *row)
{
	return add(arg, store_row_integer(row, 0), store_row_text(row, 1),
	           json_loads(store_row_text(row, 4), 0, NULL), 0);
}

int inherit_ancestors(struct store_tx *tx, enum object_kind kind, int64_t id, const json_t *body,
                      struct relatives *ret_ancestors, struct problem *problem)
{
	struct relatives *all = ret_ancestors;
	const char *parent = inherit_is_kind(kind) ? inherit_parent(body) : NULL;

	*all = (struct relatives){0};
	while (parent) {
		const struct store_value values[] = {store_text(object_kind_name(kind)),
		                                     store_text(parent)};
		size_t before = all->count;
		int rc = store_tx_run(tx, STORE_OBJECT_BY_NAME, values, 2, take_parent, all);

		if (rc < 0)
			return rc;
		if (all->count == before)
			return 0;
		if (all->items[before].id == id)
			return problem_add(problem, SL_EINVAL, "/parent",
			                   "name a parent that does not inherit from it",
			                   "the %s would be an ancestor of itself",
			                   object_kind_name(kind));
		if (all->count == INHERIT_LEVELS_MAX)
			return too_many(kind, problem);
		parent = inherit_parent(all->items[before].body);
	}
	return 0;
}

/* ---- descendants ------------------------------------------------------------------------- */

struct children {
	struct relatives *all;
	unsigned level;
};

/* Rows: id, name, body. */
static int take_child(void *arg, const struct store_row *row)
{
	const struct children *children = arg;

	return add(children->all, store_row_integer(row, 0), store_row_text(row, 1),
	           json_loads(store_row_text(row, 2), 0, NULL), children->level);
}

/* By levels: what is added is looked at in its turn. */
int inherit_descendants(struct store_tx *tx, enum object_kind kind, int64_t id, size_t above,
                        struct relatives *ret_descendants, struct problem *problem)
{
	struct relatives *all = ret_descendants;
	size_t next = 0;
	unsigned level = 0;

	*all = (struct relatives){0};
	for (;;) {
		const struct store_value values[] = {store_integer(id),
		                                     store_text(object_kind_name(kind))};
		struct children children = {.all = all, .level = level + 1};
		size_t before = all->count;
		int rc = store_tx_run(tx, STORE_OBJECT_CHILDREN, values, 2, take_child, &children);

		if (rc < 0)
			return rc;
		if (all->count > before && above + 1 + children.level > INHERIT_LEVELS_MAX)
			return too_many(kind, problem);
		if (next == all->count)
			return 0;
		id = all->items[next].id;
		level = all->items[next].level;
		next++;
	}
}
