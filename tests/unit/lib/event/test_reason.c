/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons: every row of the table has its names, and no number from outside reads past it. */
#include "tests/unit/unit.h"

#include "lib/base/err.h"
#include "lib/event/reason.h"

static void each_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_END; i++) {
		enum reason found = REASON_END;
		const char *name = reason_name((enum reason)i);

		assert_int_equal(reason_find(name, &found), 0);
		assert_int_equal(found, i);
		assert_true(strlen(reason_text((enum reason)i)) > 0);
		for (const char *p = name; *p; p++)
			assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *p));
	}
}

static void reasons_keep_their_outcome_and_class(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_CLIENT_SUITE), "client_suite");
	assert_int_equal(reason_outcome(REASON_CLIENT_SUITE), OUTCOME_BYPASSED);
	assert_int_equal(reason_class(REASON_CLIENT_SUITE), FAILURE_SUITE);
	assert_string_equal(failure_class_name(FAILURE_SUITE), "unsupported_suite");
	assert_string_equal(reason_outcome_name(OUTCOME_NOT_INSPECTED), "decrypted_not_inspected");
}

static void numbers_beyond_the_tables_are_unknown(void **state)
{
	enum reason found = REASON_NONE;

	(void)state;
	assert_string_equal(reason_name((enum reason)60000), "unknown");
	assert_string_equal(reason_name((enum reason) - 1), "unknown");
	assert_int_equal(reason_outcome(REASON_END), OUTCOME_NONE);
	assert_string_equal(reason_outcome_name((enum reason_outcome)99), "unknown");
	assert_string_equal(failure_class_name((enum failure_class)99), "unknown");
	assert_int_equal(reason_find("no such reason", &found), SL_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_reason_has_a_name_of_its_own),
	        cmocka_unit_test(reasons_keep_their_outcome_and_class),
	        cmocka_unit_test(numbers_beyond_the_tables_are_unknown),
	};

	return RUN_TESTS(tests);
}
