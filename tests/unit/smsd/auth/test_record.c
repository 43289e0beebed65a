/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/auth/record.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "tests/unit/smsd/place.h"

/* The statements are those of package sources; the words are not. */
static const struct record_kind kind = {
        .noun = "well",
        .audited = "deep well",
        .max = 2,
        .all = STORE_PACKAGE_SOURCES,
        .one = STORE_PACKAGE_SOURCE,
        .add = STORE_PACKAGE_SOURCE_ADD,
        .change = STORE_PACKAGE_SOURCE_CHANGE,
        .drop = STORE_PACKAGE_SOURCE_DROP,
};

static int change(void *arg, struct store_tx *tx)
{
	return record_change_tx(tx, arg);
}

static int put(struct place *place, const char *name, int64_t revision, const char *body)
{
	struct record_change c = {.kind = &kind,
	                          .actor = &place_actor,
	                          .name = name,
	                          .revision = revision,
	                          .body = body,
	                          .more = 7,
	                          .problem = &place->problem};

	return store_write(place->store, change, &c);
}

struct seen {
	int64_t revision, more;
	char body[32];
};

static int see(void *arg, const struct store_row *row)
{
	struct seen *seen = arg;

	seen->revision = store_row_integer(row, 2);
	(void)snprintf(seen->body, sizeof(seen->body), "%s", store_row_text(row, 3));
	seen->more = store_row_integer(row, 4);
	return 1;
}

/* revision 0: there is none. */
static struct seen look(struct place *place, const char *name)
{
	const struct store_value value = store_text(name);
	struct seen seen = {.revision = 0};

	assert_true(store_read(place->store, STORE_PACKAGE_SOURCE, &value, 1, see, &seen) >= 0);
	return seen;
}

/* Of the newest audit row; 0: none. */
static json_int_t number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(row, key), "n"));
}

static void was_audited(struct place *place, const char *action, int before, int after)
{
	json_t *list, *row;

	assert_int_equal(audit_list(place->store, 0, 1, &list), 0);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "action")), action);
	assert_string_equal(json_string_value(json_object_get(row, "kind")), "deep well");
	assert_string_equal(json_string_value(json_object_get(row, "name")), "a");
	assert_int_equal(number(row, "before"), before);
	assert_int_equal(number(row, "after"), after);
	json_decref(list);
}

static void a_record_is_made_changed_and_deleted(void **state)
{
	struct place *place = *state;
	struct seen seen;

	assert_int_equal(put(place, "a", 0, "{\"n\":1}"), 0);
	was_audited(place, "create", 0, 1);
	seen = look(place, "a");
	assert_int_equal(seen.revision, 1);
	assert_int_equal(seen.more, 7);
	assert_string_equal(seen.body, "{\"n\":1}");

	assert_int_equal(put(place, "a", 1, "{\"n\":2}"), 0);
	was_audited(place, "change", 1, 2);
	seen = look(place, "a");
	assert_int_equal(seen.revision, 2);
	assert_string_equal(seen.body, "{\"n\":2}");

	assert_int_equal(put(place, "a", 2, NULL), 0);
	was_audited(place, "delete", 2, 0);
	assert_int_equal(look(place, "a").revision, 0);
}

static void what_was_changed_meanwhile_stays(void **state)
{
	struct place *place = *state;

	assert_int_equal(put(place, "a", 0, "{\"n\":1}"), 0);
	assert_int_equal(put(place, "a", 1, "{\"n\":2}"), 0);
	assert_int_equal(put(place, "a", 1, "{\"n\":3}"), SL_ECONFLICT);
	assert_string_equal(place_told(place), "the well was changed meanwhile");
	assert_int_equal(put(place, "a", 1, NULL), SL_ECONFLICT);
	assert_int_equal(put(place, "a", 0, NULL), SL_ECONFLICT);
	/* A write may be run again: what it said before is not said twice. */
	assert_int_equal(place->problem.count, 1);
	assert_string_equal(look(place, "a").body, "{\"n\":2}");
	was_audited(place, "change", 1, 2);
}

static void a_name_is_given_once_and_there_are_no_more_than_may_be(void **state)
{
	struct place *place = *state;

	assert_int_equal(put(place, "a", 0, "{\"n\":1}"), 0);
	assert_int_equal(put(place, "a", 0, "{\"n\":2}"), SL_EEXIST);
	assert_string_equal(place_told(place), "there is a well \"a\"");
	assert_int_equal(put(place, "b", 0, "{\"n\":2}"), 0);
	assert_int_equal(put(place, "c", 0, "{\"n\":3}"), SL_ELIMIT);
	assert_string_equal(place_told(place), "there are 2 wells");
	assert_int_equal(look(place, "c").revision, 0);
	assert_int_equal(put(place, "b", 1, NULL), 0);
	assert_int_equal(put(place, "c", 0, "{\"n\":3}"), 0);
}

static void what_is_not_there_is_neither_changed_nor_deleted(void **state)
{
	struct place *place = *state;

	assert_int_equal(put(place, "a", 1, "{\"n\":1}"), SL_ENOENT);
	assert_string_equal(place_told(place), "there is no well \"a\"");
	assert_int_equal(put(place, "a", 1, NULL), SL_ENOENT);
	assert_int_equal(place_audited(place, NULL, NULL), 0);
}

static int note(void *arg, struct store_tx *tx)
{
	return record_audit_tx(tx, &kind, &place_actor, "check", "a");
}

static void what_is_done_with_one_is_in_the_audit_log(void **state)
{
	struct place *place = *state;

	assert_int_equal(store_write(place->store, note, NULL), 0);
	was_audited(place, "check", 0, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        T(a_record_is_made_changed_and_deleted),
	        T(what_was_changed_meanwhile_stays),
	        T(a_name_is_given_once_and_there_are_no_more_than_may_be),
	        T(what_is_not_there_is_neither_changed_nor_deleted),
	        T(what_is_done_with_one_is_in_the_audit_log),
	};

	return RUN_TESTS(tests);
}
