/* SPDX-License-Identifier: Apache-2.0 */
/* Events as messages: what RFC 5424 wants, whatever a device wrote. */
#include "smsd/forward/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/event/utf8.h"
#include "tests/unit/unit.h"

#define HEAD                                                                                       \
	"{\"epoch\":\"00000000000000ab\",\"seq\":7,\"timestamp\":\"2026-01-31T12:34:56.789012+"    \
	"0100\""
#define SD   "[sluice@32473 epoch=\"00000000000000ab\" seq=\"7\" device=\"box\""
#define BOX  HEAD ",\"device\":\"box\",\"event_type\":\"ssl_inspection\""
#define TIME "2026-01-31T11:34:56.789Z"
#define BAD  "\xef\xbf\xbd"

static int make_filtered(const struct message_filter *filter, const char *line, size_t len,
                         struct buf *out)
{
	struct message_maker *maker = message_maker_create();
	int rc;

	assert_non_null(maker);
	buf_init(out, (size_t)MESSAGE_MAX + MESSAGE_FRAME_MAX);
	rc = message_add(maker, filter, line, len, out);
	message_maker_destroy(maker);
	return rc;
}

/* The message without its frame, which has its length. */
static const char *make(const char *line, size_t len, struct buf *out)
{
	static const struct message_filter all = {.count = 0};
	const char *text;
	unsigned long count;
	char *end;

	assert_int_equal(make_filtered(&all, line, len, out), 0);
	text = buf_text(out);
	count = strtoul(text, &end, 10);
	assert_int_equal(count, strlen(end + 1));
	assert_true(*end == ' ' && strlen(end + 1) <= MESSAGE_MAX);
	return end + 1;
}

static void each_event_is_a_message(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
	        {BOX "}", "<134>1 " TIME " box sluice - ssl_inspection " SD "] " BOX "}"},
	        {BOX ",\"outcome\":\"blocked\",\"tls\":{\"sni\":\"a.test\"}}",
	         "<134>1 " TIME " box sluice - ssl_inspection " SD
	         " outcome=\"blocked\" sni=\"a.test\"] " BOX
	         ",\"outcome\":\"blocked\",\"tls\":{\"sni\":\"a.test\"}}"},
	        /* A quote, a backslash and a bracket; a newline and a NUL, which JSON may spell. */
	        {BOX ",\"policy\":\"\\\"\\\\]\"}",
	         "<134>1 " TIME " box sluice - ssl_inspection " SD " policy=\"\\\"\\\\\\]\"] " BOX
	         ",\"policy\":\"\\\"\\\\]\"}"},
	        {BOX ",\"policy\":\"a\\nb\\u0000c\\u001b[31m\\u009bd\\u007f\"}",
	         "<134>1 " TIME " box sluice - ssl_inspection " SD " policy=\"a" BAD "b" BAD "c" BAD
	         "[31m" BAD "d" BAD "\"] " BOX
	         ",\"policy\":\"a\\nb\\u0000c\\u001b[31m\\u009bd\\u007f\"}"},
	        /* Beyond ASCII: as it is in the element, escaped in the event. */
	        {BOX ",\"policy\":\"\xc3\xa9\xf0\x9f\x98\x80\"}",
	         "<134>1 " TIME " box sluice - ssl_inspection " SD
	         " policy=\"\xc3\xa9\xf0\x9f\x98\x80\"] " BOX
	         ",\"policy\":\"\\u00e9\\ud83d\\ude00\"}"},
	        /* A name that is none of a host. */
	        {HEAD ",\"device\":\"a b\xc3\xa9\",\"event_type\":\"ips_block\"}",
	         "<132>1 " TIME " a_b__ sluice - ips_block [sluice@32473 "
	         "epoch=\"00000000000000ab\" seq=\"7\" device=\"a b\xc3\xa9\"] " HEAD
	         ",\"device\":\"a b\\u00e9\",\"event_type\":\"ips_block\"}"},
	        /* A severity of its own. */
	        {HEAD ",\"device\":\"box\",\"event_type\":\"system\",\"severity\":\"critical\","
	              "\"process\":\"wire one\"}",
	         "<130>1 " TIME " box sluice wire_one system " SD "] " HEAD
	         ",\"device\":\"box\",\"event_type\":\"system\",\"severity\":\"critical\","
	         "\"process\":\"wire one\"}"},
	        {HEAD ",\"device\":\"box\",\"event_type\":\"audit\",\"severity\":\"loud\"}",
	         "<109>1 " TIME " box sluice - audit " SD "] " HEAD
	         ",\"device\":\"box\",\"event_type\":\"audit\",\"severity\":\"loud\"}"},
	        /* No event of ours. */
	        {"nothing\n<13>1 more", "<134>1 - - sluice - - - nothing <13>1 more"},
	        {"", "<134>1 - - sluice - - - "},
	        {"\xff\xc0\xaf\xed\xa0\x80", "<134>1 - - sluice - - - "
	                                     "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct buf out;

		assert_string_equal(make(cases[i].line, strlen(cases[i].line), &out),
		                    cases[i].message);
		buf_fini(&out);
	}
}

/* Values of `fill`, as long as they may be, in each field; and a message besides. */
static size_t long_line(char *line, size_t size, const char *fill, size_t times)
{
	static const char *const keys[] = {"policy", "profile", "outcome", "reason",
	                                   "src_ip", "dest_ip", "message"};
	struct buf b;
	size_t len;

	buf_init(&b, size);
	assert_int_equal(buf_printf(&b, "%s", BOX), 0);
	for (size_t k = 0; k < SL_ARRAY_LEN(keys); k++) {
		assert_int_equal(buf_printf(&b, ",\"%s\":\"", keys[k]), 0);
		for (size_t i = 0; i < times; i++)
			assert_int_equal(buf_printf(&b, "%s", fill), 0);
		assert_int_equal(buf_printf(&b, "\""), 0);
	}
	assert_int_equal(buf_printf(&b, "}"), 0);
	memcpy(line, b.data, b.len);
	len = b.len;
	buf_fini(&b);
	return len;
}

static void assert_utf8(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), n;

	for (; left > 0; p += n, left -= n) {
		n = utf8_sequence(p, left);
		assert_true(n > 0);
		assert_true(n > 1 || (*p >= 0x20 && *p != 0x7f));
	}
}

static void none_is_longer_than_servers_take(void **state)
{
	static const char *const fills[] = {"x",       "\xc3\xa9", "\xf0\x9f\x98\x80",
	                                    "\\u0001", "\\\\",     "]"};
	static const size_t times[] = {10, 127, 128, 254, 255, 256, 700, 2000};
	static char line[128 * 1024];
	unsigned cut = 0, uncut = 0;

	for (size_t f = 0; f < SL_ARRAY_LEN(fills); f++)
		for (size_t t = 0; t < SL_ARRAY_LEN(times); t++) {
			size_t len = long_line(line, sizeof(line), fills[f], times[t]);
			struct buf out;
			const char *message = make(line, len, &out);

			assert_utf8(message);
			if (strstr(message, "{\"truncated\":true,\"bytes\":"))
				cut++;
			else
				uncut++;
			buf_fini(&out);
		}
	assert_true(cut > 0 && uncut > 0);
}

static void only_what_is_wanted_is_made(void **state)
{
	static const char *const kinds[] = {"ips_block", "ssl"};
	static const struct message_filter some = {.kinds = kinds, .count = 2};
	static const char block[] = HEAD ",\"device\":\"box\",\"event_type\":\"ips_block\"}";
	struct buf out;

	assert_int_equal(make_filtered(&some, BOX "}", strlen(BOX "}"), &out), 1);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	assert_int_equal(make_filtered(&some, "nothing", 7, &out), 1);
	buf_fini(&out);
	assert_int_equal(make_filtered(&some, block, strlen(block), &out), 0);
	assert_true(out.len > 0);
	buf_fini(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_event_is_a_message),
	        cmocka_unit_test(none_is_longer_than_servers_take),
	        cmocka_unit_test(only_what_is_wanted_is_made),
	};

	return RUN_TESTS(tests);
}
