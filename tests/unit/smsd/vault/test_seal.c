/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/vault/vault_priv.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"

static const uint8_t key[VAULT_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static const uint8_t plain[] = "the bytes of a private key";

enum { LEN = sizeof(plain), SEALED = LEN + VAULT_SEAL_EXTRA };

static void what_was_sealed_opens_and_nothing_else_of_it_is_readable(void **state)
{
	uint8_t sealed[SEALED], again[SEALED], opened[LEN];

	assert_int_equal(seal_bytes(key, "row", 3, plain, LEN, sealed), 0);
	assert_int_equal(seal_bytes(key, "row", 3, plain, LEN, again), 0);
	assert_memory_not_equal(sealed, again, SEALED);
	assert_null(memmem(sealed, SEALED, "private", 7));
	assert_int_equal(seal_open(key, "row", 3, sealed, SEALED, opened), 0);
	assert_memory_equal(opened, plain, LEN);
}

static void a_changed_bit_anywhere_is_refused_and_leaves_nothing(void **state)
{
	static const uint8_t nothing[LEN];
	uint8_t sealed[SEALED], opened[LEN];

	assert_int_equal(seal_bytes(key, "row", 3, plain, LEN, sealed), 0);
	for (size_t bit = 8; bit < 8 * SEALED; bit++) {
		memset(opened, 0xff, LEN);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(seal_open(key, "row", 3, sealed, SEALED, opened), SL_ECRYPTO);
		assert_memory_equal(opened, nothing, LEN);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	sealed[0]++;
	assert_int_equal(seal_open(key, "row", 3, sealed, SEALED, opened), SL_ECRYPTO);
}

static void another_context_or_key_or_length_is_refused(void **state)
{
	uint8_t sealed[SEALED], opened[LEN], other[VAULT_KEY_SIZE];

	memcpy(other, key, sizeof(other));
	other[31] ^= 1;
	assert_int_equal(seal_bytes(key, "row", 3, plain, LEN, sealed), 0);
	assert_int_equal(seal_open(key, "rov", 3, sealed, SEALED, opened), SL_ECRYPTO);
	assert_int_equal(seal_open(key, "row", 2, sealed, SEALED, opened), SL_ECRYPTO);
	assert_int_equal(seal_open(other, "row", 3, sealed, SEALED, opened), SL_ECRYPTO);
	for (size_t len = 0; len < SEALED; len++)
		assert_int_equal(seal_open(key, "row", 3, sealed, len, opened), SL_ECRYPTO);
}

static void what_is_larger_than_any_key_is_not_sealed(void **state)
{
	uint8_t *large = calloc(1, VAULT_SEALED_MAX), *sealed = malloc(VAULT_SEALED_MAX + 64);

	assert_int_equal(seal_bytes(key, "", 0, large, VAULT_SEALED_MAX - VAULT_SEAL_EXTRA, sealed),
	                 0);
	assert_int_equal(
	        seal_bytes(key, "", 0, large, VAULT_SEALED_MAX - VAULT_SEAL_EXTRA + 1, sealed),
	        SL_ECRYPTO);
	free(large);
	free(sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_sealed_opens_and_nothing_else_of_it_is_readable),
	        cmocka_unit_test(a_changed_bit_anywhere_is_refused_and_leaves_nothing),
	        cmocka_unit_test(another_context_or_key_or_length_is_refused),
	        cmocka_unit_test(what_is_larger_than_any_key_is_not_sealed),
	};

	return RUN_TESTS(tests);
}
