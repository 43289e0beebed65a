/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/domain/category.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/lib/domain/sets.h"
#include "tests/unit/unit.h"

static uint32_t category(struct category_builder *b, const char *name, const char *title)
{
	uint32_t number;

	assert_int_equal(category_builder_category(b, name, title, &number), 0);
	return number;
}

static int add(struct category_builder *b, uint32_t number, const char *name)
{
	return category_builder_add(b, name, strlen(name), number);
}

static void a_name_is_in_several_categories_and_so_is_all_below(void **state)
{
	struct category_builder *b = category_builder_create();
	uint32_t news = category(b, "news", "News"), finance = category(b, "finance", "");
	struct categories c;
	struct buf bytes;

	assert_int_equal(category(b, "news", "other title"), news);
	assert_int_equal(add(b, finance, "money.test"), 0);
	assert_int_equal(add(b, news, "money.test"), 0);
	assert_int_equal(add(b, news, "money.test"), 0);
	assert_int_equal(add(b, finance, "bank.test"), 0);
	assert_int_equal(add(b, news, "times.test"), 0);
	c = sets_finish(b, &bytes);
	sets_name_is_in(&c, "money.test", "news;finance;");
	sets_name_is_in(&c, "www.MONEY.test", "news;finance;");
	sets_name_is_in(&c, "bank.test", "finance;");
	sets_name_is_in(&c, "times.test", "news;");
	sets_name_is_in(&c, "other.test", "");
	assert_string_equal(category_title(&c, news), "News");
	assert_string_equal(category_title(&c, finance), "finance");
	assert_int_equal(category_find(&c, "finance", &news), 0);
	assert_int_equal(news, finance);
	assert_int_equal(category_find(&c, "none", &news), SL_ENOENT);
	buf_fini(&bytes);
}

static void what_is_no_category_or_name_is_refused(void **state)
{
	static const char *const bad[] = {"", "A", "a b", "a/b", "a\n", "\xc3\xbc"};
	struct category_builder *b = category_builder_create();
	char text[CATEGORY_TITLE_MAX + 1];
	uint32_t number;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_int_equal(category_builder_category(b, bad[i], "", &number), SL_EINVAL);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(category_builder_category(b, text, "", &number), SL_EINVAL);
	assert_int_equal(category_builder_category(b, "a", text, &number), SL_EINVAL);
	assert_int_equal(category_builder_category(b, "a", "a\x1b[2J", &number), SL_EINVAL);
	number = category(b, "a", "");
	assert_int_equal(add(b, number, "*.a.test"), SL_EMALFORMED);
	assert_int_equal(add(b, number, "not one"), SL_EMALFORMED);
	assert_int_equal(add(b, number + 1, "a.test"), SL_EINVAL);
	category_builder_destroy(b);
}

static void numbers_of_categories_and_of_those_of_a_name_are_bounded(void **state)
{
	struct category_builder *b = category_builder_create();
	uint32_t number;
	char name[32];

	for (unsigned i = 0; i < CATEGORIES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(add(b, category(b, name, ""), "a.test"),
		                 i < CATEGORY_SET_MAX ? 0 : SL_ELIMIT);
	}
	assert_int_equal(category_builder_category(b, "more", "", &number), SL_ELIMIT);
	category_builder_destroy(b);
}

static void a_hundred_thousand_names_keep_their_categories(void **state)
{
	struct category_builder *b = category_builder_create();
	struct categories c;
	struct domain_match m;
	struct buf bytes;
	char name[64];

	for (unsigned k = 0; k < 7; k++) {
		(void)snprintf(name, sizeof(name), "c%u", k);
		assert_int_equal(category(b, name, ""), k);
	}
	for (unsigned k = 0; k < 7; k++)
		for (unsigned i = 0; i < 100000; i++)
			if (i % 128 >> k & 1) {
				(void)snprintf(name, sizeof(name), "site%u.test", i);
				assert_int_equal(add(b, k, name), 0);
			}
	c = sets_finish(b, &bytes);
	assert_true(c.sets <= 128);
	for (unsigned i = 0; i < 100000; i++) {
		unsigned bits = 0;

		(void)snprintf(name, sizeof(name), "www.site%u.test", i);
		if (categories_lookup(&c, name, strlen(name), &m))
			for (size_t k = 0; k < category_set_size(&c, m.value); k++)
				bits |= 1u << category_set_member(&c, m.value, k);
		assert_int_equal(bits, i % 128);
	}
	buf_fini(&bytes);
}

static void damaged_bytes_do_not_open_or_stay_within_themselves(void **state)
{
	struct category_builder *b = category_builder_create();
	struct categories c;
	struct domain_match m;
	struct buf bytes;

	assert_int_equal(add(b, category(b, "one", "One"), "a.test"), 0);
	assert_int_equal(add(b, category(b, "two", ""), "a.test"), 0);
	(void)sets_finish(b, &bytes);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(categories_open(bytes.data, len, &c), SL_EMALFORMED);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		uint8_t *copy = malloc(bytes.len);

		memcpy(copy, bytes.data, bytes.len);
		copy[i / 8] ^= (uint8_t)(1u << (i % 8));
		if (categories_open(copy, bytes.len, &c) == 0 &&
		    categories_lookup(&c, "x.a.test", 8, &m))
			for (size_t k = 0; k < category_set_size(&c, m.value); k++)
				assert_true(strlen(category_title(
				                    &c, category_set_member(&c, m.value, k))) <
				            CATEGORY_TITLE_MAX);
		free(copy);
	}
	buf_fini(&bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_name_is_in_several_categories_and_so_is_all_below),
	        cmocka_unit_test(what_is_no_category_or_name_is_refused),
	        cmocka_unit_test(numbers_of_categories_and_of_those_of_a_name_are_bounded),
	        cmocka_unit_test(a_hundred_thousand_names_keep_their_categories),
	        cmocka_unit_test(damaged_bytes_do_not_open_or_stay_within_themselves),
	};

	return RUN_TESTS(tests);
}
