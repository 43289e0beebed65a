/* SPDX-License-Identifier: Apache-2.0 */
/* Keys by id: what may be signed with what, the premaster secret without an oracle, revisions. */
#include "tpsd/tls/keystore.h"

#include <openssl/rsa.h>

#include "lib/base/err.h"
#include "tests/unit/tpsd/fixture.h"

static void a_signature_verifies_and_odd_requests_are_refused(void **state)
{
	struct keystore *ks = keystore_create();
	uint8_t id[KEY_ID_LEN], digest[32] = {1, 2, 3}, sig[KEY_SIGNATURE_MAX];
	struct fixture_cert c;
	EVP_PKEY_CTX *ctx;
	size_t len;

	fixture_cert_make(&c, FIXTURE_EC, "DNS:a.test", NULL);
	assert_int_equal(keystore_key_id(c.key, id), 0);
	assert_int_equal(
	        keystore_sign(ks, id, IPC_SIGN_ECDSA | IPC_SHA256 << 8, digest, 32, sig, &len),
	        SL_ENOENT);
	assert_int_equal(keystore_add(ks, c.key, 1), 0);
	assert_int_equal(
	        keystore_sign(ks, id, IPC_SIGN_ECDSA | IPC_SHA256 << 8, digest, 32, sig, &len), 0);
	ctx = EVP_PKEY_CTX_new(c.key, NULL);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, sig, len, digest, 32), 1);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(
	        keystore_sign(ks, id, IPC_SIGN_ECDSA | IPC_SHA256 << 8, digest, 31, sig, &len),
	        SL_EINVAL);
	assert_int_equal(
	        keystore_sign(ks, id, IPC_SIGN_RSA_PSS | IPC_SHA256 << 8, digest, 32, sig, &len),
	        SL_EINVAL);
	assert_int_equal(keystore_sign(ks, id, 0xffff, digest, 32, sig, &len), SL_EINVAL);
	fixture_cert_free(&c);
	keystore_destroy(ks);
}

static void decrypt(EVP_PKEY *key, struct keystore *ks, const uint8_t *plain, size_t n,
                    uint8_t out[48])
{
	uint8_t id[KEY_ID_LEN], box[512];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = sizeof(box);

	assert_int_equal(keystore_key_id(key, id), 0);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, box, &len, plain, n), 1);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(keystore_decrypt(ks, id, 0x0303, box, len, out), 0);
}

static void a_bad_premaster_gives_48_other_bytes_and_no_error(void **state)
{
	struct keystore *ks = keystore_create();
	uint8_t good[48] = {3, 3, 42}, wrong_version[48] = {3, 1, 42}, out[48], id[KEY_ID_LEN];
	struct fixture_cert c;

	fixture_cert_make(&c, FIXTURE_RSA, "DNS:a.test", NULL);
	assert_int_equal(keystore_add(ks, c.key, 1), 0);
	decrypt(c.key, ks, good, 48, out);
	assert_memory_equal(out, good, 48);
	decrypt(c.key, ks, wrong_version, 48, out);
	assert_memory_not_equal(out, wrong_version, 48);
	decrypt(c.key, ks, good, 47, out);
	assert_memory_not_equal(out, good, 47);
	assert_int_equal(keystore_key_id(c.key, id), 0);
	assert_int_equal(keystore_decrypt(ks, id, 0x0303, good, 48, out), 0);
	fixture_cert_free(&c);
	keystore_destroy(ks);
}

static void keys_live_as_long_as_a_revision_names_them(void **state)
{
	struct keystore *ks = keystore_create();
	struct fixture_cert a, b;

	fixture_cert_make(&a, FIXTURE_EC, "DNS:a.test", NULL);
	fixture_cert_make(&b, FIXTURE_EC, "DNS:b.test", NULL);
	assert_int_equal(keystore_add(ks, a.key, 1), 0);
	assert_int_equal(keystore_add(ks, b.key, 1), 0);
	assert_int_equal(keystore_add(ks, b.key, 2), 0);
	assert_int_equal(keystore_count(ks), 2);
	keystore_retire_before(ks, 2);
	assert_int_equal(keystore_count(ks), 1);
	assert_int_equal(keystore_add(ks, a.key, 3), 0);
	keystore_forget(ks, 3);
	assert_int_equal(keystore_count(ks), 1);
	fixture_cert_free(&a);
	fixture_cert_free(&b);
	keystore_destroy(ks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_signature_verifies_and_odd_requests_are_refused),
	        cmocka_unit_test(a_bad_premaster_gives_48_other_bytes_and_no_error),
	        cmocka_unit_test(keys_live_as_long_as_a_revision_names_them),
	};

	return RUN_TESTS(tests);
}
