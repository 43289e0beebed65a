/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/auth/audit.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/place.h"

struct adding {
	const struct audit_line *line;
	int rc;
};

static int add(void *arg, struct store_tx *tx)
{
	const struct adding *adding = arg;
	int rc = audit_add(tx, &place_actor, adding->line);

	return rc ? rc : adding->rc;
}

static int write_line(struct place *place, const char *action, int rc)
{
	struct audit_line line = {.action = action, .kind = "certificate", .name = "shop"};
	struct adding adding = {&line, rc};

	return store_write(place->store, add, &adding);
}

static const char *text(const json_t *list, size_t at, const char *key)
{
	return json_string_value(json_object_get(json_array_get(list, at), key));
}

static void a_row_says_who_did_what_to_what_and_from_where(void **state)
{
	struct place *place = *state;
	struct audit_line line = {.action = "replace",
	                          .kind = "certificate",
	                          .name = "shop",
	                          .before = "{\"revision\":1}",
	                          .after = "{\"revision\":2}"};
	struct adding adding = {&line, 0};
	json_t *list, *row;

	assert_int_equal(store_write(place->store, add, &adding), 0);
	assert_int_equal(audit_list(place->store, 0, 10, &list), 0);
	assert_int_equal(json_array_size(list), 1);
	row = json_array_get(list, 0);
	assert_int_equal(json_object_size(row), 10);
	assert_true(json_integer_value(json_object_get(row, "id")) > 0);
	assert_int_equal(strlen(text(list, 0, "time")), strlen("2026-01-31T12:00:00Z"));
	assert_string_equal(text(list, 0, "who"), "anna");
	assert_string_equal(text(list, 0, "from"), "192.0.2.7");
	assert_string_equal(text(list, 0, "via"), "session");
	assert_string_equal(text(list, 0, "action"), "replace");
	assert_string_equal(text(list, 0, "kind"), "certificate");
	assert_string_equal(text(list, 0, "name"), "shop");
	assert_int_equal(
	        json_integer_value(json_object_get(json_object_get(row, "before"), "revision")), 1);
	assert_int_equal(
	        json_integer_value(json_object_get(json_object_get(row, "after"), "revision")), 2);
	json_decref(list);
}

static void a_row_is_undone_with_the_write_it_tells_of(void **state)
{
	struct place *place = *state;
	json_t *list;

	assert_int_equal(write_line(place, "import", SL_ECONFLICT), SL_ECONFLICT);
	assert_int_equal(audit_list(place->store, 0, 10, &list), 0);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void rows_come_newest_first_and_page_by_page(void **state)
{
	struct place *place = *state;
	int64_t before = 0;
	char action[16];
	json_t *list;
	int at = 7;

	for (int i = 1; i <= at; i++) {
		(void)snprintf(action, sizeof(action), "%d", i);
		assert_int_equal(write_line(place, action, 0), 0);
	}
	while (at > 0) {
		assert_int_equal(audit_list(place->store, before, 3, &list), 0);
		assert_int_equal(json_array_size(list), SL_MIN(at, 3));
		for (size_t i = 0; i < json_array_size(list); i++) {
			(void)snprintf(action, sizeof(action), "%d", at--);
			assert_string_equal(text(list, i, "action"), action);
			before = json_integer_value(json_object_get(json_array_get(list, i), "id"));
		}
		json_decref(list);
	}
	assert_int_equal(audit_list(place->store, before, 3, &list), 0);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void what_a_row_does_not_have_is_left_out(void **state)
{
	struct place *place = *state;
	json_t *list;

	assert_int_equal(write_line(place, "import", 0), 0);
	assert_int_equal(audit_list(place->store, 0, 1, &list), 0);
	assert_int_equal(json_object_size(json_array_get(list, 0)), 8);
	assert_null(text(list, 0, "before"));
	json_decref(list);
}

static unsigned count_rows(struct place *place)
{
	json_t *list;
	unsigned count;

	assert_int_equal(audit_list(place->store, 0, 10000, &list), 0);
	count = (unsigned)json_array_size(list);
	json_decref(list);
	return count;
}

static void rows_that_are_too_old_go_and_it_is_told(void **state)
{
	struct place *place = *state;
	const struct audit_keep keep = {.days = 30, .rows = AUDIT_ROWS};

	assert_int_equal(write_line(place, "old", 0), 0);
	place_wait(20L * 24 * 3600);
	assert_int_equal(write_line(place, "young", 0), 0);
	assert_int_equal(audit_sweep(place->store, &keep, moment_now_ms()), 0);
	assert_int_equal(count_rows(place), 2);
	place_wait(11L * 24 * 3600);
	assert_int_equal(audit_sweep(place->store, &keep, moment_now_ms()), 0);
	assert_int_equal(place_audited(place, "old", NULL), 0);
	assert_int_equal(place_audited(place, "young", NULL), 1);
	assert_int_equal(place_audited(place, "drop old", NULL), 1);
	/* Nothing to drop is nothing to tell. */
	assert_int_equal(audit_sweep(place->store, &keep, moment_now_ms()), 0);
	assert_int_equal(count_rows(place), 2);
}

static int add_many(void *arg, struct store_tx *tx)
{
	const struct audit_line line = {.action = "one of many", .kind = "", .name = ""};
	int rc = 0;

	for (int i = 0; i < 5000 && rc == 0; i++)
		rc = audit_add(tx, &place_actor, &line);
	return rc;
}

static void rows_that_are_too_many_go_the_oldest_first(void **state)
{
	struct place *place = *state;
	const struct audit_keep keep = {.days = 30, .rows = 100};

	assert_int_equal(write_line(place, "first", 0), 0);
	assert_int_equal(store_write(place->store, add_many, NULL), 0);
	assert_int_equal(write_line(place, "last", 0), 0);
	assert_int_equal(audit_sweep(place->store, &keep, moment_now_ms()), 0);
	assert_int_equal(place_audited(place, "first", NULL), 0);
	assert_int_equal(place_audited(place, "last", NULL), 1);
	assert_in_range(count_rows(place), 90, 110);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(rows_that_are_too_old_go_and_it_is_told),
	        TEST(rows_that_are_too_many_go_the_oldest_first),
	        TEST(a_row_says_who_did_what_to_what_and_from_where),
	        TEST(a_row_is_undone_with_the_write_it_tells_of),
	        TEST(rows_come_newest_first_and_page_by_page),
	        TEST(what_a_row_does_not_have_is_left_out),
	};

	return RUN_TESTS(tests);
}
