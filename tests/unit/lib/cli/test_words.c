/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cli/words.h"

#include "tests/unit/unit.h"

static void a_last_json_is_the_option(void **state)
{
	char show[] = "show", flag[] = "--json";
	char *argv[] = {flag, show, flag};
	bool json = false;

	(void)state;
	assert_int_equal(cli_words(2, argv, false, &json), 2);
	assert_false(json);
	assert_int_equal(cli_words(3, argv, false, &json), 2);
	assert_true(json);
	assert_int_equal(cli_words(0, argv, false, &json), 0);
}

static void what_is_being_typed_is_a_word(void **state)
{
	char show[] = "show", flag[] = "--json";
	char *argv[] = {show, flag};
	bool json = false;

	(void)state;
	assert_int_equal(cli_words(2, argv, true, &json), 2);
	assert_false(json);
}

static void o_is_output(void **state)
{
	char export[] = "export", o[] = "-o", file[] = "-o.pem";
	char *argv[] = {export, o, file};
	bool json = false;

	(void)state;
	assert_int_equal(cli_words(3, argv, false, &json), 3);
	assert_string_equal(argv[0], "export");
	assert_string_equal(argv[1], "--output");
	assert_string_equal(argv[2], "-o.pem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_last_json_is_the_option),
	        cmocka_unit_test(what_is_being_typed_is_a_word),
	        cmocka_unit_test(o_is_output),
	};

	return RUN_TESTS(tests);
}
