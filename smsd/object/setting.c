/* SPDX-License-Identifier: Apache-2.0 */
/* Writes of settings, each one write of the store: body, references, names of policies, and what
 * refers to it; then the check of all together. */
#include "smsd/object/setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/object/document.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

const struct conf_object *setting_shape(enum object_kind kind)
{
	switch (kind) {
#define KIND(NAME, name, collection, key, capability, help)
#define SETTING(NAME, name, collection, key, capability, object, help)                             \
	case OBJECT_##NAME:                                                                        \
		return &(object);
#include "smsd/object/kind.def"
#undef KIND
	default:
		return NULL;
	}
}

const struct conf_field *setting_field(enum object_kind kind)
{
	const char *key = object_kind_key(kind);

	return key[0] ? conf_object_field(&conf_schema, key) : NULL;
}

/* ---- one write --------------------------------------------------------------------------- */

static const char *new_name_of(const struct writing *w)
{
	return json_string_value(json_object_get(w->body, "name"));
}

static struct object_change change_of(const struct writing *w, const char *action)
{
	return (struct object_change){
	        .actor = w->how->actor, .action = action, .comment = w->how->comment};
}

static int look_at_locks(struct store_tx *tx, const struct writing *w, int64_t id,
                         const json_t *before)
{
	return w->how->may_locked
	               ? 0
	               : setting_check_locked(tx, w->kind, id, before, w->body, w->problem);
}

/* Would every document be right? */
static int check_together(struct store_tx *tx, struct writing *w, int64_t id)
{
	json_t *notices = NULL;
	int rc = document_check_tx(tx, id, &notices, w->problem);

	/* Of settings that are in each other's way, or too many; of two writers it is said by
	 * object_get_seen. */
	if (rc == SL_ECONFLICT || rc == SL_ELIMIT)
		rc = w->problem->code = SL_EMISMATCH;
	if (rc != 0)
		return rc;
	json_decref(w->notices);
	w->notices = notices;
	return 0;
}

/* What a new body, or a new name, brings with it. */
static int settle(struct store_tx *tx, struct writing *w, int64_t id, bool is_new_name)
{
	int rc = reference_set(tx, w->kind, id, w->body, w->problem);

	if (rc == 0)
		rc = setting_check_policies(tx, w->kind, id, w->body, w->problem);
	if (rc == 0 && is_new_name && reference_is_builtin(w->kind, new_name_of(w)))
		rc = reference_adopt(tx, w->kind, id, new_name_of(w), w->problem);
	return rc ? rc : check_together(tx, w, id);
}

static int make(struct store_tx *tx, struct writing *w)
{
	const struct object_change how = change_of(w, w->action);
	int64_t id = 0;
	int rc = look_at_locks(tx, w, w->gone, NULL);

	if (rc == 0 && w->gone) {
		id = w->gone;
		rc = object_restore(tx, &how, w->kind, id, new_name_of(w), w->body, w->problem);
	} else if (rc == 0) {
		rc = object_create(tx, &how, w->kind, new_name_of(w), w->body, &id, w->problem);
	}
	return rc ? rc : settle(tx, w, id, true);
}

static int rename_users(struct store_tx *tx, const struct writing *w, int64_t id)
{
	const struct object_change how = change_of(w, "rename");

	return reference_rename(tx, &how, w->kind, id, w->name, new_name_of(w), w->problem);
}

static int change(struct store_tx *tx, struct writing *w)
{
	const struct object_change how = change_of(w, w->action);
	bool is_new_name = strcmp(w->name, new_name_of(w)) != 0;
	struct object object;
	int rc = object_get_seen(tx, w->kind, w->name, w->revision, &object, w->problem);

	if (rc != 0)
		return rc;
	if (!json_equal(object.body, w->body)) {
		rc = look_at_locks(tx, w, object.id, object.body);
		if (rc == 0)
			rc = object_replace_as(tx, &how, w->kind, w->name, w->revision,
			                       new_name_of(w), w->body, w->problem);
		if (rc == 0 && is_new_name)
			rc = rename_users(tx, w, object.id);
		if (rc == 0)
			rc = settle(tx, w, object.id, is_new_name);
	}
	object_fini(&object);
	return rc;
}

/* What named it means the built-in item again. */
static int drop_references_to(struct store_tx *tx, const struct writing *w, int64_t id)
{
	const struct store_value value = store_integer(id);

	if (!reference_is_builtin(w->kind, w->name))
		return 0;
	return store_tx_run(tx, STORE_REFERENCE_DROP_TO, &value, 1, NULL, NULL);
}

static int drop(struct store_tx *tx, struct writing *w)
{
	const struct object_change how = change_of(w, w->action);
	struct object object;
	int rc = object_get_seen(tx, w->kind, w->name, w->revision, &object, w->problem);

	if (rc != 0)
		return rc;
	rc = look_at_locks(tx, w, object.id, object.body);
	if (rc == 0)
		rc = drop_references_to(tx, w, object.id);
	object_fini(&object);
	return rc ? rc : object_delete(tx, &how, w->kind, w->name, w->revision, w->problem);
}

static int run(void *arg, struct store_tx *tx)
{
	struct writing *w = arg;
	int rc;

	problem_fini(w->problem);
	if (!w->body)
		rc = drop(tx, w);
	else
		rc = w->name ? change(tx, w) : make(tx, w);
	return rc == 0 && w->how->check_only ? WRITING_CHECKED : rc;
}

static int write_it(struct store *store, struct writing *w, json_t **ret_notices)
{
	int rc;

	w->notices = json_array();
	rc = w->notices ? store_write(store, run, w) : SL_ENOMEM;
	rc = rc == WRITING_CHECKED ? 0 : rc;
	(void)problem_tell(w->problem, rc);
	if (rc == 0 && ret_notices)
		*ret_notices = json_incref(w->notices);
	json_decref(w->notices);
	return rc;
}

int writing_do(struct store *store, struct writing *w, const json_t *body, json_t **ret_notices)
{
	int rc = comment_check(w->how->comment, w->problem);

	if (rc == 0)
		rc = setting_check_body(w->kind, body, &w->body, w->problem);
	if (rc == 0)
		rc = write_it(store, w, ret_notices);
	if (rc == SL_ECONFLICT)
		writing_tell_conflict(store, w);
	json_decref(w->body);
	return rc;
}

int setting_create(struct store *store, const struct setting_change *how, enum object_kind kind,
                   const json_t *body, json_t **ret_notices, struct problem *problem)
{
	struct writing w = {.how = how, .action = "create", .kind = kind, .problem = problem};

	return writing_do(store, &w, body, ret_notices);
}

int setting_replace(struct store *store, const struct setting_change *how, enum object_kind kind,
                    const char *name, int64_t revision, const json_t *body, json_t **ret_notices,
                    struct problem *problem)
{
	struct writing w = {.how = how,
	                    .action = "replace",
	                    .kind = kind,
	                    .name = name,
	                    .revision = revision,
	                    .problem = problem};

	return writing_do(store, &w, body, ret_notices);
}

int setting_delete(struct store *store, const struct setting_change *how, enum object_kind kind,
                   const char *name, int64_t revision, struct problem *problem)
{
	struct writing w = {.how = how,
	                    .action = "delete",
	                    .kind = kind,
	                    .name = name,
	                    .revision = revision,
	                    .problem = problem};
	int rc = comment_check(how->comment, problem);

	return rc ? rc : write_it(store, &w, NULL);
}
