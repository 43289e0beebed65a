/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/base/moment.h"

#include "tests/unit/unit.h"

static void a_time_is_shown_as_a_document_writes_it(void **state)
{
	char text[MOMENT_TEXT_MAX];

	assert_string_equal(moment_text(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(moment_text(1801353599999, text), "2027-01-30T23:59:59Z");
	assert_string_equal(moment_text(1801353600000, text), "2027-01-31T00:00:00Z");
}

static void a_time_beyond_the_calendar_is_shown_as_nothing(void **state)
{
	char text[MOMENT_TEXT_MAX];

	assert_string_equal(moment_text(253402300799000, text), "9999-12-31T23:59:59Z");
	assert_string_equal(moment_text(253402300800000, text), "");
	assert_string_equal(moment_text(INT64_MAX, text), "");
}

static void now_is_after_this_was_written(void **state)
{
	assert_true(moment_now_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_time_is_shown_as_a_document_writes_it),
	        cmocka_unit_test(a_time_beyond_the_calendar_is_shown_as_nothing),
	        cmocka_unit_test(now_is_after_this_was_written),
	};

	return RUN_TESTS(tests);
}
