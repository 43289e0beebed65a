/* SPDX-License-Identifier: Apache-2.0 */
/* The policies of profiles: who may change locked ones, and whose their names are. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/inherit.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

/* ---- the lists of a profile whose items can be locked ------------------------------------ */

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

static bool has_policies(enum object_kind kind)
{
	size_t at = 0;

	return next_list(kind, &at) != NULL;
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

/* ---- locks ------------------------------------------------------------------------------- */

static bool is_locked(const json_t *policy)
{
	return json_is_true(json_object_get(policy, "locked"));
}

/* An ancestor has a locked policy of that name. */
static bool is_locked_above(const struct relatives *ancestors, const struct conf_field *list,
                            const char *name)
{
	for (size_t i = 0; i < ancestors->count; i++)
		if (is_locked(find_policy(json_object_get(ancestors->items[i].body, list->name),
		                          name)))
			return true;
	return false;
}

/* `index` SIZE_MAX: it is not in the body. */
static int refuse_locked(struct problem *problem, const struct conf_field *list, size_t index,
                         const char *name, const char *what)
{
	char pointer[PROBLEM_POINTER_MAX] = "/parent";

	if (index != SIZE_MAX)
		(void)snprintf(pointer, sizeof(pointer), "/%s/%zu", list->name, index);
	return problem_add(
	        problem, SL_EPERM, pointer, "ask somebody with the capability lock_ssl_filter",
	        "the %s \"%s\" is locked, and would be %s", list->object->name, name, what);
}

/* A profile as it was or would be: its list, and its ancestors. */
struct locks {
	const json_t *list;
	struct relatives ancestors;
};

static const char *what_of(const json_t *policy, const json_t *old, bool above)
{
	if (!old)
		return above ? "overridden" : "made";
	if (!above && is_locked(policy) != is_locked(old))
		return is_locked(policy) ? "locked" : "unlocked";
	return "changed";
}

static int check_own(const struct conf_field *f, const struct locks *before,
                     const struct locks *after, struct problem *problem)
{
	const json_t *policy;
	size_t i;
	int rc = 0;

	json_array_foreach(after->list, i, policy)
	{
		const json_t *old = find_policy(before->list, name_of(policy));
		bool above = is_locked_above(&after->ancestors, f, name_of(policy));

		if ((above || is_locked(policy) || is_locked(old)) && !json_equal(policy, old))
			rc = refuse_locked(problem, f, i, name_of(policy),
			                   what_of(policy, old, above));
	}
	json_array_foreach(before->list, i, policy)
	{
		bool above = is_locked_above(&before->ancestors, f, name_of(policy));

		if ((above || is_locked(policy)) && !find_policy(after->list, name_of(policy)))
			rc = refuse_locked(problem, f, i, name_of(policy),
			                   above ? "changed" : "deleted");
	}
	return rc;
}

/* Another parent takes no locked policy away. */
static int check_inherited(const struct conf_field *f, const struct locks *before,
                           const struct locks *after, struct problem *problem)
{
	int rc = 0;

	for (size_t i = 0; i < before->ancestors.count; i++) {
		const json_t *policy;
		size_t k;

		json_array_foreach(json_object_get(before->ancestors.items[i].body, f->name), k,
		                   policy)
		{
			if (is_locked(policy) &&
			    !is_locked_above(&after->ancestors, f, name_of(policy)))
				rc = refuse_locked(problem, f, SIZE_MAX, name_of(policy),
				                   "inherited no more");
		}
	}
	return rc;
}

static int check_locks(enum object_kind kind, const json_t *before, const json_t *after,
                       struct locks *was, struct locks *will, struct problem *problem)
{
	const struct conf_field *f;
	size_t at = 0;
	int rc = 0;

	while ((f = next_list(kind, &at)) != NULL) {
		int one;

		was->list = json_object_get(before, f->name);
		will->list = json_object_get(after, f->name);
		one = check_own(f, was, will, problem);
		if (one == 0 && before && after)
			one = check_inherited(f, was, will, problem);
		rc = rc ? rc : one;
	}
	return rc;
}

int setting_check_locked(struct store_tx *tx, enum object_kind kind, int64_t id,
                         const json_t *before, const json_t *after, struct problem *problem)
{
	struct locks was = {0}, will = {0};
	int rc = inherit_ancestors(tx, kind, id, before, &was.ancestors, problem);

	if (rc == 0)
		rc = inherit_ancestors(tx, kind, id, after, &will.ancestors, problem);
	if (rc == 0)
		rc = check_locks(kind, before, after, &was, &will, problem);
	relatives_fini(&was.ancestors);
	relatives_fini(&will.ancestors);
	return rc;
}

/* ---- R113 -------------------------------------------------------------------------------- */

struct owner {
	int64_t id; /* 0: nobody's */
	char name[OBJECT_NAME_MAX];
	bool itself; /* it is a child profile's own name */
};

static int take_owner(void *arg, const struct store_row *row)
{
	struct owner *owner = arg;

	owner->id = store_row_integer(row, 0);
	(void)snprintf(owner->name, sizeof(owner->name), "%s", store_row_text(row, 1));
	owner->itself = store_row_integer(row, 2) != 0;
	return 1;
}

/* A profile whose names are written down. */
struct naming {
	struct store_tx *tx;
	int64_t id;
	struct relatives ancestors;
	const char *heir; /* of the changed one, which it inherits from; NULL: it is that itself */
	struct problem *problem;
};

static bool is_ancestor(const struct naming *n, int64_t id)
{
	for (size_t i = 0; i < n->ancestors.count; i++)
		if (n->ancestors.items[i].id == id)
			return true;
	return false;
}

/* Of an heir it is said in words: the pointers are into the body that is written. */
static int refuse_name(const struct naming *n, const char *name, const char *pointer,
                       const struct owner *owner)
{
	char whose[OBJECT_NAME_MAX + 64];

	if (owner->itself)
		(void)snprintf(whose, sizeof(whose), "the child profile \"%s\"", owner->name);
	else if (owner->id == n->id)
		(void)snprintf(whose, sizeof(whose), "another policy of this profile");
	else
		(void)snprintf(whose, sizeof(whose), "a policy of the profile \"%s\"", owner->name);
	if (n->heir)
		return problem_add(n->problem, SL_EEXIST, "", "change one of the two first",
		                   "the name \"%s\" in the profile \"%s\" is taken by %s", name,
		                   n->heir, whose);
	return problem_add(n->problem, SL_EEXIST, pointer, "choose another name",
	                   "the name \"%s\" is taken by %s", name, whose);
}

/* What an ancestor's policy is named is overridden. */
static int add_name(const struct naming *n, const char *name, bool itself, const char *pointer)
{
	const struct store_value values[] = {store_text(name), store_integer(n->id),
	                                     store_integer(itself)};
	struct owner owner = {0};
	int rc = store_tx_run(n->tx, STORE_POLICY_OWNER, values, 1, take_owner, &owner);

	if (rc < 0)
		return rc;
	if (owner.id == 0)
		return store_tx_run(n->tx, STORE_POLICY_NAME_ADD, values, 3, NULL, NULL);
	if (!itself && !owner.itself && is_ancestor(n, owner.id))
		return 0;
	return refuse_name(n, name, pointer, &owner);
}

static int add_list(const struct naming *n, const struct conf_field *list, const json_t *policies)
{
	char pointer[PROBLEM_POINTER_MAX];
	const json_t *policy;
	size_t i;
	int rc = 0;

	json_array_foreach(policies, i, policy)
	{
		const char *name = name_of(policy);
		int one;

		(void)snprintf(pointer, sizeof(pointer), "/%s/%zu/name", list->name, i);
		if (find_policy(policies, name) != policy)
			one = refuse_name(n, name, pointer, &(struct owner){.id = n->id});
		else
			one = add_name(n, name, false, pointer);
		if (one < 0 && one != SL_EEXIST)
			return one;
		rc = rc ? rc : one;
	}
	return rc;
}

/* All names of one profile; those of its ancestors are there. */
static int add_names(struct naming *n, enum object_kind kind, const char *name, const json_t *body)
{
	const struct conf_field *list;
	size_t at = 0;
	int rc = inherit_ancestors(n->tx, kind, n->id, body, &n->ancestors, n->problem);

	if (rc == 0 && inherit_parent(body))
		rc = add_name(n, name, true, "/name");
	while ((rc == 0 || rc == SL_EEXIST) && (list = next_list(kind, &at)) != NULL) {
		int one = add_list(n, list, json_object_get(body, list->name));

		rc = rc && one == SL_EEXIST ? rc : one ? one : rc;
	}
	relatives_fini(&n->ancestors);
	return rc;
}

static int drop_names(struct store_tx *tx, int64_t id, const struct relatives *heirs)
{
	struct store_value value = store_integer(id);
	int rc = store_tx_run(tx, STORE_POLICY_NAMES_DROP, &value, 1, NULL, NULL);

	for (size_t i = 0; rc == 0 && i < heirs->count; i++) {
		value = store_integer(heirs->items[i].id);
		rc = store_tx_run(tx, STORE_POLICY_NAMES_DROP, &value, 1, NULL, NULL);
	}
	return rc;
}

/* What an heir overrides becomes its own when the ancestor has it no more, and the other way round:
 * names of all are written down anew, from the top. */
static int add_family(struct naming *n, enum object_kind kind, const json_t *body,
                      const struct relatives *heirs)
{
	int rc = add_names(n, kind, name_of(body), body);

	for (size_t i = 0; (rc == 0 || rc == SL_EEXIST) && i < heirs->count; i++) {
		struct naming heir = {.tx = n->tx,
		                      .id = heirs->items[i].id,
		                      .heir = heirs->items[i].name,
		                      .problem = n->problem};
		int one = add_names(&heir, kind, heir.heir, heirs->items[i].body);

		rc = rc && one == SL_EEXIST ? rc : one ? one : rc;
	}
	return rc;
}

int setting_check_policies(struct store_tx *tx, enum object_kind kind, int64_t id,
                           const json_t *body, struct problem *problem)
{
	struct naming n = {.tx = tx, .id = id, .problem = problem};
	struct relatives heirs = {0};
	size_t above;
	int rc;

	if (!has_policies(kind))
		return 0;
	rc = inherit_ancestors(tx, kind, id, body, &n.ancestors, problem);
	above = n.ancestors.count;
	relatives_fini(&n.ancestors);
	if (rc == 0)
		rc = inherit_descendants(tx, kind, id, above, &heirs, problem);
	if (rc == 0)
		rc = drop_names(tx, id, &heirs);
	if (rc == 0)
		rc = add_family(&n, kind, body, &heirs);
	relatives_fini(&heirs);
	return rc;
}
