/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/limit.h"

#include <stdio.h>

#include "tests/unit/unit.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static int set_up(void **state)
{
	struct limit *limit;

	assert_int_equal(limit_create(&limit), 0);
	*state = limit;
	return 0;
}

static int tear_down(void **state)
{
	limit_destroy(*state);
	return 0;
}

static unsigned taken(struct limit *limit, const char *who, uint64_t now_ns)
{
	unsigned n = 0;

	while (n < 10000 && limit_take(limit, LIMIT_CREDENTIAL, who, now_ns))
		n++;
	return n;
}

static void a_burst_and_then_so_many_a_second(void **state)
{
	assert_int_equal(taken(*state, "a", 5 * S), LIMIT_BURST);
	assert_int_equal(taken(*state, "a", 5 * S + 49 * MS), 0);
	assert_int_equal(taken(*state, "a", 6 * S), LIMIT_RATE);
	assert_int_equal(taken(*state, "a", 3600 * S), LIMIT_BURST);
}

static void each_has_his_own(void **state)
{
	assert_int_equal(taken(*state, "a", S), LIMIT_BURST);
	assert_int_equal(taken(*state, "b", S), LIMIT_BURST);
	assert_true(limit_take(*state, LIMIT_ADDRESS, "a", S));
}

static void looking_costs_nothing(void **state)
{
	for (int i = 0; i < 3 * LIMIT_BURST; i++)
		assert_true(limit_look(*state, LIMIT_CREDENTIAL, "a", S));
	assert_int_equal(taken(*state, "a", S), LIMIT_BURST);
	assert_false(limit_look(*state, LIMIT_CREDENTIAL, "a", S));
}

static void who_invents_names_does_not_push_addresses_out(void **state)
{
	char who[32];

	for (int i = 0; i < LIMIT_BURST; i++)
		assert_true(limit_take(*state, LIMIT_ADDRESS, "10.0.0.1", S));
	for (int i = 0; i < 2 * LIMIT_ENTRIES; i++) {
		(void)snprintf(who, sizeof(who), "token %d", i);
		assert_true(limit_take(*state, LIMIT_CREDENTIAL, who, S));
	}
	assert_false(limit_look(*state, LIMIT_ADDRESS, "10.0.0.1", S));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_burst_and_then_so_many_a_second),
	        CASE(each_has_his_own),
	        CASE(looking_costs_nothing),
	        CASE(who_invents_names_does_not_push_addresses_out),
	};

	return RUN_TESTS(tests);
}
