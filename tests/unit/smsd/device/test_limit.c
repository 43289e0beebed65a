/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "smsd/device/port_priv.h"
#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000000)

/* A try that is known to be wrong at once. */
static enum port_turn try_wrong(struct port_limit *limit, const char *from, uint64_t now_ns)
{
	enum port_turn turn = port_limit_take(limit, from, now_ns);

	if (turn == PORT_TURN_NOW)
		port_limit_end(limit, from, true, now_ns);
	return turn;
}

static void test_an_address_has_so_many_a_minute(void **state)
{
	struct port_limit limit = {.began_ns = 0};

	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		assert_int_equal(try_wrong(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NOW);
	assert_int_equal(try_wrong(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NEVER);
	assert_int_equal(try_wrong(&limit, "192.0.2.1", 159 * SECOND), PORT_TURN_NEVER);
	assert_int_equal(try_wrong(&limit, "192.0.2.2", 159 * SECOND), PORT_TURN_NOW);
	assert_int_equal(try_wrong(&limit, "192.0.2.1", 161 * SECOND), PORT_TURN_NOW);
}

static void test_all_have_so_many_together(void **state)
{
	struct port_limit limit = {.began_ns = 0};
	char from[64];

	for (int i = 0; i < DEVICE_WRONG_ALL; i++) {
		(void)snprintf(from, sizeof(from), "2001:db8::%x", (unsigned)i);
		assert_int_equal(try_wrong(&limit, from, 100 * SECOND), PORT_TURN_NOW);
	}
	assert_int_equal(try_wrong(&limit, "192.0.2.1", 101 * SECOND), PORT_TURN_NEVER);
	assert_int_equal(try_wrong(&limit, "192.0.2.1", 160 * SECOND), PORT_TURN_NOW);
}

/* A thousand devices that enrol at once are no guesses. */
static void test_what_was_right_counts_for_nothing(void **state)
{
	struct port_limit limit = {.began_ns = 0};
	char from[64];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(from, sizeof(from), "192.0.2.%d", i % 250);
		assert_int_equal(port_limit_take(&limit, from, 100 * SECOND), PORT_TURN_NOW);
		port_limit_end(&limit, from, false, 100 * SECOND);
	}
	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		assert_int_equal(try_wrong(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NOW);
	assert_int_equal(try_wrong(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NEVER);
}

/* Nobody knows yet: the next one waits, and is not refused; side by side none is tried more. */
static void test_what_is_under_way_is_not_wrong(void **state)
{
	struct port_limit limit = {.began_ns = 0};

	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		assert_int_equal(port_limit_take(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NOW);
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_LATER);
	assert_int_equal(port_limit_take(&limit, "192.0.2.2", 100 * SECOND), PORT_TURN_NOW);
	port_limit_end(&limit, "192.0.2.1", false, 100 * SECOND);
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NOW);
	for (int i = 0; i < DEVICE_WRONG_SOURCE - 1; i++) {
		port_limit_end(&limit, "192.0.2.1", true, 100 * SECOND);
		assert_int_equal(port_limit_take(&limit, "192.0.2.1", 100 * SECOND),
		                 PORT_TURN_LATER);
	}
	port_limit_end(&limit, "192.0.2.1", true, 100 * SECOND);
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NEVER);
}

static void test_all_that_is_under_way_together(void **state)
{
	struct port_limit limit = {.began_ns = 0};
	char from[64];

	for (int i = 0; i < DEVICE_WRONG_ALL; i++) {
		(void)snprintf(from, sizeof(from), "2001:db8::%x", (unsigned)i);
		assert_int_equal(port_limit_take(&limit, from, 100 * SECOND), PORT_TURN_NOW);
	}
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 101 * SECOND), PORT_TURN_LATER);
	port_limit_end(&limit, "2001:db8::0", false, 101 * SECOND);
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 101 * SECOND), PORT_TURN_NOW);
}

/* Taken in one minute and known in the next: it counts in that, and nothing goes below none. */
static void test_a_minute_ends_with_some_under_way(void **state)
{
	struct port_limit limit = {.began_ns = 0};

	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		assert_int_equal(port_limit_take(&limit, "192.0.2.1", 100 * SECOND), PORT_TURN_NOW);
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 170 * SECOND), PORT_TURN_LATER);
	for (int i = 0; i < DEVICE_WRONG_SOURCE; i++)
		port_limit_end(&limit, "192.0.2.1", true, 171 * SECOND);
	assert_int_equal(port_limit_take(&limit, "192.0.2.1", 171 * SECOND), PORT_TURN_NEVER);
	port_limit_end(&limit, "192.0.2.1", true, 171 * SECOND);
	assert_int_equal(limit.all.wrong, DEVICE_WRONG_SOURCE);
	assert_int_equal(limit.all.under_way, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_address_has_so_many_a_minute),
	        cmocka_unit_test(test_all_have_so_many_together),
	        cmocka_unit_test(test_what_was_right_counts_for_nothing),
	        cmocka_unit_test(test_what_is_under_way_is_not_wrong),
	        cmocka_unit_test(test_all_that_is_under_way_together),
	        cmocka_unit_test(test_a_minute_ends_with_some_under_way),
	};

	return RUN_TESTS(tests);
}
