/* SPDX-License-Identifier: Apache-2.0 */
/* Groups managed, and who is put into which. */
#include "smsd/auth/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/auth/group_priv.h"
#include "smsd/base/problem.h"

enum { USERS_TOLD = 16 };

/* ---- changes ----------------------------------------------------------------------------- */

struct changing {
	const struct auth_identity *by;
	const char *name;
	int64_t revision;
	const json_t *body;
	struct problem *problem;
};

int group_check_manager(struct store_tx *tx, const struct auth_identity *by,
                        struct problem *problem)
{
	unsigned whole = 0;
	int rc = items_whole_tx(tx, by, &whole);

	if (rc != 0 || whole == AUTH_ITEMS_ALL)
		return rc;
	return problem_add(problem, SL_EPERM, "", "ask an Administrator",
	                   "your groups do not give you everything, so you give nothing");
}

static int audit_group(struct store_tx *tx, const struct changing *c, const char *action,
                       const json_t *before, const json_t *after)
{
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	char *old = before ? json_dumps(before, flags) : NULL;
	char *new = after ? json_dumps(after, flags) : NULL;
	const struct audit_line line = {
	        .action = action, .kind = "group", .name = c->name, .before = old, .after = new};
	int rc = (before && !old) || (after && !new) ? SL_ENOMEM
	                                             : audit_add(tx, &c->by->actor, &line);

	free(old);
	free(new);
	return rc;
}

static int add_item(struct store_tx *tx, const struct changing *c, const struct group *group,
                    enum auth_item item, size_t at, const char *name)
{
	const struct store_value found[] = {store_text(auth_item_kind(item)), store_text(name)};
	struct store_value values[] = {store_integer(group->id), found[0], store_null()};
	char pointer[64];
	int64_t id = 0;
	int rc = store_tx_run(tx, STORE_ITEM_FIND, found, 2, auth_take_integer, &id);

	(void)snprintf(pointer, sizeof(pointer), "/%s/items/%zu", auth_item_key(item), at);
	if (rc == 0 && id == 0)
		return problem_add(c->problem, SL_EINVAL, pointer, "look at the list of names",
		                   "there is no %s \"%.128s\"", auth_item_kind(item), name);
	values[2] = store_integer(id);
	return rc ? rc : store_tx_run(tx, STORE_GROUP_ITEM_ADD, values, 3, NULL, NULL);
}

/* Of one kind what the body says; what it does not say stays. */
static int write_kind(struct store_tx *tx, const struct changing *c, struct group *group,
                      enum auth_item item)
{
	const json_t *said = json_object_get(c->body, auth_item_key(item));
	const json_t *all = json_object_get(said, "all"), *single = json_object_get(said, "items");
	const struct store_value values[] = {store_integer(group->id),
	                                     store_text(auth_item_kind(item))};
	json_t *name;
	size_t i;
	int rc = 0;

	if (all)
		group->everything =
		        (group->everything & ~(1U << item)) | (unsigned)json_is_true(all) << item;
	/* Those that it had not are none that it has. */
	if (single || all)
		rc = store_tx_run(tx, STORE_GROUP_ITEMS_DROP, values, 2, NULL, NULL);
	json_array_foreach(single, i, name)
	{
		if (rc == 0)
			rc = add_item(tx, c, group, item, i, json_string_value(name));
	}
	return rc;
}

/* What the body says, and the row as it is then. */
static int write_access(struct store_tx *tx, const struct changing *c, struct group *group)
{
	const json_t *comment = json_object_get(c->body, "comment");
	char everything[ITEMS_TEXT_MAX];
	struct store_value values[] = {store_integer(group->id), store_integer(group->revision),
	                               store_null(), store_null()};
	int rc = 0;

	for (unsigned i = 0; i < AUTH_ITEM_END && rc == 0; i++)
		rc = write_kind(tx, c, group, i);
	if (comment)
		(void)snprintf(group->comment, sizeof(group->comment), "%s",
		               json_string_value(comment));
	items_write(group->everything, everything);
	values[2] = store_text(everything);
	values[3] = store_text(group->comment);
	return rc ? rc : store_tx_run(tx, STORE_GROUP_CHANGE, values, 4, NULL, NULL);
}

static int check_room(struct store_tx *tx, struct problem *problem)
{
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_GROUP_COUNT, NULL, 0, auth_take_integer, &count);

	if (rc != 0 || count < GROUPS_MAX)
		return rc;
	return problem_add(problem, SL_EBUSY, "", "delete what is not needed",
	                   "there are %d groups, the most that one SMS keeps", GROUPS_MAX);
}

static int add_row(struct store_tx *tx, const struct changing *c, struct group *group)
{
	const struct store_value value = store_text(c->name);
	int rc = store_tx_run(tx, STORE_GROUP_ADD, &value, 1, auth_take_integer, &group->id);

	(void)snprintf(group->name, sizeof(group->name), "%s", c->name);
	if (rc == SL_EEXIST)
		return problem_add(c->problem, rc, "/name", "choose another name",
		                   "there is a group \"%s\" already", c->name);
	return rc;
}

/* The write and its row of the audit log; `before` is taken over. */
static int write_and_tell(struct store_tx *tx, const struct changing *c, const char *action,
                          struct group *group, json_t *before)
{
	const struct group_source from = {.tx = tx};
	json_t *after = NULL;
	int rc = write_access(tx, c, group);

	if (rc == 0)
		after = group_access(&from, group, &rc);
	if (rc == 0)
		rc = audit_group(tx, c, action, before, after);
	json_decref(before);
	json_decref(after);
	return rc;
}

static int write_create(void *arg, struct store_tx *tx)
{
	const struct changing *c = arg;
	struct group group = {.revision = 1, .everything = AUTH_ITEMS_ALL};
	int rc = group_check_manager(tx, c->by, c->problem);

	if (rc == 0)
		rc = check_room(tx, c->problem);
	if (rc == 0)
		rc = add_row(tx, c, &group);
	return rc ? rc : write_and_tell(tx, c, "create", &group, NULL);
}

/* One that has a row, as it was seen; what it has in `ret_value`. */
static int read_changeable(struct store_tx *tx, const struct changing *c, struct group *ret_group,
                           json_t **ret_value)
{
	const struct group_source from = {.tx = tx};
	int rc = group_check_manager(tx, c->by, c->problem);

	if (rc == 0)
		rc = group_read(&from, c->name, ret_group);
	if (rc == 0 && ret_group->revision == 0)
		rc = group_unknown(c->problem, c->name);
	if (rc == 0 && group_is_everyone(c->name))
		rc = problem_add(c->problem, SL_EPERM, "", "make a group and put people into it",
		                 "\"" GROUP_EVERYONE "\" is who is in no group, and has all");
	if (rc == 0)
		rc = people_check_seen("group", c->name, c->revision, ret_group->revision,
		                       c->problem);
	if (rc == 0)
		*ret_value = group_access(&from, ret_group, &rc);
	return rc;
}

static int write_change(void *arg, struct store_tx *tx)
{
	const struct changing *c = arg;
	struct group group;
	json_t *before = NULL;
	int rc = read_changeable(tx, c, &group, &before);

	if (rc != 0)
		return rc;
	group.revision++;
	return write_and_tell(tx, c, "change", &group, before);
}

static int add_user(void *arg, const struct store_row *row)
{
	(void)problem_add(arg, SL_EBUSY, "", "take that person out of it first, who then has all",
	                  "\"%s\" is in it", store_row_text(row, 0));
	return 0;
}

static int write_delete(void *arg, struct store_tx *tx)
{
	const struct changing *c = arg;
	struct group group;
	json_t *before = NULL;
	int rc = read_changeable(tx, c, &group, &before);

	if (rc == 0) {
		const struct store_value values[] = {store_integer(group.id),
		                                     store_integer(USERS_TOLD)};

		rc = store_tx_run(tx, STORE_GROUP_PEOPLE, values, 2, add_user, c->problem);
		if (rc == 0)
			rc = c->problem->code;
		if (rc == 0)
			rc = store_tx_run(tx, STORE_GROUP_DELETE, values, 1, NULL, NULL);
	}
	if (rc == 0)
		rc = audit_group(tx, c, "delete", before, NULL);
	json_decref(before);
	return rc;
}

static int change(struct store *store, store_tx_fn *write, struct changing *c)
{
	const json_t *comment = json_object_get(c->body, "comment");
	int rc = people_check_comment(json_string_value(comment), c->problem);

	if (rc == 0)
		rc = store_write(store, write, c);
	return problem_tell(c->problem, rc);
}

int group_create(struct store *store, const struct auth_identity *by, const char *name,
                 const json_t *body, struct problem *problem)
{
	struct changing c = {.by = by, .name = name, .body = body, .problem = problem};
	int rc = auth_check_name("a group's name", name, GROUP_NAME_MAX - 1, "", problem);

	if (rc == 0 && group_is_everyone(name))
		rc = problem_add(problem, SL_EEXIST, "/name", "choose another name",
		                 "there is a group \"%s\" always", name);
	return rc ? rc : change(store, write_create, &c);
}

int group_change(struct store *store, const struct auth_identity *by, const char *name,
                 int64_t revision, const json_t *body, struct problem *problem)
{
	struct changing c = {
	        .by = by, .name = name, .revision = revision, .body = body, .problem = problem};

	return change(store, write_change, &c);
}

int group_delete(struct store *store, const struct auth_identity *by, const char *name,
                 int64_t revision, struct problem *problem)
{
	struct changing c = {.by = by, .name = name, .revision = revision, .problem = problem};

	return change(store, write_delete, &c);
}

/* ---- who is in which --------------------------------------------------------------------- */

int group_put_person(struct store_tx *tx, int64_t person, const json_t *names,
                     struct problem *problem)
{
	const struct group_source from = {.tx = tx};
	const struct store_value value = store_integer(person);
	int rc = store_tx_run(tx, STORE_PERSON_GROUPS_DROP, &value, 1, NULL, NULL);
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		struct group group = {0};

		if (rc == 0)
			rc = group_read(&from, json_string_value(name), &group);
		if (rc == 0 && group.id == 0)
			rc = problem_add(problem, SL_EINVAL, "/groups",
			                 "GET /api/v1/groups lists them",
			                 "there is no group \"%.64s\" to put anyone into",
			                 json_string_value(name));
		if (rc == 0) {
			const struct store_value values[] = {store_integer(group.id), value};

			rc = store_tx_run(tx, STORE_GROUP_PERSON_ADD, values, 2, NULL, NULL);
		}
	}
	return rc;
}
