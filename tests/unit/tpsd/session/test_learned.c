/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations that are left alone for a while. */
#include "tpsd/session/learned.h"

#include "lib/base/clock.h"
#include "tests/unit/unit.h"

static struct addr server_of(uint32_t n)
{
	return addr_from_v4(n);
}

static void an_entry_is_for_its_name_server_and_port_and_ends(void **state)
{
	static struct learned l = {.seed = 7};
	struct addr a = server_of(1), b = server_of(2);

	learned_add(&l, &a, 443, "a.test", 6, REASON_CLIENT_CERTIFICATE, 1000);
	assert_int_equal(learned_find(&l, &a, 443, "A.TEST", 6, 2000), REASON_CLIENT_CERTIFICATE);
	assert_int_equal(learned_find(&l, &a, 444, "a.test", 6, 2000), REASON_NONE);
	assert_int_equal(learned_find(&l, &a, 443, "b.test", 6, 2000), REASON_NONE);
	assert_int_equal(learned_find(&l, &b, 443, "a.test", 6, 2000), REASON_NONE);
	assert_int_equal(learned_find(&l, &a, 443, "a.test", 6,
	                              1000 + (LEARNED_LIFETIME_S + 1) * CLOCK_NS_PER_S),
	                 REASON_NONE);
	assert_int_equal(l.count, 0);
}

static void however_many_are_learned_the_table_stays_its_size(void **state)
{
	static struct learned l = {.seed = 9};
	struct addr a;

	for (uint32_t i = 0; i < 10 * LEARNED_MAX; i++) {
		a = server_of(i);
		learned_add(&l, &a, 443, "", 0, REASON_SERVER_SUITE, i);
		assert_int_equal(learned_find(&l, &a, 443, "", 0, i), REASON_SERVER_SUITE);
	}
	assert_true(l.count <= LEARNED_MAX);
	learned_clear(&l);
	assert_int_equal(learned_find(&l, &a, 443, "", 0, 0), REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_entry_is_for_its_name_server_and_port_and_ends),
	        cmocka_unit_test(however_many_are_learned_the_table_stays_its_size),
	};

	return RUN_TESTS(tests);
}
