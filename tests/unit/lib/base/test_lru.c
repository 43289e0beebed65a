/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/lru.h"

#include <string.h>

#include "tests/unit/unit.h"

enum { KEY_LEN = 8, ITEMS = 1000 };

struct item {
	struct lru_entry lru;
	uint8_t key[KEY_LEN];
};

static struct item items[ITEMS];
static struct lru lru;

static const uint8_t *key_of(uint32_t hash, uint32_t rest)
{
	static uint8_t key[KEY_LEN];

	memcpy(key, &hash, sizeof(hash));
	memcpy(key + sizeof(hash), &rest, sizeof(rest));
	return key;
}

static void add(size_t i, uint32_t hash, uint32_t rest)
{
	memcpy(items[i].key, key_of(hash, rest), KEY_LEN);
	lru_add(&lru, &items[i].lru, items[i].key);
}

static const struct lru_entry *entry(size_t i)
{
	return &items[i].lru;
}

static int begin(void **state)
{
	return lru_init(&lru, KEY_LEN, 10);
}

static int end(void **state)
{
	while (lru.oldest)
		lru_remove(&lru, lru.oldest);
	assert_null(lru.newest);
	assert_int_equal(lru.count, 0);
	lru_fini(&lru);
	return 0;
}

static void an_entry_is_found_by_its_whole_key(void **state)
{
	add(0, 7, 1);
	add(1, 7, 2);
	add(2, 7 + 64, 1); /* of the same bucket */
	assert_ptr_equal(lru_find(&lru, key_of(7, 1)), entry(0));
	assert_ptr_equal(lru_find(&lru, key_of(7, 2)), entry(1));
	assert_ptr_equal(lru_find(&lru, key_of(7 + 64, 1)), entry(2));
	assert_null(lru_find(&lru, key_of(7, 3)));
	assert_null(lru_find(&lru, key_of(8, 1)));
	assert_int_equal(lru.count, 3);
}

/* The first, the middle and the last of a bucket, in each order. */
static void what_is_taken_out_is_gone_and_the_rest_of_its_bucket_stays(void **state)
{
	for (uint32_t gone = 0; gone < 3; gone++) {
		for (uint32_t i = 0; i < 3; i++)
			add(i, 7, i);
		lru_remove(&lru, &items[gone].lru);
		for (uint32_t i = 0; i < 3; i++)
			assert_ptr_equal(lru_find(&lru, key_of(7, i)), i == gone ? NULL : entry(i));
		assert_int_equal(lru.count, 2);
		while (lru.oldest)
			lru_remove(&lru, lru.oldest);
	}
}

static void the_oldest_is_what_was_used_longest_ago(void **state)
{
	for (uint32_t i = 0; i < 4; i++)
		add(i, i, 0);
	assert_ptr_equal(lru.oldest, entry(0));
	lru_touch(&lru, &items[0].lru);
	assert_ptr_equal(lru.oldest, entry(1));
	assert_ptr_equal(lru.newest, entry(0));
	assert_non_null(lru_find(&lru, key_of(1, 0))); /* to look is not to use */
	assert_ptr_equal(lru.oldest, entry(1));
	lru_touch(&lru, &items[2].lru);
	lru_touch(&lru, &items[2].lru);
	lru_remove(&lru, &items[1].lru);
	for (unsigned i = 0; i < 3; i++) {
		static const size_t order[] = {3, 0, 2};

		assert_ptr_equal(lru.oldest, entry(order[i]));
		lru_remove(&lru, lru.oldest);
	}
	assert_null(lru.oldest);
}

static void a_resized_table_has_the_same_entries_in_the_same_order(void **state)
{
	static const size_t rooms[] = {ITEMS, 5000, 0, ITEMS};

	for (uint32_t i = 0; i < ITEMS; i++)
		add(i, i * 2654435761U, i);
	for (size_t r = 0; r < SL_ARRAY_LEN(rooms); r++) {
		const struct lru_entry *e = lru.oldest;

		assert_int_equal(lru_resize(&lru, rooms[r]), 0);
		assert_true(lru.buckets_count >= rooms[r]);
		for (uint32_t i = 0; i < ITEMS; i++, e = e->newer) {
			assert_ptr_equal(e, entry(i));
			assert_ptr_equal(lru_find(&lru, key_of(i * 2654435761U, i)), entry(i));
		}
		assert_null(e);
	}
	assert_int_equal(lru.count, ITEMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(an_entry_is_found_by_its_whole_key, begin, end),
	        cmocka_unit_test_setup_teardown(
	                what_is_taken_out_is_gone_and_the_rest_of_its_bucket_stays, begin, end),
	        cmocka_unit_test_setup_teardown(the_oldest_is_what_was_used_longest_ago, begin,
	                                        end),
	        cmocka_unit_test_setup_teardown(
	                a_resized_table_has_the_same_entries_in_the_same_order, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
