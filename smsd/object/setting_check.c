/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a body by itself: its rows, its locks, the names of its policies. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "smsd/base/problem.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

int setting_check_body(enum object_kind kind, const json_t *body, json_t **ret_canonical,
                       struct problem *problem)
{
	const struct conf_object *shape = setting_shape(kind);
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_object_check(shape, body, &errs);
	if (rc != 0 && problem_add_conf(problem, &errs) == 0)
		rc = problem_add(problem, rc, "", "", "%s", err_text(rc));
	conf_errors_fini(&errs);
	if (rc == 0)
		rc = conf_object_canonical(shape, body, 0, ret_canonical);
	if (rc != 0 && problem->code == 0)
		rc = problem_add(problem, rc, "", "", "%s", err_text(rc));
	return rc;
}

/* ---- policies: the lists of a profile whose items can be locked -------------------------- */

static bool is_policy_list(const struct conf_field *f)
{
	return f->type == CONF_TYPE_OBJECTS && conf_object_field(f->object, "locked");
}

/* The next list of policies from *at on; NULL behind the last. */
static const struct conf_field *next_list(enum object_kind kind, size_t *at)
{
	const struct conf_object *shape = setting_shape(kind);

	while (*at < shape->count) {
		const struct conf_field *f = &shape->fields[(*at)++];

		if (is_policy_list(f))
			return f;
	}
	return NULL;
}

static const char *name_of(const json_t *policy)
{
	return json_string_value(json_object_get(policy, "name"));
}

static const json_t *find_policy(const json_t *list, const char *name)
{
	const json_t *policy;
	size_t i;

	json_array_foreach(list, i, policy)
	{
		if (strcmp(name_of(policy), name) == 0)
			return policy;
	}
	return NULL;
}

static bool is_locked(const json_t *policy)
{
	return json_is_true(json_object_get(policy, "locked"));
}

static int refuse_locked(struct problem *problem, const struct conf_field *list, size_t index,
                         const json_t *policy, const char *what)
{
	char pointer[PROBLEM_POINTER_MAX];

	(void)snprintf(pointer, sizeof(pointer), "/%s/%zu", list->name, index);
	return problem_add(problem, SL_EPERM, pointer,
	                   "ask somebody with the capability lock_ssl_filter",
	                   "the %s \"%s\" is locked, and would be %s", list->object->name,
	                   name_of(policy), what);
}

static int check_list_locked(const struct conf_field *f, const json_t *before, const json_t *after,
                             struct problem *problem)
{
	const json_t *policy;
	size_t i;
	int rc = 0;

	json_array_foreach(after, i, policy)
	{
		const json_t *old = find_policy(before, name_of(policy));

		if ((is_locked(policy) || is_locked(old)) && !json_equal(policy, old))
			rc = refuse_locked(problem, f, i, policy,
			                   !old                 ? "made"
			                   : !is_locked(policy) ? "unlocked"
			                   : !is_locked(old)    ? "locked"
			                                        : "changed");
	}
	json_array_foreach(before, i, policy)
	{
		if (is_locked(policy) && !find_policy(after, name_of(policy)))
			rc = refuse_locked(problem, f, i, policy, "deleted");
	}
	return rc;
}

int setting_check_locked(enum object_kind kind, const json_t *before, const json_t *after,
                         struct problem *problem)
{
	const struct conf_field *list;
	size_t at = 0;
	int rc = 0;

	while ((list = next_list(kind, &at)) != NULL) {
		int one = check_list_locked(list, json_object_get(before, list->name),
		                            json_object_get(after, list->name), problem);

		rc = rc ? rc : one;
	}
	return rc;
}

/* ---- R113 -------------------------------------------------------------------------------- */

struct owner {
	int64_t id; /* 0: nobody's */
	char name[OBJECT_NAME_MAX];
};

static int take_owner(void *arg, const struct store_row *row)
{
	struct owner *owner = arg;

	owner->id = store_row_integer(row, 0);
	(void)snprintf(owner->name, sizeof(owner->name), "%s", store_row_text(row, 1));
	return 1;
}

static int add_policy(struct store_tx *tx, int64_t id, const char *name, const char *pointer,
                      struct problem *problem)
{
	const struct store_value values[] = {store_text(name), store_integer(id)};
	struct owner owner = {0};
	int rc = store_tx_run(tx, STORE_POLICY_OWNER, values, 1, take_owner, &owner);

	if (rc < 0)
		return rc;
	if (owner.id == 0)
		return store_tx_run(tx, STORE_POLICY_NAME_ADD, values, 2, NULL, NULL);
	if (owner.id == id)
		return problem_add(problem, SL_EEXIST, pointer, "choose another name",
		                   "the name \"%s\" is taken by another policy of this profile",
		                   name);
	return problem_add(problem, SL_EEXIST, pointer, "choose another name",
	                   "the name \"%s\" is taken by a policy of the profile \"%s\"", name,
	                   owner.name);
}

static int add_list(struct store_tx *tx, int64_t id, const struct conf_field *list,
                    const json_t *policies, struct problem *problem)
{
	char pointer[PROBLEM_POINTER_MAX];
	const json_t *policy;
	size_t i;
	int rc = 0;

	json_array_foreach(policies, i, policy)
	{
		int one;

		(void)snprintf(pointer, sizeof(pointer), "/%s/%zu/name", list->name, i);
		one = add_policy(tx, id, name_of(policy), pointer, problem);
		if (one < 0 && one != SL_EEXIST)
			return one;
		rc = rc ? rc : one;
	}
	return rc;
}

int setting_check_policies(struct store_tx *tx, enum object_kind kind, int64_t id,
                           const json_t *body, struct problem *problem)
{
	const struct store_value value = store_integer(id);
	const struct conf_field *list;
	size_t at = 0;
	bool any = false;
	int rc = 0;

	while ((list = next_list(kind, &at)) != NULL) {
		int one =
		        any ? 0 : store_tx_run(tx, STORE_POLICY_NAMES_DROP, &value, 1, NULL, NULL);

		any = true;
		if (one == 0)
			one = add_list(tx, id, list, json_object_get(body, list->name), problem);
		if (one < 0 && one != SL_EEXIST)
			return one;
		rc = rc ? rc : one;
	}
	return rc;
}
