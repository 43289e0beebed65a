/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

static void content_never_grows_past_the_maximum(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(buf_add(&b, "abc", 3), 0);
	assert_int_equal(buf_add(&b, "de", 2), SL_ELIMIT);
	assert_int_equal(b.len, 3);
	assert_int_equal(buf_add(&b, "d", 1), 0);
	assert_string_equal(buf_text(&b), "abcd");
	buf_fini(&b);
}

static void a_failed_printf_adds_nothing(void **state)
{
	struct buf b;

	buf_init(&b, 8);
	assert_int_equal(buf_printf(&b, "%s", "1234"), 0);
	assert_int_equal(buf_printf(&b, "%s", "56789"), SL_ELIMIT);
	assert_string_equal(buf_text(&b), "1234");
	buf_fini(&b);
}

static void consuming_takes_from_the_front(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(buf_printf(&b, "%0200d", 7), 0);
	buf_consume(&b, 199);
	assert_string_equal(buf_text(&b), "7");
	buf_consume(&b, 1);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(content_never_grows_past_the_maximum),
	        cmocka_unit_test(a_failed_printf_adds_nothing),
	        cmocka_unit_test(consuming_takes_from_the_front),
	};

	return RUN_TESTS(tests);
}
