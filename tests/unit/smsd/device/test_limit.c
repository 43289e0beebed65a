/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "smsd/device/port_priv.h"
#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000000)

static void test_an_address_has_so_many_a_minute(void **state)
{
	struct port_limit limit = {.began_ns = 0};

	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		assert_true(port_limit_take(&limit, "192.0.2.1", 100 * SECOND));
	assert_false(port_limit_take(&limit, "192.0.2.1", 100 * SECOND));
	assert_false(port_limit_take(&limit, "192.0.2.1", 159 * SECOND));
	assert_true(port_limit_take(&limit, "192.0.2.2", 159 * SECOND));
	assert_true(port_limit_take(&limit, "192.0.2.1", 161 * SECOND));
}

static void test_all_have_so_many_together(void **state)
{
	struct port_limit limit = {.began_ns = 0};
	char from[64];

	for (int i = 0; i < DEVICE_WRONG_ALL; i++) {
		(void)snprintf(from, sizeof(from), "2001:db8::%x", (unsigned)i);
		assert_true(port_limit_take(&limit, from, 100 * SECOND));
	}
	assert_false(port_limit_take(&limit, "192.0.2.1", 101 * SECOND));
	assert_true(port_limit_take(&limit, "192.0.2.1", 160 * SECOND));
}

/* A thousand devices that enrol at once are no guesses. */
static void test_what_was_right_counts_for_nothing(void **state)
{
	struct port_limit limit = {.began_ns = 0};
	char from[64];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(from, sizeof(from), "192.0.2.%d", i % 250);
		assert_true(port_limit_take(&limit, from, 100 * SECOND));
		port_limit_give(&limit, from);
	}
	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		assert_true(port_limit_take(&limit, "192.0.2.1", 100 * SECOND));
	assert_false(port_limit_take(&limit, "192.0.2.1", 100 * SECOND));
	port_limit_give(&limit, "192.0.2.1");
	assert_true(port_limit_take(&limit, "192.0.2.1", 100 * SECOND));
}

/* Taken in one minute and given back in the next: nothing goes below none. */
static void test_given_back_too_late(void **state)
{
	struct port_limit limit = {.began_ns = 0};

	assert_true(port_limit_take(&limit, "192.0.2.1", 100 * SECOND));
	assert_true(port_limit_take(&limit, "192.0.2.2", 170 * SECOND));
	port_limit_give(&limit, "192.0.2.1");
	assert_int_equal(limit.all, 1);
	port_limit_give(&limit, "192.0.2.2");
	port_limit_give(&limit, "192.0.2.2");
	assert_int_equal(limit.all, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_address_has_so_many_a_minute),
	        cmocka_unit_test(test_all_have_so_many_together),
	        cmocka_unit_test(test_what_was_right_counts_for_nothing),
	        cmocka_unit_test(test_given_back_too_late),
	};

	return RUN_TESTS(tests);
}
