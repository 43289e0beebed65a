/* SPDX-License-Identifier: Apache-2.0 */
/* Records from rings: what is one JSON object on one line passes, all else does not. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/event/check.h"

static void objects_pass(void **state)
{
	static const char *const good[] = {
	        "{}",
	        "{\"a\":1}",
	        "{\"a\":-0.5e+10,\"b\":[1,2,[]],\"c\":{\"d\":null,\"e\":true,\"f\":false}}",
	        "{\"a\":\"\\u00e4\\n\\\"\\\\\\/\"}",
	        "{\"a\":\"\xe2\x82\xac\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(event_check(good[i], strlen(good[i])));
}

static void all_else_does_not(void **state)
{
	static const char *const bad[] = {
	        "",
	        "{",
	        "}",
	        "[]",
	        "1",
	        "{}{}",
	        "{} ",
	        " {}",
	        "{\"a\":1,}",
	        "{\"a\"}",
	        "{a:1}",
	        "{\"a\":01}",
	        "{\"a\":1.}",
	        "{\"a\":+1}",
	        "{\"a\":1e}",
	        "{\"a\":tru}",
	        "{\"a\":\"\n\"}",
	        "{\"a\":\"\\x\"}",
	        "{\"a\":\"\\u12g4\"}",
	        "{\"a\":\"\\u12\"}",
	        "{\"a\":\"\xff\"}",
	        "{\"a\":\"}",
	        "{\"a\":[1,]}",
	        "{\"a\":[1}",
	        "{\"a\":1]",
	        "{}\n{\"event_type\":\"audit\"}",
	        "{\"a\":\"\x01\"}",
	        "{\"a\":\"\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(event_check(bad[i], strlen(bad[i])));
	assert_false(event_check("{\"a\":\"\0\"}", 9));
	assert_false(event_check("{}\0", 3));
}

static void depth_is_bounded(void **state)
{
	enum { LEVELS = 100000 };
	char *deep = malloc(LEVELS);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', LEVELS);
	memcpy(deep, "{\"a\":", 5);
	assert_false(event_check(deep, LEVELS));
	free(deep);
}

static void every_cut_of_an_object_is_refused(void **state)
{
	static const char text[] =
	        "{\"a\":[1,-2.5e3,\"x\\u00e4\\n\",{\"b\":null,\"c\":true}],\"d\":false}";
	size_t len = sizeof(text) - 1;

	(void)state;
	assert_true(event_check(text, len));
	for (size_t n = 0; n < len; n++) {
		char *copy = malloc(n + 1); /* exactly so long: a read past it is seen by ASan */

		assert_non_null(copy);
		memcpy(copy, text, n);
		assert_false(event_check(copy, n));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(objects_pass),
	        cmocka_unit_test(all_else_does_not),
	        cmocka_unit_test(depth_is_bounded),
	        cmocka_unit_test(every_cut_of_an_object_is_refused),
	};

	return RUN_TESTS(tests);
}
