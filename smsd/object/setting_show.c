/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a setting, and what differs between two of its bodies. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/diff.h"
#include "lib/conf/object.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/setting.h"
#include "smsd/store/store.h"

/* ---- show -------------------------------------------------------------------------------- */

static int add_user(void *arg, const struct store_row *row)
{
	json_t *user = json_pack("{s:s, s:s}", "kind", store_row_text(row, 0), "name",
	                         store_row_text(row, 1));

	return json_array_append_new(arg, user) == 0 ? 0 : SL_ENOMEM;
}

int setting_show(struct store *store, const struct object *object, json_t **ret_shown,
                 struct problem *problem)
{
	const struct store_value values[] = {store_integer(object->id), store_integer(OBJECTS_MAX)};
	char time[MOMENT_TEXT_MAX];
	json_t *users = json_array();
	json_t *shown;
	int rc = users ? store_read(store, STORE_OBJECT_USERS, values, 2, add_user, users)
	               : SL_ENOMEM;

	if (rc < 0) {
		json_decref(users);
		return problem_add(problem, rc, "", "", "%s", err_text(rc));
	}
	shown = json_pack("{s:s, s:I, s:s, s:O, s:o}", "name", object->name, "revision",
	                  (json_int_t)object->revision, "changed",
	                  moment_text(object->changed_ms, time), "body", object->body, "used_by",
	                  users);
	if (!shown)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	*ret_shown = shown;
	return 0;
}

/* ---- diff -------------------------------------------------------------------------------- */

/* Values come as JSON text from lib/conf; "" where there is none. */
static json_t *value_of(const char *text)
{
	json_t *value = text[0] ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return value ? value : json_null();
}

static int add_change(json_t *diff, const struct conf_change *c)
{
	json_t *change = json_pack("{s:s, s:s, s:s, s:o, s:o}", "pointer", c->pointer, "label",
	                           c->label, "kind", conf_change_kind_name(c->kind), "old",
	                           value_of(c->old_value), "new", value_of(c->new_value));

	return json_array_append_new(diff, change) == 0 ? 0 : SL_ENOMEM;
}

/* Of a kind with a body of its own: key by key. */
static int add_key(json_t *diff, const char *key, const json_t *old, const json_t *new)
{
	const char *kind = !old ? "added" : !new ? "removed" : "changed";
	json_t *change = json_pack("{s:s+, s:s, s:s, s:o, s:o}", "pointer", "/", key, "label", key,
	                           "kind", kind, "old", old ? json_deep_copy(old) : json_null(),
	                           "new", new ? json_deep_copy(new) : json_null());

	return json_array_append_new(diff, change) == 0 ? 0 : SL_ENOMEM;
}

static int diff_keys(const json_t *before, const json_t *after, json_t *diff)
{
	/* jansson walks maps by a pointer that is not const; nothing is changed. */
	json_t *old = (json_t *)(uintptr_t)before, *new = (json_t *)(uintptr_t)after;
	const char *key;
	json_t *value;
	int rc = 0;

	json_object_foreach(old, key, value)
	{
		const json_t *other = json_object_get(new, key);

		if (rc == 0 && !json_equal(value, other))
			rc = add_key(diff, key, value, other);
	}
	json_object_foreach(new, key, value)
	{
		if (rc == 0 && !json_object_get(old, key))
			rc = add_key(diff, key, NULL, value);
	}
	return rc;
}

static int diff_rows(const struct conf_object *shape, const json_t *before, const json_t *after,
                     json_t *diff)
{
	struct conf_changes changes;
	int rc = conf_object_diff(shape, before, after, &changes);

	if (rc != 0)
		return rc == SL_ENOMEM ? rc : SL_EIO;
	for (size_t i = 0; rc == 0 && i < changes.count; i++)
		rc = add_change(diff, &changes.items[i]);
	conf_changes_fini(&changes);
	return rc;
}

int setting_diff(enum object_kind kind, const json_t *before, const json_t *after,
                 json_t **ret_diff)
{
	const struct conf_object *shape = setting_shape(kind);
	json_t *diff = json_array();
	int rc = SL_ENOMEM;

	if (diff)
		rc = shape ? diff_rows(shape, before, after, diff) : diff_keys(before, after, diff);
	if (rc == 0)
		*ret_diff = diff;
	else
		json_decref(diff);
	return rc;
}
