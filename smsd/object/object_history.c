/* SPDX-License-Identifier: Apache-2.0 */
/* What became of objects, of those that are gone too. */
#include <stdio.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/object.h"
#include "smsd/store/store.h"

static int take_id(void *ret_id, const struct store_row *row)
{
	*(int64_t *)ret_id = store_row_integer(row, 0);
	return 1;
}

int object_find(struct store *store, enum object_kind kind, const char *name, int64_t *ret_id,
                bool *ret_gone, struct problem *problem)
{
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(name)};
	int64_t id = 0;
	bool gone = false;
	int rc = store_read(store, STORE_OBJECT_ID, values, 2, take_id, &id);

	if (rc >= 0 && id == 0) {
		gone = true;
		rc = store_read(store, STORE_CHANGE_OF_GONE, values, 2, take_id, &id);
	}
	if (rc < 0)
		return problem_add(problem, rc, "", "", "the %s \"%.128s\" cannot be read: %s",
		                   object_kind_name(kind), name, err_text(rc));
	if (id == 0)
		return problem_add(problem, SL_ENOENT, "", "look at the list of names",
		                   "there is no %s \"%.128s\", and there was none",
		                   object_kind_name(kind), name);
	*ret_id = id;
	*ret_gone = gone;
	return 0;
}

static json_t *body_of(const struct store_row *row, unsigned column)
{
	json_t *body = store_row_is_null(row, column)
	                       ? NULL
	                       : json_loads(store_row_text(row, column), 0, NULL);

	return body ? body : json_null();
}

static int add_change(void *arg, const struct store_row *row)
{
	char time[MOMENT_TEXT_MAX];
	json_t *line = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "revision",
	                         (json_int_t)store_row_integer(row, 0), "time",
	                         moment_text(store_row_integer(row, 1), time), "who",
	                         store_row_text(row, 2), "action", store_row_text(row, 3), "name",
	                         store_row_text(row, 4), "comment", store_row_text(row, 5),
	                         "before", body_of(row, 6), "after", body_of(row, 7));

	if (!line)
		return SL_EIO;
	return json_array_append_new(arg, line) == 0 ? 0 : SL_ENOMEM;
}

/* `number`: how many at most, or which revision. */
static int read_changes(struct store *store, enum store_statement statement, int64_t id,
                        int64_t number, json_t **ret_list, struct problem *problem)
{
	const struct store_value values[] = {store_integer(id), store_integer(number)};
	json_t *list = json_array();
	int rc = list ? store_read(store, statement, values, 2, add_change, list) : SL_ENOMEM;

	if (rc >= 0) {
		*ret_list = list;
		return 0;
	}
	json_decref(list);
	return problem_add(problem, rc, "", "", "the history cannot be read: %s", err_text(rc));
}

int object_history(struct store *store, enum object_kind kind, const char *name, unsigned limit,
                   json_t **ret_list, struct problem *problem)
{
	int64_t id = 0;
	bool gone = false;
	int rc = object_find(store, kind, name, &id, &gone, problem);

	return rc ? rc
	          : read_changes(store, STORE_CHANGE_LIST, id,
	                         SL_MIN(limit, (unsigned)OBJECT_HISTORY_MAX), ret_list, problem);
}

int object_version(struct store *store, enum object_kind kind, const char *name, int64_t revision,
                   json_t **ret_change, struct problem *problem)
{
	json_t *list = NULL;
	int64_t id = 0;
	bool gone = false;
	int rc = object_find(store, kind, name, &id, &gone, problem);

	if (rc == 0)
		rc = read_changes(store, STORE_CHANGE_AT, id, revision, &list, problem);
	if (rc != 0)
		return rc;
	if (json_array_size(list) == 0)
		rc = problem_add(problem, SL_ENOENT, "", "look at its history",
		                 "the %s \"%.128s\" has no revision %lld", object_kind_name(kind),
		                 name, (long long)revision);
	else
		*ret_change = json_incref(json_array_get(list, 0));
	json_decref(list);
	return rc;
}

/* Rows: id, time, who, kind, name, revision, action, comment. */
static int add_any(void *arg, const struct store_row *row)
{
	char time[MOMENT_TEXT_MAX];
	json_t *line =
	        json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id",
	                  (json_int_t)store_row_integer(row, 0), "time",
	                  moment_text(store_row_integer(row, 1), time), "who",
	                  store_row_text(row, 2), "kind", store_row_text(row, 3), "name",
	                  store_row_text(row, 4), "revision", (json_int_t)store_row_integer(row, 5),
	                  "action", store_row_text(row, 6), "comment", store_row_text(row, 7));

	if (!line)
		return SL_EIO;
	return json_array_append_new(arg, line) == 0 ? 0 : SL_ENOMEM;
}

int object_changes(struct store *store, int64_t before, unsigned limit, json_t **ret_list,
                   struct problem *problem)
{
	const struct store_value values[] = {store_integer(before ? before : INT64_MAX),
	                                     store_integer(limit)};
	json_t *list = json_array();
	int rc = list ? store_read(store, STORE_CHANGES, values, 2, add_any, list) : SL_ENOMEM;

	if (rc >= 0) {
		*ret_list = list;
		return 0;
	}
	json_decref(list);
	return problem_add(problem, rc, "", "", "the changes cannot be read: %s", err_text(rc));
}
