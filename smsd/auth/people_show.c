/* SPDX-License-Identifier: Apache-2.0 */
/* People as they are looked at: one, and a page of them. */
#include "smsd/auth/people.h"

#include "lib/base/err.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"

static void put_time(json_t *value, const char *key, int64_t ms)
{
	char text[MOMENT_TEXT_MAX];

	(void)json_object_set_new(value, key, json_string(moment_text(ms, text)));
}

/* With the row's id where its groups will be. */
static json_t *row_value(const struct store_row *row)
{
	json_t *value = json_pack(
	        "{s:I, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I}", "groups",
	        (json_int_t)store_row_integer(row, 0), "name", store_row_text(row, 1), "role",
	        store_row_text(row, 2), "comment", store_row_text(row, 3), "disabled",
	        store_row_integer(row, 4) != 0, "must_change", store_row_integer(row, 5) != 0,
	        "revision", (json_int_t)store_row_integer(row, 9), "sessions",
	        (json_int_t)store_row_integer(row, 10), "tokens",
	        (json_int_t)store_row_integer(row, 11));

	if (!value)
		return NULL;
	put_time(value, "made", store_row_integer(row, 7));
	if (store_row_integer(row, 8) > 0)
		put_time(value, "entered", store_row_integer(row, 8));
	if (store_row_integer(row, 6) > moment_now_ms())
		put_time(value, "locked_until", store_row_integer(row, 6));
	return value;
}

static int add_shown(void *arg, const struct store_row *row)
{
	json_t *value = row_value(row);

	/* Text that is no UTF-8 is of a damaged database. */
	if (!value)
		return SL_EIO;
	return json_array_append_new(arg, value) == 0 ? 0 : SL_ENOMEM;
}

static int put_groups(struct store *store, json_t *items)
{
	json_t *value;
	size_t i;
	int rc = 0;

	json_array_foreach(items, i, value)
	{
		json_t *names = NULL;

		if (rc == 0)
			rc = group_names(store, NULL,
			                 json_integer_value(json_object_get(value, "groups")),
			                 &names);
		(void)json_object_set_new(value, "groups", names);
	}
	return rc;
}

/* The name that the next page begins behind; "": there is none. */
static const char *last_name(const json_t *items, unsigned limit)
{
	const json_t *last = json_array_get(items, limit - 1);

	return last ? json_string_value(json_object_get(last, "name")) : "";
}

int people_list(struct store *store, const char *after, unsigned limit, json_t **ret_page,
                struct problem *problem)
{
	int64_t now_ms = moment_now_ms();
	const struct store_value values[] = {store_text(after), store_integer(limit),
	                                     store_integer(now_ms - AUTH_SESSION_MAX_S * 1000LL),
	                                     store_integer(now_ms - AUTH_SESSION_IDLE_S * 1000LL)};
	json_t *items = json_array();
	int rc = items ? store_read(store, STORE_PERSON_LIST, values, 4, add_shown, items)
	               : SL_ENOMEM;

	if (rc == 0)
		rc = put_groups(store, items);
	if (rc == 0) {
		*ret_page =
		        json_pack("{s:O, s:s}", "items", items, "next", last_name(items, limit));
		rc = *ret_page ? 0 : SL_ENOMEM;
	}
	json_decref(items);
	return problem_tell(problem, rc);
}

int people_show(struct store *store, const char *name, json_t **ret_shown, struct problem *problem)
{
	int64_t now_ms = moment_now_ms();
	const struct store_value values[] = {store_text(name),
	                                     store_integer(now_ms - AUTH_SESSION_MAX_S * 1000LL),
	                                     store_integer(now_ms - AUTH_SESSION_IDLE_S * 1000LL)};
	json_t *items = json_array();
	int rc = items ? store_read(store, STORE_PERSON_SHOW, values, 3, add_shown, items)
	               : SL_ENOMEM;

	if (rc == 0 && json_array_size(items) == 0)
		rc = people_unknown(problem, name);
	if (rc == 0)
		rc = put_groups(store, items);
	if (rc == 0)
		*ret_shown = json_incref(json_array_get(items, 0));
	json_decref(items);
	return problem_tell(problem, rc);
}
