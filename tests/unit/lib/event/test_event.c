/* SPDX-License-Identifier: Apache-2.0 */
/* Events: every line is one JSON object, whatever bytes come in and however much does not fit. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/event/event.h"

static struct event_line line;

static json_t *parsed(void)
{
	json_error_t error;
	const char *text = event_finish(&line);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		print_message("%s: %s\n", error.text, text);
	assert_non_null(root);
	assert_null(strchr(text, '\n'));
	return root;
}

static const char *text_of(const json_t *root, const char *key)
{
	return json_string_value(json_object_get(root, key));
}

static void fields_come_back_as_they_were_put(void **state)
{
	static const uint8_t bytes[] = {0x00, 0xab, 0xff};
	struct addr a = addr_from_v4(0x0a00000a), b = addr_from_v4(0x1400000a);
	json_t *root;

	(void)state;
	event_begin(&line, EVENT_SSL_INSPECTION, "ssl_inspection");
	event_tuple(&line, &a, 40000, &b, 443);
	event_object_begin(&line, "tls");
	event_text(&line, "sni", "a.example");
	event_hex(&line, "sha", bytes, sizeof(bytes));
	event_array_begin(&line, "suites");
	event_uint(&line, NULL, 4865);
	event_text(&line, NULL, "x");
	event_array_end(&line);
	event_object_end(&line);
	event_int(&line, "left", -5);
	event_uint(&line, "big", UINT64_MAX / 2);
	event_bool(&line, "ok", true);
	event_text(&line, "nothing", NULL);
	root = parsed();
	assert_string_equal(text_of(root, "event_type"), "ssl_inspection");
	assert_int_equal(strlen(text_of(root, "timestamp")), 31);
	assert_string_equal(text_of(root, "src_ip"), "10.0.0.10");
	assert_int_equal(json_integer_value(json_object_get(root, "dest_port")), 443);
	assert_string_equal(text_of(json_object_get(root, "tls"), "sha"), "00abff");
	assert_int_equal(json_array_size(json_object_get(json_object_get(root, "tls"), "suites")),
	                 2);
	assert_int_equal(json_integer_value(json_object_get(root, "left")), -5);
	assert_true(json_is_true(json_object_get(root, "ok")));
	assert_true(json_is_null(json_object_get(root, "nothing")));
	assert_null(json_object_get(root, "truncated"));
	json_decref(root);
}

static void bytes_that_are_no_text_become_the_replacement_character(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} cases[] = {
	        {"a\"b\\c", 5, "a\"b\\c"},
	        {"\x01\x1f\x7f\n\t\r", 6, "\x01\x1f\x7f\n\t\r"},
	        {"\xff"
	         "a",
	         2,
	         "\xef\xbf\xbd"
	         "a"},
	        {"\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
	        {"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
	        {"\xe2\x82\xac", 3, "\xe2\x82\xac"},
	        {"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
	        {"\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	        {"\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut */
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		json_t *root;

		event_begin(&line, EVENT_SYSTEM, "system");
		event_text_n(&line, "t", cases[i].in, cases[i].len);
		root = parsed();
		assert_string_equal(text_of(root, "t"), cases[i].out);
		json_decref(root);
	}
}

static void a_field_that_does_not_fit_is_left_out_and_said(void **state)
{
	static char big[RING_RECORD_MAX];
	json_t *root;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	event_begin(&line, EVENT_SYSTEM, "system");
	event_text(&line, "before", "1");
	event_text(&line, "big", big);
	event_text(&line, "after", "2");
	root = parsed();
	assert_null(json_object_get(root, "big"));
	assert_string_equal(text_of(root, "after"), "2");
	assert_true(json_is_true(json_object_get(root, "truncated")));
	json_decref(root);
}

/* Each length at which some field, key or bracket is the first that does not fit. */
static void lines_are_valid_at_every_point_of_overflow(void **state)
{
	static char pad[RING_RECORD_MAX];

	(void)state;
	memset(pad, 'x', sizeof(pad));
	for (size_t len = RING_RECORD_MAX - 260; len < RING_RECORD_MAX; len++) {
		json_t *root;

		event_begin(&line, EVENT_SYSTEM, "system");
		event_text_n(&line, "pad", pad, len);
		for (unsigned i = 0; i < EVENT_DEPTH_MAX + 3; i++) {
			event_object_begin(&line, "o");
			event_uint(&line, "n", i);
		}
		event_array_begin(&line, "a");
		event_text(&line, NULL, "\"\"");
		event_array_end(&line);
		for (unsigned i = 0; i < EVENT_DEPTH_MAX + 3; i++)
			event_object_end(&line);
		event_bool(&line, "last", false);
		root = parsed();
		assert_true(line.len < sizeof(line.text)); /* a wrong bound once wrote past it */
		assert_true(json_is_true(json_object_get(root, "truncated")));
		json_decref(root);
	}
}

static void what_was_left_open_is_closed(void **state)
{
	struct ring *ring = ring_create(64 * 1024);
	static uint8_t data[RING_RECORD_MAX];
	unsigned kind;
	size_t len;

	(void)state;
	assert_non_null(ring);
	event_begin(&line, EVENT_AUDIT, "audit");
	event_object_begin(&line, "a");
	event_array_begin(&line, "b");
	event_uint(&line, NULL, 1);
	assert_int_equal(event_end(&line, ring), 0);
	assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), 0);
	assert_int_equal(kind, EVENT_AUDIT);
	assert_memory_equal(data + len - 10, "{\"b\":[1]}}", 10);
	ring_destroy(ring);
}

static void kinds_have_names_and_ranks(void **state)
{
	enum event_kind kind;

	(void)state;
	for (unsigned i = 0; i < EVENT_KIND_END; i++) {
		assert_int_equal(event_kind_find(event_kind_name((enum event_kind)i), &kind), 0);
		assert_int_equal(kind, i);
		assert_true(event_kind_rank((enum event_kind)i) > 0);
	}
	assert_int_equal(event_kind_find("nonsense", &kind), SL_ENOENT);
	assert_true(event_kind_rank(EVENT_SSL_INSPECTION) < event_kind_rank(EVENT_AUDIT));
	assert_string_equal(event_kind_name((enum event_kind)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(fields_come_back_as_they_were_put),
	        cmocka_unit_test(bytes_that_are_no_text_become_the_replacement_character),
	        cmocka_unit_test(a_field_that_does_not_fit_is_left_out_and_said),
	        cmocka_unit_test(lines_are_valid_at_every_point_of_overflow),
	        cmocka_unit_test(what_was_left_open_is_closed),
	        cmocka_unit_test(kinds_have_names_and_ranks),
	};

	return RUN_TESTS(tests);
}
