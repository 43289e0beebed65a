/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/minutes.h"

#include "tests/unit/unit.h"

enum { MS = 60000 };

static struct minutes m;

static int setup(void **state)
{
	m = (struct minutes){.begun = false};
	return 0;
}

static bool sample(uint64_t ms, uint64_t inspected, uint64_t active)
{
	const uint64_t values[MINUTES_END] = {
	        [MINUTES_inspected] = inspected, [MINUTES_active] = active};

	return minutes_sample(&m, ms, values);
}

static uint64_t value_of(const char *key)
{
	json_t *body = minutes_json(&m);
	json_t *list = json_object_get(body, "minutes");
	uint64_t value = (uint64_t)json_integer_value(
	        json_object_get(json_array_get(list, json_array_size(list) - 1), key));

	json_decref(body);
	return value;
}

static void a_minute_has_what_was_counted_in_it(void **state)
{
	assert_false(sample(100 * MS, 1000, 4));
	assert_false(sample(100 * MS + 30000, 1010, 8));
	assert_null(minutes_json(&m));
	assert_true(sample(101 * MS, 1015, 2));
	assert_int_equal(value_of("minute"), 100);
	assert_int_equal(value_of("inspected"), 15);
	assert_int_equal(value_of("active"), 6);
	assert_true(sample(102 * MS, 1015, 2));
	assert_int_equal(value_of("inspected"), 0);
	assert_int_equal(value_of("active"), 2);
}

static void counters_that_begin_again_make_no_giant(void **state)
{
	(void)sample(100 * MS, 5000, 0);
	assert_true(sample(101 * MS, 3, 0));
	assert_int_equal(value_of("inspected"), 0);
	assert_true(sample(102 * MS, 10, 0));
	assert_int_equal(value_of("inspected"), 7);
	assert_true(sample(103 * MS, UINT64_MAX, UINT64_MAX));
	assert_int_equal(value_of("inspected"), REMOTE_COUNTED_MAX);
	assert_true(sample(104 * MS, UINT64_MAX, UINT64_MAX));
	assert_int_equal(value_of("active"), REMOTE_COUNTED_MAX);
}

static void they_wait_until_they_are_taken_and_not_without_end(void **state)
{
	(void)sample(100 * MS, 0, 0);
	for (uint64_t i = 1; i <= 70; i++)
		assert_true(sample((100 + i) * MS, i, 0));
	assert_int_equal(m.count, REMOTE_MINUTES_MAX);
	assert_int_equal(m.over[0].minute, 110);
	assert_int_equal(value_of("minute"), 169);
	minutes_drop(&m, 168);
	assert_int_equal(m.count, 1);
	assert_int_equal(value_of("minute"), 169);
	minutes_drop(&m, 169);
	assert_null(minutes_json(&m));
}

static void a_clock_that_jumps_ends_no_minute_twice(void **state)
{
	(void)sample(100 * MS, 0, 0);
	assert_false(sample(40 * MS, 5, 0)); /* back */
	assert_true(sample(41 * MS, 6, 0));
	assert_int_equal(value_of("minute"), 40);
	assert_int_equal(value_of("inspected"), 6);
	assert_true(sample(500 * MS, 9, 0)); /* ahead */
	assert_int_equal(m.count, 2);
	assert_int_equal(value_of("minute"), 41);
	assert_int_equal(value_of("inspected"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, setup)
	        T(a_minute_has_what_was_counted_in_it),
	        T(counters_that_begin_again_make_no_giant),
	        T(they_wait_until_they_are_taken_and_not_without_end),
	        T(a_clock_that_jumps_ends_no_minute_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
