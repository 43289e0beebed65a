/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on a terminal: nothing from outside steers it, tables line up, errors name their place.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "tps/render.h"

static char *text;
static size_t size;

static struct render open_render(FILE **ret_f, bool json)
{
	*ret_f = open_memstream(&text, &size);
	assert_non_null(*ret_f);
	return (struct render){.out = *ret_f, .json = json};
}

static void show(enum cli_command_id id, const char *json, bool as_json)
{
	json_t *data = json_loads(json, JSON_DECODE_ANY, NULL);
	FILE *f;
	struct render r = open_render(&f, as_json);

	assert_non_null(data);
	render_data(&r, cli_command_by_id(id), data);
	(void)fclose(f);
	json_decref(data);
}

static void done(void)
{
	free(text);
	text = NULL;
}

static void control_characters_never_reach_the_terminal(void **state)
{
	(void)state;
	show(CLI_SHOW_PROCESSES, "[{\"name\":\"a\\u001b]0;x\\u0007\\u009b31m\\u007f\\r\\nb\"}]",
	     false);
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strchr(text, 0x7f));
	done();
	show(CLI_SHOW_LOG,
	     "[{\"timestamp\":\"2026\",\"event_type\":\"system\",\"severity\":\"info\",\"process\":"
	     "\"p\","
	     "\"message\":\"\\u001b[2Jgone\"}]",
	     false);
	assert_null(strchr(text, 0x1b));
	done();
}

static void rows_line_up_and_inner_objects_are_columns(void **state)
{
	(void)state;
	show(CLI_SHOW_SEGMENTS,
	     "[{\"name\":\"wan\",\"port\":{\"link\":\"up\"}},"
	     "{\"name\":\"a-long-name\",\"port\":{\"link\":\"down\"}}]",
	     false);
	assert_string_equal(text, "name         port.link\n"
	                          "wan          up\n"
	                          "a-long-name  down\n");
	done();
}

static void json_is_the_same_record(void **state)
{
	json_t *back;

	(void)state;
	show(CLI_SHOW_PROCESSES, "[{\"name\":\"wire\",\"pid\":7}]", true);
	back = json_loads(text, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(back, 0), "pid")), 7);
	json_decref(back);
	done();
	show(CLI_SHOW_LOG, "[{\"a\":1},{\"a\":2}]", true);
	assert_string_equal(text, "{\"a\":1}\n{\"a\":2}\n");
	done();
}

static void failed_checks_are_counted_and_have_their_remedy(void **state)
{
	(void)state;
	show(CLI_SHOW_TROUBLESHOOT,
	     "[{\"check\":\"one\",\"result\":\"pass\",\"evidence\":\"fine\",\"remedy\":\"\"},"
	     "{\"check\":\"two\",\"result\":\"fail\",\"evidence\":\"bad\",\"remedy\":\"mend it\"}]",
	     false);
	assert_non_null(strstr(text, "pass  one: fine\n"));
	assert_non_null(strstr(text, "fail  two: bad\n      -> mend it\n"));
	assert_non_null(strstr(text, "2 checks, 1 failed\n"));
	done();
}

static void empty_answers_say_so(void **state)
{
	(void)state;
	show(CLI_SHOW_CERTIFICATES, "[]", false);
	assert_string_equal(text, "none\n");
	done();
	show(CLI_DEBUG_CLEAR, "null", false);
	assert_string_equal(text, "done\n");
	done();
	show(CLI_SHOW_TRAFFIC, "{}", false);
	done();
	show(CLI_SHOW_CAPACITY, "[{}]", false);
	done();
}

static void each_error_has_its_place_and_remedy(void **state)
{
	json_t *error = json_loads("{\"code\":\"INVAL\",\"text\":\"refused\",\"remedy\":\"\","
	                           "\"errors\":[{\"file\":\"/a.yaml\","
	                           "\"line\":7,\"column\":3,\"path\":\"/x\",\"text\":\"is "
	                           "wrong\",\"remedy\":\"mend it\"}]}",
	                           0, NULL);
	FILE *f = open_memstream(&text, &size);

	(void)state;
	render_error(error, false, f);
	(void)fclose(f);
	assert_string_equal(text,
	                    "/a.yaml:7:3: error: /x: is wrong\n        mend it\ntps: refused\n");
	json_decref(error);
	done();
}

/* Whatever a daemon of another version answers: no crash. */
static void any_shape_is_survived(void **state)
{
	static const char *const shapes[] = {"null",
	                                     "1",
	                                     "\"x\"",
	                                     "[1,2]",
	                                     "[[],{}]",
	                                     "{\"a\":[{}]}",
	                                     "[{\"a\":{\"b\":{\"c\":[1]}}}]",
	                                     "[null,{\"a\":1}]",
	                                     "{\"text\":\"a\\tb\\nc\"}",
	                                     "true",
	                                     "1.5"};

	(void)state;
	for (unsigned id = 0; id < CLI_COMMAND_END; id++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
			show((enum cli_command_id)id, shapes[i], false);
			done();
			show((enum cli_command_id)id, shapes[i], true);
			done();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(control_characters_never_reach_the_terminal),
	        cmocka_unit_test(rows_line_up_and_inner_objects_are_columns),
	        cmocka_unit_test(json_is_the_same_record),
	        cmocka_unit_test(failed_checks_are_counted_and_have_their_remedy),
	        cmocka_unit_test(empty_answers_say_so),
	        cmocka_unit_test(each_error_has_its_place_and_remedy),
	        cmocka_unit_test(any_shape_is_survived),
	};

	return RUN_TESTS(tests);
}
