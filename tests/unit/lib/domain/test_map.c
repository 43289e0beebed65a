/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/domain/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

enum { MAP_MAX = 64 << 20, MANY = 200000 };

static int add(struct domain_builder *b, const char *pattern, uint32_t value)
{
	return domain_builder_add(b, pattern, strlen(pattern), value);
}

/* The finished map, in `bytes`; the builder is gone. */
static struct domain_map finish(struct domain_builder *b, struct buf *bytes)
{
	struct domain_map map;

	buf_init(bytes, MAP_MAX);
	assert_int_equal(domain_builder_finish(b, bytes), 0);
	assert_int_equal(domain_map_open(bytes->data, bytes->len, &map), 0);
	domain_builder_destroy(b);
	return map;
}

static void finds(const struct domain_map *map, const char *name, const char *pattern,
                  uint32_t value)
{
	struct domain_match m;

	assert_true(domain_map_find(map, name, strlen(name), &m));
	assert_int_equal(m.value, value);
	assert_int_equal(m.pattern_len, strlen(pattern));
	assert_memory_equal(m.pattern, pattern, m.pattern_len);
}

static void misses(const struct domain_map *map, const char *name)
{
	struct domain_match m;

	assert_false(domain_map_find(map, name, strlen(name), &m));
}

static void a_wildcard_covers_every_depth_below_and_not_the_apex(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_map map;
	struct buf bytes;

	assert_int_equal(add(b, "*.company.com", 1), 0);
	assert_int_equal(add(b, "shop.test", 2), 0);
	map = finish(b, &bytes);
	finds(&map, "www.company.com", "*.company.com", 1);
	finds(&map, "a.b.c.d.company.com", "*.company.com", 1);
	misses(&map, "company.com");
	misses(&map, "mycompany.com");
	misses(&map, "www.company.com.evil.test");
	finds(&map, "shop.test", "shop.test", 2);
	misses(&map, "www.shop.test");
	misses(&map, "test");
	buf_fini(&bytes);
}

static void a_map_of_trees_covers_names_and_all_below(void **state)
{
	struct domain_builder *b = domain_builder_create_trees();
	struct domain_map map;
	struct buf bytes;

	assert_int_equal(add(b, "Bank.test", 1), 0);
	assert_int_equal(add(b, "blog.bank.test", 2), 0);
	assert_int_equal(add(b, "*.bank.test", 3), SL_EMALFORMED);
	map = finish(b, &bytes);
	finds(&map, "bank.test", "bank.test", 1);
	finds(&map, "a.b.bank.test", "bank.test", 1);
	finds(&map, "blog.bank.test", "blog.bank.test", 2);
	finds(&map, "x.blog.bank.test", "blog.bank.test", 2);
	misses(&map, "test");
	misses(&map, "mybank.test");
	buf_fini(&bytes);
}

static void the_most_specific_pattern_wins(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_map map;
	struct buf bytes;

	assert_int_equal(add(b, "*.test", 1), 0);
	assert_int_equal(add(b, "*.bank.test", 2), 0);
	assert_int_equal(add(b, "www.bank.test", 3), 0);
	assert_int_equal(add(b, "*.www.bank.test", 4), 0);
	map = finish(b, &bytes);
	finds(&map, "www.bank.test", "www.bank.test", 3);
	finds(&map, "m.www.bank.test", "*.www.bank.test", 4);
	finds(&map, "m.bank.test", "*.bank.test", 2);
	finds(&map, "bank.test", "*.test", 1);
	buf_fini(&bytes);
}

static void case_and_a_final_dot_do_not_matter(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_map map;
	struct buf bytes;
	uint32_t value;

	assert_int_equal(add(b, "Shop.TEST.", 1), 0);
	assert_int_equal(add(b, "*.Bank.test", 2), 0);
	assert_int_equal(add(b, "shop.test", 3), 0);
	assert_int_equal(domain_builder_count(b), 2);
	assert_int_equal(domain_builder_get(b, "SHOP.test", 9, &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(domain_builder_get(b, "bank.test", 9, &value), SL_ENOENT);
	map = finish(b, &bytes);
	finds(&map, "sHOP.test.", "shop.test", 3);
	finds(&map, "A.BANK.TEST", "*.bank.test", 2);
	buf_fini(&bytes);
}

static const char *const no_patterns[] = {
        "",        ".",        "*",     "*.",          "a..b",         ".a",
        "*.*.a",   "w*.a",     "a.*",   "a b",         "b\xc3\xbc.de", "http://a.test",
        "a.test/", "a.test:1", "*.a..", "-a\x7f.test",
};

static void what_is_no_domain_is_refused(void **state)
{
	struct domain_builder *b = domain_builder_create();
	char long_label[70], long_name[300];

	for (size_t i = 0; i < SL_ARRAY_LEN(no_patterns); i++)
		assert_int_equal(add(b, no_patterns[i], 1), SL_EMALFORMED);
	memset(long_label, 'a', sizeof(long_label));
	assert_int_equal(domain_builder_add(b, long_label, 64, 1), SL_EMALFORMED);
	assert_int_equal(domain_builder_add(b, long_label, 63, 1), 0);
	for (size_t i = 0; i < sizeof(long_name); i++)
		long_name[i] = i % 2 ? '.' : 'a';
	assert_int_equal(domain_builder_add(b, long_name, 255, 1), SL_EMALFORMED);
	assert_int_equal(domain_builder_add(b, long_name, 253, 1), 0);
	long_name[0] = '*';
	assert_int_equal(domain_builder_add(b, long_name, 253, 1), 0);
	domain_builder_destroy(b);
}

static void what_a_client_may_send_finds_nothing_and_harms_nothing(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_map map, none = {0};
	struct domain_match m;
	struct buf bytes;
	char raw[1024];

	assert_int_equal(add(b, "*.a", 1), 0);
	map = finish(b, &bytes);
	memset(raw, 'x', sizeof(raw));
	for (size_t len = 0; len <= sizeof(raw); len++)
		assert_false(domain_map_find(&map, raw, len, &m));
	memset(raw, '.', sizeof(raw));
	assert_false(domain_map_find(&map, raw, sizeof(raw), &m));
	assert_false(domain_map_find(&map, "b\0.a", 4, &m));
	assert_false(domain_map_find(&map, "*.a", 3, &m));
	assert_false(domain_map_find(&map, "\xff.a", 3, &m));
	assert_false(domain_map_find(&none, "b.a", 3, &m));
	buf_fini(&bytes);
}

static void a_map_of_nothing_opens_and_finds_nothing(void **state)
{
	struct buf bytes;
	struct domain_map map = finish(domain_builder_create(), &bytes);
	struct domain_match m;
	size_t at = 0;

	misses(&map, "a.test");
	assert_false(domain_map_next(&map, &at, &m));
	buf_fini(&bytes);
}

static void add_many(struct domain_builder *b, bool backwards)
{
	char name[64];

	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t n = backwards ? MANY - 1 - i : i;

		(void)snprintf(name, sizeof(name), "%shost%u.example%u.test", n % 2 ? "*." : "", n,
		               n % 1000);
		assert_int_equal(add(b, name, n), 0);
	}
}

static void many_are_all_found_and_nothing_else(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_map map;
	struct domain_match m;
	struct buf bytes;
	char name[64], pattern[64];
	size_t at = 0, count = 0;

	add_many(b, false);
	map = finish(b, &bytes);
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(pattern, sizeof(pattern), "%shost%u.example%u.test",
		               i % 2 ? "*." : "", i, i % 1000);
		(void)snprintf(name, sizeof(name), "%shost%u.example%u.test", i % 2 ? "www." : "",
		               i, i % 1000);
		finds(&map, name, pattern, i);
		(void)snprintf(name, sizeof(name), "host%u.example%u.test", i, (i + 1) % 1000);
		misses(&map, name);
	}
	while (domain_map_next(&map, &at, &m))
		count++;
	assert_int_equal(count, MANY);
	buf_fini(&bytes);
}

static void the_order_of_adding_leaves_no_trace(void **state)
{
	struct domain_builder *a = domain_builder_create(), *b = domain_builder_create();
	struct buf bytes_a, bytes_b;

	add_many(a, false);
	add_many(b, true);
	(void)finish(a, &bytes_a);
	(void)finish(b, &bytes_b);
	assert_int_equal(bytes_a.len, bytes_b.len);
	assert_memory_equal(bytes_a.data, bytes_b.data, bytes_a.len);
	buf_fini(&bytes_a);
	buf_fini(&bytes_b);
}

/* Each byte of a small map, changed in each bit: it does not open, or what it finds lies in it. */
static void a_damaged_map_never_leads_out_of_its_bytes(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct domain_map map;
	struct domain_match m;
	struct buf bytes;

	assert_int_equal(add(b, "*.bank.test", 1), 0);
	assert_int_equal(add(b, "shop.test", 2), 0);
	(void)finish(b, &bytes);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		uint8_t *copy = malloc(bytes.len);
		size_t at = 0;

		memcpy(copy, bytes.data, bytes.len);
		copy[i / 8] ^= (uint8_t)(1u << (i % 8));
		if (domain_map_open(copy, bytes.len, &map) == 0) {
			(void)domain_map_find(&map, "a.bank.test", 11, &m);
			while (domain_map_next(&map, &at, &m))
				assert_true(m.pattern >= (char *)copy &&
				            m.pattern + m.pattern_len <= (char *)copy + bytes.len);
		}
		free(copy);
	}
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(domain_map_open(bytes.data, len, &map), SL_EMALFORMED);
	buf_fini(&bytes);
}

static void note_line(void *arg, unsigned line, const char *text, size_t len)
{
	struct buf *lines = arg;

	assert_int_equal(buf_printf(lines, "%u:%.*s;", line, (int)len, text), 0);
}

static void a_text_is_read_line_by_line_and_bad_lines_are_told(void **state)
{
	static const char text[] = "\xef\xbb\xbf# a list\n"
	                           "  Bank.test  # the apex\r\n"
	                           "\n"
	                           "*.bank.test\n"
	                           "not a domain\n"
	                           "\t#\n"
	                           "http://x.test/\n"
	                           "last.test";
	struct domain_builder *b = domain_builder_create();
	struct domain_map map;
	struct buf bytes, lines;

	buf_init(&lines, 1000);
	assert_int_equal(domain_builder_add_text(b, text, sizeof(text) - 1, 7, note_line, &lines),
	                 2);
	assert_string_equal(buf_text(&lines), "5:not a domain;7:http://x.test/;");
	map = finish(b, &bytes);
	finds(&map, "bank.test", "bank.test", 7);
	finds(&map, "x.bank.test", "*.bank.test", 7);
	finds(&map, "last.test", "last.test", 7);
	assert_int_equal(map.count, 3);
	buf_fini(&bytes);
	buf_fini(&lines);
}

static void a_map_never_outgrows_what_it_is_written_to(void **state)
{
	struct domain_builder *b = domain_builder_create();
	struct buf bytes;

	buf_init(&bytes, 1000);
	assert_int_equal(add(b, "a.test", 1), 0);
	assert_int_equal(domain_builder_finish(b, &bytes), SL_ELIMIT);
	assert_int_equal(bytes.len, 0);
	domain_builder_destroy(b);
	buf_fini(&bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_wildcard_covers_every_depth_below_and_not_the_apex),
	        cmocka_unit_test(a_map_of_trees_covers_names_and_all_below),
	        cmocka_unit_test(the_most_specific_pattern_wins),
	        cmocka_unit_test(case_and_a_final_dot_do_not_matter),
	        cmocka_unit_test(what_is_no_domain_is_refused),
	        cmocka_unit_test(what_a_client_may_send_finds_nothing_and_harms_nothing),
	        cmocka_unit_test(a_map_of_nothing_opens_and_finds_nothing),
	        cmocka_unit_test(many_are_all_found_and_nothing_else),
	        cmocka_unit_test(the_order_of_adding_leaves_no_trace),
	        cmocka_unit_test(a_damaged_map_never_leads_out_of_its_bytes),
	        cmocka_unit_test(a_text_is_read_line_by_line_and_bad_lines_are_told),
	        cmocka_unit_test(a_map_never_outgrows_what_it_is_written_to),
	};

	return RUN_TESTS(tests);
}
