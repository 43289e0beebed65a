/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as they are: read, and shown. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/auth/group_priv.h"
#include "smsd/base/problem.h"

enum { NO_LIMIT = INT32_MAX };

static int run(const struct group_source *from, enum store_statement statement,
               const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	return from->store ? store_read(from->store, statement, values, count, fn, arg)
	                   : store_tx_run(from->tx, statement, values, count, fn, arg);
}

static int take_group(void *arg, const struct store_row *row)
{
	struct group *group = arg;

	group->id = store_row_integer(row, 0);
	(void)snprintf(group->name, GROUP_NAME_MAX, "%s", store_row_text(row, 1));
	group->revision = store_row_integer(row, 2);
	group->everything = items_read(store_row_text(row, 3));
	(void)snprintf(group->comment, sizeof(group->comment), "%s", store_row_text(row, 4));
	return 0;
}

static const struct group everyone = {.name = GROUP_EVERYONE,
                                      .revision = 1,
                                      .everything = AUTH_ITEMS_ALL,
                                      .comment = "who is in no group has all"};

bool group_is_everyone(const char *name)
{
	return strcmp(name, GROUP_EVERYONE) == 0;
}

int group_read(const struct group_source *from, const char *name, struct group *ret_group)
{
	const struct store_value value = store_text(name);

	*ret_group = group_is_everyone(name) ? everyone : (struct group){0};
	return group_is_everyone(name)
	               ? 0
	               : run(from, STORE_GROUP_BY_NAME, &value, 1, take_group, ret_group);
}

int group_unknown(struct problem *problem, const char *name)
{
	return problem_add(problem, SL_ENOENT, "", "GET /api/v1/groups lists them",
	                   "there is no group \"%.64s\"", name);
}

/* ---- shown ------------------------------------------------------------------------------- */

static int add_name(void *arg, const struct store_row *row)
{
	/* Text that is no UTF-8 is of a damaged database. */
	return json_array_append_new(arg, json_string(store_row_text(row, 0))) == 0 ? 0 : SL_EIO;
}

static int add_single(void *arg, const struct store_row *row)
{
	json_t *value = arg;

	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if (strcmp(auth_item_kind(i), store_row_text(row, 0)) == 0)
			return json_array_append_new(
			               json_object_get(json_object_get(value, auth_item_key(i)),
			                               "items"),
			               json_string(store_row_text(row, 1))) == 0
			               ? 0
			               : SL_EIO;
	return 0;
}

json_t *group_access(const struct group_source *from, const struct group *group, int *ret_rc)
{
	const struct store_value value = store_integer(group->id);
	json_t *shown = json_pack("{s:s}", "comment", group->comment);

	*ret_rc = shown ? 0 : SL_ENOMEM;
	for (unsigned i = 0; i < AUTH_ITEM_END && shown; i++)
		(void)json_object_set_new(
		        shown, auth_item_key(i),
		        json_pack("{s:b, s:[]}", "all", group->everything >> i & 1, "items"));
	if (*ret_rc == 0)
		*ret_rc = run(from, STORE_GROUP_ITEMS, &value, 1, add_single, shown);
	if (*ret_rc == 0)
		return shown;
	json_decref(shown);
	return NULL;
}

static int group_value(const struct group_source *from, const struct group *group,
                       json_t **ret_value)
{
	const struct store_value values[] = {store_integer(group->id), store_integer(NO_LIMIT)};
	json_t *people = json_array();
	int rc;
	json_t *shown = group_access(from, group, &rc);

	if (rc == 0 && people)
		rc = run(from, STORE_GROUP_PEOPLE, values, 2, add_name, people);
	if (rc == 0) {
		(void)json_object_set_new(shown, "name", json_string(group->name));
		(void)json_object_set_new(shown, "default", json_boolean(group->id == 0));
		(void)json_object_set_new(shown, "revision", json_integer(group->revision));
		(void)json_object_set(shown, "people", people);
		*ret_value = shown;
	} else {
		json_decref(shown);
	}
	json_decref(people);
	return rc;
}

int group_show(struct store *store, const char *name, json_t **ret_shown, struct problem *problem)
{
	const struct group_source from = {.store = store};
	struct group group;
	int rc = group_read(&from, name, &group);

	if (rc == 0 && group.revision == 0)
		rc = group_unknown(problem, name);
	if (rc == 0)
		rc = group_value(&from, &group, ret_shown);
	return problem_tell(problem, rc);
}

int group_list(struct store *store, json_t **ret_list, struct problem *problem)
{
	json_t *names = json_pack("[s]", GROUP_EVERYONE), *list = json_array(), *name;
	int rc = names && list ? store_read(store, STORE_GROUP_LIST, NULL, 0, add_name, names)
	                       : SL_ENOMEM;
	size_t i;

	json_array_foreach(names, i, name)
	{
		json_t *shown;

		if (rc == 0)
			rc = group_show(store, json_string_value(name), &shown, problem);
		if (rc == 0)
			(void)json_array_append_new(list, shown);
	}
	json_decref(names);
	if (rc == 0)
		*ret_list = list;
	else
		json_decref(list);
	return problem_tell(problem, rc);
}

int group_names(struct store *store, struct store_tx *tx, int64_t person, json_t **ret_names)
{
	const struct group_source from = {.store = store, .tx = tx};
	const struct store_value value = store_integer(person);
	json_t *names = json_array();
	int rc = names ? run(&from, STORE_PERSON_GROUPS, &value, 1, add_name, names) : SL_ENOMEM;

	if (rc == 0)
		*ret_names = names;
	else
		json_decref(names);
	return rc;
}
