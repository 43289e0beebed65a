/* SPDX-License-Identifier: Apache-2.0 */
/* Earlier revisions: going back to one, and telling what was changed since one. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/setting_priv.h"

static int body_at(struct store *store, const struct writing *w, const char *name, int64_t revision,
                   json_t **ret_body)
{
	json_t *change = NULL;
	json_t *body;
	int rc = object_version(store, w->kind, name, revision, &change, w->problem);

	if (rc != 0)
		return rc;
	body = json_object_get(change, "after");
	if (json_is_object(body))
		*ret_body = json_incref(body);
	else
		rc = problem_add(w->problem, SL_EINVAL, "/revision", "choose the one before",
		                 "revision %lld is the one that deleted it", (long long)revision);
	json_decref(change);
	return rc;
}

int setting_rollback(struct store *store, const struct setting_change *how, enum object_kind kind,
                     const char *name, int64_t seen, int64_t to, json_t **ret_notices,
                     struct problem *problem)
{
	struct writing w = {.how = how,
	                    .action = "rollback",
	                    .kind = kind,
	                    .name = name,
	                    .revision = seen,
	                    .problem = problem};
	json_t *body = NULL;
	int64_t id = 0;
	bool gone = false;
	int rc = object_find(store, kind, name, &id, &gone, problem);

	if (rc == 0)
		rc = body_at(store, &w, name, to, &body);
	if (rc != 0)
		return rc;
	if (gone) {
		w.name = NULL;
		w.gone = id;
	}
	rc = writing_do(store, &w, body, ret_notices);
	json_decref(body);
	return rc;
}

/* ---- conflicts --------------------------------------------------------------------------- */

static void tell_change(const struct json_t *change, struct problem *problem)
{
	char *old = json_dumps(json_object_get(change, "old"), JSON_ENCODE_ANY | JSON_COMPACT);
	char *new = json_dumps(json_object_get(change, "new"), JSON_ENCODE_ANY | JSON_COMPACT);

	(void)problem_add(problem, SL_ECONFLICT,
	                  json_string_value(json_object_get(change, "pointer")), "",
	                  "in between %s went from %.200s to %.200s",
	                  json_string_value(json_object_get(change, "label")), old ? old : "?",
	                  new ? new : "?");
	free(old);
	free(new);
}

/* Whatever fails in here leaves what the conflict has said already. */
void writing_tell_conflict(struct store *store, const struct writing *w)
{
	struct problem unsaid = {0};
	const struct writing quiet = {.kind = w->kind, .problem = &unsaid};
	struct object object;
	json_t *seen = NULL, *diff = NULL;
	const json_t *change;
	size_t i;

	if (object_get(store, w->kind, w->name, &object, &unsaid) != 0) {
		problem_fini(&unsaid);
		return;
	}
	if (body_at(store, &quiet, w->name, w->revision, &seen) == 0 &&
	    setting_diff(w->kind, seen, object.body, &diff) == 0)
		json_array_foreach(diff, i, change)
		{
			tell_change(change, w->problem);
		}
	json_decref(diff);
	json_decref(seen);
	object_fini(&object);
	problem_fini(&unsaid);
}
