/* SPDX-License-Identifier: Apache-2.0 */
/* What comes by the thousand: written and read back, cut at every byte, and of other lengths than
 * it says. */
#include "lib/remote/packed.h"

#include "lib/base/err.h"
#include "tests/unit/unit.h"

static void digests_are_whole_ones_and_not_too_many(void **state)
{
	size_t count = 0;

	assert_int_equal(remote_digests_count(REMOTE_DIGEST, 2, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(remote_digests_count((size_t)2 * REMOTE_DIGEST, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(remote_digests_count((size_t)3 * REMOTE_DIGEST, 2, &count), SL_EINVAL);
	assert_int_equal(remote_digests_count(0, 2, &count), SL_EINVAL);
	assert_int_equal(remote_digests_count(REMOTE_DIGEST - 1, 2, &count), SL_EINVAL);
	assert_int_equal(remote_digests_count(REMOTE_DIGEST + 1, 2, &count), SL_EINVAL);
}

static void a_row_of_a_file_has_its_size_behind_its_digest(void **state)
{
	static const uint8_t digest[REMOTE_DIGEST] = {1, [31] = 2},
	                     size[8] = {0, 0, 0, 1, 0x02, 0x03, 0x04, 0x05};
	struct buf rows;

	buf_init(&rows, 2 * REMOTE_FILE_ROW - 1);
	assert_int_equal(remote_file_put(&rows, digest, UINT64_C(0x102030405)), 0);
	assert_int_equal(rows.len, REMOTE_FILE_ROW);
	assert_memory_equal(rows.data, digest, sizeof(digest));
	assert_memory_equal(rows.data + REMOTE_DIGEST, size, sizeof(size));
	assert_int_equal(remote_file_size(rows.data), UINT64_C(0x102030405));
	assert_int_equal(remote_file_put(&rows, digest, 1), SL_ELIMIT);
	assert_int_equal(rows.len, REMOTE_FILE_ROW);
	buf_fini(&rows);
}

static void put_key(struct buf *to, enum remote_key_kind kind, const char *text)
{
	uint8_t *bytes;

	assert_int_equal(remote_key_put(to, kind, strlen(text), &bytes), 0);
	memcpy(bytes, text, strlen(text));
}

static void three_keys(struct buf *ret)
{
	buf_init(ret, 4096);
	assert_int_equal(buf_add(ret, "an encapsulated secret of thirty", REMOTE_ENCAPSULATED), 0);
	put_key(ret, REMOTE_KEY_SEALED, "one");
	put_key(ret, REMOTE_KEY_REFUSED, "not this one");
	put_key(ret, REMOTE_KEY_SEALED, "two");
}

static void assert_next(struct remote_keys *keys, enum remote_key_kind kind, unsigned number,
                        const char *text)
{
	struct remote_key key;

	assert_int_equal(remote_keys_next(keys, &key), 0);
	assert_int_equal(key.kind, kind);
	if (kind == REMOTE_KEY_SEALED)
		assert_int_equal(key.number, number);
	assert_int_equal(key.len, strlen(text));
	assert_memory_equal(key.bytes, text, key.len);
}

static void sealed_keys_are_numbered_and_refusals_are_not(void **state)
{
	struct remote_keys keys;
	struct remote_key key;
	struct buf bytes;

	three_keys(&bytes);
	assert_int_equal(remote_keys_begin(bytes.data, bytes.len, &keys), 0);
	assert_memory_equal(keys.encapsulated, "an encapsulated", 15);
	assert_next(&keys, REMOTE_KEY_SEALED, 0, "one");
	assert_next(&keys, REMOTE_KEY_REFUSED, 0, "not this one");
	assert_next(&keys, REMOTE_KEY_SEALED, 1, "two");
	assert_int_equal(remote_keys_next(&keys, &key), SL_ENOENT);
	buf_fini(&bytes);
}

/* How it ends: SL_ENOENT or SL_EMALFORMED, with no more keys than there can be. */
static int end_of(const uint8_t *data, size_t len)
{
	struct remote_keys keys;
	struct remote_key key;
	int rc = remote_keys_begin(data, len, &keys);

	for (unsigned i = 0; rc == 0; i++) {
		assert_true(i < 4);
		rc = remote_keys_next(&keys, &key);
		if (rc == 0)
			assert_true(key.bytes >= data && key.bytes + key.len <= data + len);
	}
	/* What was wrong stays so. */
	if (rc == SL_EMALFORMED && len >= REMOTE_ENCAPSULATED)
		assert_int_equal(remote_keys_next(&keys, &key), SL_EMALFORMED);
	return rc;
}

static void what_is_cut_is_malformed_unless_between_two(void **state)
{
	const size_t head = REMOTE_ENCAPSULATED, one = head + REMOTE_KEY_HEAD + 3,
	             two = one + REMOTE_KEY_HEAD + 12;
	struct buf bytes;

	three_keys(&bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		bool between = len == head || len == one || len == two;

		assert_int_equal(end_of(bytes.data, len), between ? SL_ENOENT : SL_EMALFORMED);
	}
	assert_int_equal(end_of(bytes.data, bytes.len), SL_ENOENT);
	buf_fini(&bytes);
}

static void a_key_has_a_kind_and_bytes(void **state)
{
	struct buf bytes;
	uint8_t *room;

	three_keys(&bytes);
	bytes.data[REMOTE_ENCAPSULATED] = REMOTE_KEY_SEALED + 1;
	assert_int_equal(end_of(bytes.data, bytes.len), SL_EMALFORMED);
	bytes.data[REMOTE_ENCAPSULATED] = REMOTE_KEY_SEALED;
	bytes.data[REMOTE_ENCAPSULATED + 2] = 0;
	assert_int_equal(end_of(bytes.data, bytes.len), SL_EMALFORMED);
	assert_int_equal(remote_key_put(&bytes, REMOTE_KEY_SEALED, UINT16_MAX + 1, &room),
	                 SL_ERANGE);
	assert_int_equal(remote_key_put(&bytes, REMOTE_KEY_SEALED, 4096, &room), SL_ELIMIT);
	buf_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(digests_are_whole_ones_and_not_too_many),
	        cmocka_unit_test(a_row_of_a_file_has_its_size_behind_its_digest),
	        cmocka_unit_test(sealed_keys_are_numbered_and_refusals_are_not),
	        cmocka_unit_test(what_is_cut_is_malformed_unless_between_two),
	        cmocka_unit_test(a_key_has_a_kind_and_bytes),
	};

	return RUN_TESTS(tests);
}
