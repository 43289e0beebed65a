/* SPDX-License-Identifier: Apache-2.0 */
/* The default provider with fewer decoders: reads what a server can show, and nothing private. */
#include "tpsd/tls/narrow.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct env {
	OSSL_PROVIDER *narrow;
	OSSL_LIB_CTX *other; /* the default provider itself */
} env;

static int setup(void **state)
{
	env.narrow = narrow_load();
	env.other = OSSL_LIB_CTX_new();
	return env.narrow && env.other ? 0 : -1;
}

static int teardown(void **state)
{
	OSSL_LIB_CTX_free(env.other);
	OSSL_PROVIDER_unload(env.narrow);
	return 0;
}

static void judge(OSSL_DECODER *decoder, void *arg)
{
	const char *properties = OSSL_DECODER_get0_properties(decoder);

	assert_non_null(strstr(properties, "structure=SubjectPublicKeyInfo"));
	assert_non_null(strstr(properties, "input=der"));
	++*(int *)arg;
}

static void only_decoders_of_public_keys_are_left(void **state)
{
	int left = 0;

	OSSL_DECODER_do_all_provided(NULL, judge, &left);
	assert_true(left >= 5); /* RSA, RSA-PSS, EC, Ed25519, Ed448 at least */
}

/* A key of the other context, its public half as in a certificate. */
static void comes_through(const char *type, const char *detail)
{
	EVP_PKEY *key, *read;
	const uint8_t *p;
	uint8_t *der = NULL;
	int len;

	if (strcmp(type, "RSA") == 0)
		key = EVP_PKEY_Q_keygen(env.other, NULL, type, (size_t)2048);
	else
		key = EVP_PKEY_Q_keygen(env.other, NULL, type, detail);
	assert_non_null(key);
	len = i2d_PUBKEY(key, &der);
	assert_true(len > 0);
	p = der;
	read = d2i_PUBKEY(NULL, &p, len);
	assert_non_null(read);
	assert_ptr_equal(p, der + len);
	assert_string_equal(EVP_PKEY_get0_type_name(read), EVP_PKEY_get0_type_name(key));
	assert_int_equal(EVP_PKEY_eq(read, key), 1);
	EVP_PKEY_free(read);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
}

static void every_kind_of_public_key_is_read(void **state)
{
	comes_through("RSA", NULL);
	comes_through("EC", "P-256");
	comes_through("EC", "P-384");
	comes_through("EC", "secp256k1");
	comes_through("ED25519", NULL);
	comes_through("ED448", NULL);
}

static void what_is_no_key_is_refused(void **state)
{
	static const uint8_t junk[] = {0x30, 0x03, 0x02, 0x01, 0x05};
	const uint8_t *p = junk;

	assert_null(d2i_PUBKEY(NULL, &p, sizeof(junk)));
	ERR_clear_error();
}

/* What stays is the default provider's, its capabilities too. */
static void the_rest_is_the_default_providers(void **state)
{
	EVP_MD *digest = EVP_MD_fetch(NULL, "SHA2-256", "provider=default");
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");

	assert_non_null(digest);
	assert_non_null(cipher);
	assert_non_null(key);
	assert_ptr_equal(EVP_MD_get0_provider(digest), env.narrow);
	EVP_PKEY_free(key);
	EVP_CIPHER_free(cipher);
	EVP_MD_free(digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_decoders_of_public_keys_are_left),
	        cmocka_unit_test(every_kind_of_public_key_is_read),
	        cmocka_unit_test(what_is_no_key_is_refused),
	        cmocka_unit_test(the_rest_is_the_default_providers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
