/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: words to commands, arguments by its grammar, completion, both ends agree.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/cli/command.h"
#include "lib/cli/frame.h"

enum { WORDS_MAX = 12 };

/* Splits at spaces. */
static size_t split(char *line, const char *argv[WORDS_MAX])
{
	size_t n = 0;

	for (char *word = strtok(line, " "); word && n < WORDS_MAX; word = strtok(NULL, " "))
		argv[n++] = word;
	return n;
}

static const struct cli_command *parse(const char *text, json_t **ret)
{
	const char *argv[WORDS_MAX];
	const struct cli_command *c;
	char line[256], why[512] = "";
	size_t n, used;

	(void)snprintf(line, sizeof(line), "%s", text);
	n = split(line, argv);
	c = cli_command_find(&cli_tps, n, argv, &used);
	if (!c || cli_arguments_parse(c, n - used, argv + used, ret, why, sizeof(why)) != 0)
		return NULL;
	return c;
}

static void the_longest_command_is_meant(void **state)
{
	json_t *arguments;

	(void)state;
	assert_int_equal(parse("show segments", &arguments)->id, CLI_SHOW_SEGMENTS);
	json_decref(arguments);
	assert_int_equal(parse("show virtual segments", &arguments)->id, CLI_SHOW_VIRTUAL_SEGMENTS);
	json_decref(arguments);
	assert_int_equal(parse("show ssl-inspection troubleshoot unreachable --server 10.0.0.2:443",
	                       &arguments)
	                         ->id,
	                 CLI_SHOW_TROUBLESHOOT);
	assert_string_equal(json_string_value(json_object_get(arguments, "server")),
	                    "10.0.0.2:443");
	json_decref(arguments);
	assert_int_equal(parse("debug np stats show npFlowStats", &arguments)->id, CLI_DEBUG_STATS);
	assert_string_equal(json_string_value(json_object_get(arguments, "group")), "npFlowStats");
	json_decref(arguments);
	assert_null(parse("show", &arguments));
	assert_null(parse("show segment", &arguments));
}

static void arguments_follow_the_grammar(void **state)
{
	json_t *a;

	(void)state;
	assert_non_null(parse("config apply f.yaml --confirm 5m", &a));
	assert_string_equal(json_string_value(json_object_get(a, "file")), "f.yaml");
	assert_string_equal(json_string_value(json_object_get(a, "confirm")), "5m");
	json_decref(a);
	assert_non_null(parse("show log system --follow --last 3", &a));
	assert_true(json_is_true(json_object_get(a, "follow")));
	json_decref(a);
	assert_null(parse("config apply", &a));
	assert_null(parse("config apply a b", &a));
	assert_null(parse("config apply a --confirm", &a));
	assert_null(parse("config apply a --force", &a));
	assert_null(parse("show log nonsense", &a));
	assert_null(parse("debug np stats show npFlow", &a));
}

/* What tps makes, control takes. */
static void both_ends_agree(void **state)
{
	static const char *const lines[] = {
	        "show segments",
	        "show log audit --filter a=b --follow",
	        "panic except domain a.example --for 5m",
	        "config rollback 3",
	        "config rollback",
	        "drain --off",
	        "explain 5",
	        "show ssl-inspection troubleshoot unreachable --vlan 7",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(lines); i++) {
		const struct cli_command *c;
		json_t *a;
		char why[512];

		c = parse(lines[i], &a);
		assert_non_null(c);
		assert_int_equal(cli_arguments_check(c, a, why, sizeof(why)), 0);
		assert_ptr_equal(cli_command_by_words(c->words), c);
		json_decref(a);
	}
}

static void every_row_is_complete(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CLI_COMMAND_END; i++) {
		const struct cli_command *c = cli_command_by_id((enum cli_command_id)i);

		assert_true(strlen(c->help) > 10);
		assert_int_equal(c->forward != NULL, c->where != CLI_HERE && c->where != CLI_LOCAL);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(c->words,
			                        cli_command_by_id((enum cli_command_id)k)->words);
	}
	assert_null(cli_command_by_id(CLI_COMMAND_END));
}

static void complete(const char *text, const char *prefix, const char *expected)
{
	const char *argv[WORDS_MAX];
	struct buf out;
	char line[256];
	size_t n;

	(void)snprintf(line, sizeof(line), "%s", text);
	n = split(line, argv);
	buf_init(&out, 65536);
	assert_int_equal(cli_complete(&cli_tps, n, argv, prefix, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_fini(&out);
}

static void words_choices_and_options_are_completed(void **state)
{
	(void)state;
	complete("", "pa", "panic\n");
	complete("show", "v", "virtual\nversion\n");
	complete("show log", "s", "system\nssl_inspection\n");
	complete("show log system", "--f", "--filter\n--follow\n");
	complete("panic except", "d", "domain\n");
	complete("panic except domain a.example --for", "", "");
	complete("no such thing", "", "");
}

static void durations_have_units_and_a_bound(void **state)
{
	static const char *const bad[] = {"",    "m",           "5x",   "5mm",
	                                  "-5s", "99999999999", "400d", "1 m"};
	uint64_t ms;

	(void)state;
	assert_int_equal(cli_duration_parse("90", &ms), 0);
	assert_int_equal(ms, 90000);
	assert_int_equal(cli_duration_parse("5m", &ms), 0);
	assert_int_equal(ms, 300000);
	assert_int_equal(cli_duration_parse("1d", &ms), 0);
	assert_int_equal(ms, 86400000);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_int_equal(cli_duration_parse(bad[i], &ms), SL_EINVAL);
}

static void frames_come_whole_or_not_at_all(void **state)
{
	json_t *object = json_pack("{s:i}", "id", 7), *back;
	struct buf whole, part;

	(void)state;
	buf_init(&whole, CLI_FRAME_MAX + CLI_FRAME_HEADER);
	assert_int_equal(cli_frame_add(&whole, object), 0);
	buf_init(&part, CLI_FRAME_MAX);
	for (size_t i = 0; i < whole.len; i++) {
		assert_int_equal(cli_frame_take(&part, &back), SL_EAGAIN);
		assert_int_equal(buf_add(&part, whole.data + i, 1), 0);
	}
	assert_int_equal(cli_frame_take(&part, &back), 0);
	assert_true(json_equal(object, back));
	assert_int_equal(part.len, 0);
	json_decref(back);
	json_decref(object);
	buf_fini(&whole);
	buf_fini(&part);
}

static void depth_of_a_frame_is_bounded(void **state)
{
	enum { LEVELS = 2000 };
	uint8_t head[4] = {0, 0, LEVELS >> 8, LEVELS & 255};
	char deep[LEVELS];
	json_t *back;
	struct buf in;

	(void)state;
	memset(deep, '[', sizeof(deep));
	buf_init(&in, CLI_FRAME_MAX);
	assert_int_equal(buf_add(&in, head, 4), 0);
	assert_int_equal(buf_add(&in, deep, sizeof(deep)), 0);
	assert_int_equal(cli_frame_take(&in, &back), SL_EMALFORMED);
	buf_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_longest_command_is_meant),
	        cmocka_unit_test(arguments_follow_the_grammar),
	        cmocka_unit_test(both_ends_agree),
	        cmocka_unit_test(every_row_is_complete),
	        cmocka_unit_test(words_choices_and_options_are_completed),
	        cmocka_unit_test(durations_have_units_and_a_bound),
	        cmocka_unit_test(frames_come_whole_or_not_at_all),
	        cmocka_unit_test(depth_of_a_frame_is_bounded),
	};

	return RUN_TESTS(tests);
}
