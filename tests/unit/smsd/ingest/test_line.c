/* SPDX-License-Identifier: Apache-2.0 */
/* One line: what is read of it, what is none, and the words it is found by. */
#include "tests/unit/smsd/ingest/lines.h"

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define HEAD                                                                                       \
	"{\"epoch\":\"" EPOCH "\",\"seq\":7,\"device\":\"box\","                                   \
	"\"timestamp\":\"2026-01-31T12:00:00.123456+0000\",\"event_type\":\"ssl_inspection\""

static int read(const char *text, struct intake_line *line)
{
	return intake_line_read(text, strlen(text), line);
}

static void assert_field(const struct intake_line *line, enum intake_field field, const char *value)
{
	if (!value) {
		assert_null(line->field[field].at);
		return;
	}
	assert_non_null(line->field[field].at);
	assert_int_equal(line->field[field].len, strlen(value));
	assert_memory_equal(line->field[field].at, value, strlen(value));
}

static void what_a_line_is_found_by_is_read(void **state)
{
	struct intake_line line;

	assert_int_equal(read(HEAD
	                      ",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"2001:db8::1\","
	                      "\"profile\":\"p\",\"policy\":\"q\",\"outcome\":\"blocked\","
	                      "\"reason\":\"rule\",\"tls\":{\"ja3\":{\"sni\":\"no\"},"
	                      "\"sni\":\"a.example\"},\"x\":[{\"sni\":\"]\\\"\"}],\"n\":-1.5e3}",
	                      &line),
	                 0);
	assert_int_equal(line.seq, 7);
	assert_int_equal(line.epoch, 0xab);
	assert_int_equal(line.time_ms, 1769860800123);
	assert_field(&line, INTAKE_DEVICE, "box");
	assert_field(&line, INTAKE_KIND, "ssl_inspection");
	assert_field(&line, INTAKE_SOURCE, "10.0.0.1");
	assert_field(&line, INTAKE_DESTINATION, "2001:db8::1");
	assert_field(&line, INTAKE_PROFILE, "p");
	assert_field(&line, INTAKE_POLICY, "q");
	assert_field(&line, INTAKE_OUTCOME, "blocked");
	assert_field(&line, INTAKE_REASON, "rule");
	assert_field(&line, INTAKE_SNI, "a.example");
}

static void what_control_wrote_counts_before_what_came_later(void **state)
{
	struct intake_line line;

	assert_int_equal(read(HEAD ",\"device\":\"other\",\"seq\":9,\"event_type\":\"audit\","
	                           "\"tls\":{\"sni\":\"a\"},\"tls\":{\"sni\":\"b\"}}",
	                      &line),
	                 0);
	assert_field(&line, INTAKE_DEVICE, "box");
	assert_field(&line, INTAKE_KIND, "ssl_inspection");
	assert_field(&line, INTAKE_SNI, "a");
	assert_int_equal(line.seq, 7);
}

#define TYPED(type, more)                                                                          \
	"{\"epoch\":\"" EPOCH "\",\"seq\":7,\"device\":\"box\",\"event_type\":\"" type "\","       \
	"\"timestamp\":\"2026-01-31T12:00:00Z\"" more "}"

/* Whoever looks for blocks says so: in the lines it is a member of what matched. */
static void a_kind_is_found_by_its_name_and_by_its_type(void **state)
{
	static const struct {
		const char *line, *kind, *no;
	} rows[] = {
	        {TYPED("alert", ",\"alert\":{\"action\":\"blocked\"}"), "ips_block", "ips_alert"},
	        {TYPED("alert", ",\"alert\":{\"action\":\"allowed\"}"), "ips_alert", "ips_block"},
	        {TYPED("alert", ""), "ips_alert", "ips_block"},
	        {TYPED("alert", ",\"action\":\"blocked\""), "ips_alert", "ips_block"},
	        {TYPED("alert", ",\"alert\":{\"action\":\"blocked\"}"), "alert", "blocked"},
	        {TYPED("failure", ""), "ssl_inspection", "system"},
	        {TYPED("session", ""), "session", "failure"},
	        {TYPED("sni_forged", ""), "ssl_inspection", "ips_block"},
	        {TYPED("ssl_inspection", ""), "ssl_inspection", "session"},
	        {TYPED("gap", ""), "gap", "system"},
	        {TYPED("ips_block", ""), "ips_block", "ips_alert"},
	};
	struct intake_line line;
	struct buf words, word;

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		buf_init(&words, 4096);
		buf_init(&word, 64);
		assert_int_equal(read(rows[i].line, &line), 0);
		assert_true(intake_field_is(&line, INTAKE_KIND, rows[i].kind));
		assert_false(intake_field_is(&line, INTAKE_KIND, rows[i].no));
		assert_int_equal(intake_line_words(&line, &words), 0);
		assert_int_equal(
		        intake_field_word(INTAKE_KIND, rows[i].kind, strlen(rows[i].kind), &word),
		        0);
		assert_non_null(strstr(buf_text(&words), buf_text(&word)));
		buf_fini(&words);
		buf_fini(&word);
	}
}

static void escapes_are_decoded(void **state)
{
	struct intake_line line;

	assert_int_equal(read(HEAD
	                      ",\"profile\":\"a\\\"b\\\\\\u00e4\\n\",\"policy\":\"\\ud83d\\ude00\","
	                      "\"reason\":\"\\ud83dx\"}",
	                      &line),
	                 0);
	assert_field(&line, INTAKE_PROFILE, "a\"b\\\xc3\xa4\n");
	assert_field(&line, INTAKE_POLICY, "\xf0\x9f\x98\x80");
	assert_field(&line, INTAKE_REASON, "\xef\xbf\xbdx");
	assert_true(intake_field_is(&line, INTAKE_PROFILE, "a\"b\\\xc3\xa4\n"));
	assert_false(intake_field_is(&line, INTAKE_PROFILE, "a\"b"));
}

static void what_is_no_event_is_refused(void **state)
{
	static const char *const lines[] = {
	        "",
	        "[]",
	        "{}",
	        "null",
	        HEAD,
	        HEAD "}}",
	        HEAD "} ",
	        HEAD ",\"a\":}",
	        HEAD ",\"a\":\"\xff\"}",
	        "{\"epoch\":\"" EPOCH "\",\"seq\":7,\"device\":\"box\",\"event_type\":\"x\"}",
	        "{\"epoch\":\"" EPOCH
	        "\",\"seq\":7,\"device\":\"box\",\"event_type\":\"x\",\"timestamp\":\"now\"}",
	        "{\"epoch\":\"AB\",\"seq\":7,\"device\":\"box\",\"event_type\":\"x\","
	        "\"timestamp\":\"2026-01-31T12:00:00Z\"}",
	        "{\"epoch\":\"" EPOCH "\",\"seq\":-7,\"device\":\"box\",\"event_type\":\"x\","
	        "\"timestamp\":\"2026-01-31T12:00:00Z\"}",
	        "{\"epoch\":\"" EPOCH
	        "\",\"seq\":9007199254740992,\"device\":\"box\",\"event_type\":\"x\","
	        "\"timestamp\":\"2026-01-31T12:00:00Z\"}",
	        "{\"epoch\":\"" EPOCH "\",\"seq\":7,\"device\":3,\"event_type\":\"x\","
	        "\"timestamp\":\"2026-01-31T12:00:00Z\"}",
	};
	struct intake_line line;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(read(lines[i], &line), SL_EMALFORMED);
	assert_int_equal(intake_line_read(lines[0], INTAKE_LINE_MAX + 1, &line), SL_ELIMIT);
	assert_int_equal(read(HEAD "}", &line), 0);
}

static void times_have_zones_and_fractions(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: none */
	} times[] = {
	        {"2026-01-31T12:00:00Z", 1769860800000},
	        {"2026-01-31T12:00:00.5Z", 1769860800500},
	        {"2026-01-31T12:00:00.1239999+0000", 1769860800123},
	        {"2026-01-31T13:30:00+01:30", 1769860800000},
	        {"2026-01-31T11:00:00-0100", 1769860800000},
	        {"2026-13-31T12:00:00Z", -1},
	        {"2026-01-31T24:00:00Z", -1},
	        {"2026-01-31T12:00:00", -1},
	        {"2026-01-31T12:00:00.Z", -1},
	        {"2026-01-31 12:00:00Z", -1},
	        {"2026-01-31T12:00:00Zx", -1},
	        {"", -1},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t ms = -1;
		int rc = intake_time_read(times[i].text, strlen(times[i].text), &ms);

		assert_int_equal(rc, times[i].ms < 0 ? SL_EMALFORMED : 0);
		assert_int_equal(ms, times[i].ms);
	}
}

static void words_of_texts_are_found_whole_or_by_their_beginning(void **state)
{
	struct intake_line line;
	struct buf words;

	assert_int_equal(read(HEAD ",\"message\":\"Disk_full, again: 97% of /var\","
	                           "\"alert\":{\"signature\":\"Old Client\"},"
	                           "\"tls\":{\"sni\":\"www.Example.org\"}}",
	                      &line),
	                 0);
	assert_true(intake_text_has(&line, "disk again"));
	assert_true(intake_text_has(&line, "EXAMPLE client 97"));
	assert_true(intake_text_has(&line, "exam* cli*"));
	assert_true(intake_text_has(&line, " ,_ "));
	assert_false(intake_text_has(&line, "exam"));
	assert_false(intake_text_has(&line, "disk nothing"));
	assert_false(intake_text_has(&line, "ssl"));
	buf_init(&words, 4096);
	assert_int_equal(intake_text_words("a_b* \xc3\xa4", 7, true, &words), 0);
	assert_string_equal(buf_text(&words), " a b* \xc3\xa4");
	buf_fini(&words);
}

static void words_of_a_field_are_its_own(void **state)
{
	struct buf a, b;

	buf_init(&a, 64);
	buf_init(&b, 64);
	assert_int_equal(intake_field_word(INTAKE_PROFILE, "x", 1, &a), 0);
	assert_int_equal(intake_field_word(INTAKE_POLICY, "x", 1, &b), 0);
	assert_int_equal(a.len, 16);
	assert_string_not_equal(buf_text(&a), buf_text(&b));
	buf_fini(&a);
	buf_fini(&b);
	buf_init(&a, 64);
	buf_init(&b, 64);
	assert_int_equal(intake_field_word(INTAKE_SOURCE, "::1", 3, &a), 0);
	assert_int_equal(intake_field_word(INTAKE_DESTINATION, "::1", 3, &b), 0);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_fini(&a);
	buf_fini(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_line_is_found_by_is_read),
	        cmocka_unit_test(what_control_wrote_counts_before_what_came_later),
	        cmocka_unit_test(a_kind_is_found_by_its_name_and_by_its_type),
	        cmocka_unit_test(escapes_are_decoded),
	        cmocka_unit_test(what_is_no_event_is_refused),
	        cmocka_unit_test(times_have_zones_and_fractions),
	        cmocka_unit_test(words_of_texts_are_found_whole_or_by_their_beginning),
	        cmocka_unit_test(words_of_a_field_are_its_own),
	};

	return RUN_TESTS(tests);
}
