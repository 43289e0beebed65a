/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All settings back to a moment, in one write: first nothing of what is touched names or is named
 * any more, then what was made since goes, then all names and bodies are what they were, then what
 * they name is looked up again; at last all together is checked, as after any change.
 */
#include "smsd/object/rollback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/object/document.h"
#include "smsd/object/inherit.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

struct undo {
	const struct setting_change *how;
	const struct setting_moment *to;
	uint32_t kinds;
	struct touched_list list;
	struct store_tx *tx;
	struct document_shelf *before;
	json_t *objects, *notices;
	struct problem *problem;
};

static struct object_change change_of(const struct undo *u)
{
	return (struct object_change){
	        .actor = u->how->actor, .action = "rollback", .comment = u->how->comment};
}

/* ---- reasons ----------------------------------------------------------------------------- */

/* What is said of one object, at "kind/name/pointer": others are asked too, unless the store itself
 * has failed. */
static int tell(const struct undo *u, const struct touched *t, struct problem *part, int rc)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct problem_item *item = &part->items[i];
		char where[OBJECT_NAME_MAX + PROBLEM_POINTER_MAX + 64];

		(void)snprintf(where, sizeof(where), "%s/%s%s", object_kind_name(t->kind),
		               touched_name(t), item->pointer);
		(void)problem_add(u->problem, part->code, where, item->remedy, "%s", item->text);
	}
	u->problem->more += part->more;
	if (part->count > 0)
		rc = 0;
	problem_fini(part);
	return rc;
}

/* One step of the way for one object. */
typedef int step_fn(struct undo *u, struct touched *t, struct problem *part);

static int each(struct undo *u, step_fn *step)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < u->list.count; i++) {
		struct problem part = {0};

		rc = step(u, &u->list.items[i], &part);
		rc = tell(u, &u->list.items[i], &part, rc);
	}
	return rc;
}

/* ---- whether he may, and it is still right by itself --------------------------------------- */

static int may(struct undo *u, struct touched *t, struct problem *part)
{
	json_t *canonical = NULL;
	int rc = 0;

	if (!(u->kinds >> t->kind & 1))
		return problem_add(part, SL_EPERM, "", "ask somebody who may change it",
		                   "you may not change a %s", object_kind_name(t->kind));
	if (!u->how->may_locked)
		rc = setting_check_locked(u->tx, t->kind, t->now.body ? t->id : 0, t->now.body,
		                          t->then, part);
	if (rc == 0 && t->then)
		rc = setting_check_body(t->kind, t->then, &canonical, part);
	json_decref(canonical);
	return rc;
}

/* ---- what it says from now on --------------------------------------------------------------- */

static int show(struct undo *u, struct touched *t, struct problem *part)
{
	json_t *diff = NULL;
	int rc = setting_diff(t->kind, t->now.body, t->then, &diff);

	(void)part;
	if (rc != 0)
		return rc;
	return json_array_append_new(u->objects, json_pack("{s:s, s:s, s:s, s:o}", "kind",
	                                                   object_kind_name(t->kind), "name",
	                                                   touched_name(t), "action",
	                                                   !t->then      ? "deleted"
	                                                   : t->now.body ? "changed"
	                                                                 : "made",
	                                                   "diff", diff)) == 0
	               ? 0
	               : SL_ENOMEM;
}

/* ---- the steps --------------------------------------------------------------------------- */

/* It names nothing, owns no policy's name, and its own name is free. A name has no slash. */
static int let_go(struct undo *u, struct touched *t, struct problem *part)
{
	const struct store_value id = store_integer(t->id);
	char away[32];
	int rc;

	(void)part;
	if (!t->now.body)
		return 0;
	rc = object_forget(u->tx, t->id);
	if (rc == 0)
		rc = store_tx_run(u->tx, STORE_POLICY_NAMES_DROP, &id, 1, NULL, NULL);
	if (rc != 0 || !t->then || strcmp(touched_name(t), t->now.name) == 0)
		return rc;
	(void)snprintf(away, sizeof(away), "/%lld", (long long)t->id);
	(void)snprintf(t->now.name, sizeof(t->now.name), "%s", away);
	return store_tx_run(u->tx, STORE_OBJECT_NAME_AWAY,
	                    (const struct store_value[]){id, store_text(away)}, 2, NULL, NULL);
}

/* What was made since. Who named it meant the built-in item, if it has such a name. */
static int delete_it(struct undo *u, struct touched *t, struct problem *part)
{
	const struct object_change how = change_of(u);
	const struct store_value id = store_integer(t->id);
	int rc = 0;

	if (t->then)
		return 0;
	if (reference_is_builtin(t->kind, t->now.name))
		rc = store_tx_run(u->tx, STORE_REFERENCE_DROP_TO, &id, 1, NULL, NULL);
	return rc ? rc : object_delete(u->tx, &how, t->kind, t->now.name, t->now.revision, part);
}

static int put_back(struct undo *u, struct touched *t, struct problem *part)
{
	const struct object_change how = change_of(u);

	if (!t->then)
		return 0;
	if (!t->now.body)
		return object_restore(u->tx, &how, t->kind, t->id, touched_name(t), t->then, part);
	return object_replace_as(u->tx, &how, t->kind, t->now.name, t->now.revision,
	                         touched_name(t), t->then, part);
}

static int refer(struct undo *u, struct touched *t, struct problem *part)
{
	int rc = t->then ? reference_set(u->tx, t->kind, t->id, t->then, part) : 0;

	if (rc == 0 && t->then && reference_is_builtin(t->kind, touched_name(t)))
		rc = reference_adopt(u->tx, t->kind, t->id, touched_name(t), part);
	return rc;
}

/* Names of policies are written down from the top: an ancestor's before what overrides them. */
static int count_ancestors(struct undo *u, struct touched *t, struct problem *part)
{
	struct relatives ancestors = {0};
	int rc = inherit_ancestors(u->tx, t->kind, t->id, t->then, &ancestors, part);

	t->ancestors = ancestors.count;
	relatives_fini(&ancestors);
	return rc;
}

static int by_ancestors(const void *a, const void *b)
{
	const struct touched *x = a;
	const struct touched *y = b;

	if (x->ancestors != y->ancestors)
		return (x->ancestors > y->ancestors) - (x->ancestors < y->ancestors);
	return (x->id > y->id) - (x->id < y->id);
}

static int name_policies(struct undo *u, struct touched *t, struct problem *part)
{
	return t->then ? setting_check_policies(u->tx, t->kind, t->id, t->then, part) : 0;
}

static int go_back(struct undo *u)
{
	static step_fn *const steps[] = {let_go, delete_it, put_back, refer, count_ancestors};
	int rc = each(u, may);

	for (size_t i = 0; rc == 0 && u->problem->code == 0 && i < SL_ARRAY_LEN(steps); i++)
		rc = each(u, steps[i]);
	if (rc != 0 || u->problem->code != 0)
		return rc ? rc : u->problem->code;
	qsort(u->list.items, u->list.count, sizeof(u->list.items[0]), by_ancestors);
	rc = each(u, name_policies);
	return rc ? rc : u->problem->code;
}

/* ---- the write --------------------------------------------------------------------------- */

static int check_together(struct undo *u)
{
	json_t *notices = NULL;
	int rc = document_check_since_tx(u->tx, u->before, &notices, u->problem);

	/* As after a change of one (setting.c). */
	if (rc == SL_ECONFLICT || rc == SL_ELIMIT)
		rc = u->problem->code = SL_EMISMATCH;
	if (rc != 0)
		return rc;
	json_decref(u->notices);
	u->notices = notices;
	return 0;
}

static int undo_all(struct undo *u)
{
	int rc = touched_find(u->tx, u->to, &u->list, u->problem);

	if (rc != 0 || u->list.count == 0)
		return rc;
	rc = document_shelf_open_tx(u->tx, &u->before);
	if (rc == 0)
		rc = each(u, show);
	if (rc == 0)
		rc = go_back(u);
	if (rc == 0)
		rc = check_together(u);
	return rc;
}

static int run(void *arg, struct store_tx *tx)
{
	struct undo *u = arg;
	int rc;

	problem_fini(u->problem);
	(void)json_array_clear(u->objects);
	u->tx = tx;
	rc = undo_all(u);
	document_shelf_close(u->before);
	u->before = NULL;
	touched_fini(&u->list);
	return rc == 0 && u->how->check_only ? WRITING_CHECKED : rc;
}

int setting_rollback_all(struct store *store, const struct setting_change *how, uint32_t kinds,
                         const struct setting_moment *to, json_t **ret_objects,
                         json_t **ret_notices, struct problem *problem)
{
	struct undo u = {.how = how,
	                 .to = to,
	                 .kinds = kinds,
	                 .objects = json_array(),
	                 .notices = json_array(),
	                 .problem = problem};
	int rc = comment_check(how->comment, problem);

	if (rc == 0)
		rc = u.objects && u.notices ? store_write(store, run, &u) : SL_ENOMEM;
	rc = rc == WRITING_CHECKED ? 0 : rc;
	(void)problem_tell(problem, rc);
	if (rc == 0) {
		*ret_objects = u.objects;
		*ret_notices = u.notices;
		return 0;
	}
	json_decref(u.objects);
	json_decref(u.notices);
	return rc;
}
