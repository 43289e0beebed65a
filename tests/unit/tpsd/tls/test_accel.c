/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accelerating provider against OpenSSL's own: the same secrets from the same input, and
 * handshakes on P-256 whose other end (in a library context of its own) has only the default
 * provider, in every role and version. Points that are none are refused.
 */
#include "tpsd/tls/accel.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "lib/base/err.h"
#include "tests/unit/tpsd/fixture.h"
#include "tpsd/tls/accel_priv.h"

static struct env {
	OSSL_PROVIDER *accel, *defaults;
	OSSL_LIB_CTX *other; /* the default provider alone */
	struct fixture_cert cert;
} env;

static int setup(void **state)
{
	env.accel = accel_load();
	env.defaults = OSSL_PROVIDER_load(NULL, "default");
	env.other = OSSL_LIB_CTX_new();
	assert_non_null(env.accel);
	assert_non_null(env.defaults);
	assert_int_equal(accel_start(env.accel), 0);
	fixture_cert_make(&env.cert, FIXTURE_EC, "DNS:a.test", NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_cert_free(&env.cert);
	OSSL_LIB_CTX_free(env.other);
	accel_unload(env.accel);
	OSSL_PROVIDER_unload(env.defaults);
	return 0;
}

/* ---- key derivation ---- */

struct derivation {
	int mode;
	const char *digest;
	size_t key, salt, label, data, out; /* lengths; SIZE_MAX: not given */
};

static uint8_t noise[1024];

static OSSL_PARAM octets(const char *name, size_t offset, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, noise + offset, len);
}

/* What this library context's TLS13-KDF says: the number of EVP_KDF_derive. */
static int derive(OSSL_LIB_CTX *in, const char *owner, const struct derivation *d, uint8_t *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(in, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = d->mode, ret;
	OSSL_PARAM params[8], *p = params;

	assert_string_equal(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf)), owner);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)d->digest, 0);
	if (d->key != SIZE_MAX)
		*p++ = octets(OSSL_KDF_PARAM_KEY, 0, d->key);
	if (d->salt != SIZE_MAX)
		*p++ = octets(OSSL_KDF_PARAM_SALT, 100, d->salt);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)"tls13 ", 6);
	*p++ = octets(OSSL_KDF_PARAM_LABEL, 200, d->label);
	if (d->data != SIZE_MAX)
		*p++ = octets(OSSL_KDF_PARAM_DATA, 500, d->data);
	*p = OSSL_PARAM_construct_end();
	ret = EVP_KDF_derive(ctx, out, d->out, params);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	ERR_clear_error();
	return ret;
}

static void secrets_are_those_of_the_default_provider(void **state)
{
	enum { EXTRACT = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, EXPAND = EVP_KDF_HKDF_MODE_EXPAND_ONLY };
	static const struct derivation table[] = {
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 3, SIZE_MAX, 16},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 12, 32, 32},
	        {EXPAND, "SHA256", 32, SIZE_MAX, 2, 0, 12},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 0, 32, 1},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 5, 32, 33},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 249, 200, 1000},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 5, 32, 255 * 32},
	        {EXPAND, "SHA2-384", 48, SIZE_MAX, 12, 48, 48},
	        {EXPAND, "SHA2-384", 48, SIZE_MAX, 3, SIZE_MAX, 32},
	        {EXPAND, "SHA2-384", 48, SIZE_MAX, 7, 48, 255 * 48},
	        {EXTRACT, "SHA2-256", SIZE_MAX, SIZE_MAX, 7, SIZE_MAX, 32},
	        {EXTRACT, "SHA2-256", 32, SIZE_MAX, 7, SIZE_MAX, 32},
	        {EXTRACT, "SHA2-256", 32, 32, 7, SIZE_MAX, 32},
	        {EXTRACT, "SHA2-256", SIZE_MAX, 32, 7, SIZE_MAX, 32},
	        {EXTRACT, "SHA2-256", 66, 32, 7, SIZE_MAX, 32},
	        {EXTRACT, "SHA2-256", 512, 32, 7, SIZE_MAX, 32},
	        {EXTRACT, "SHA2-384", SIZE_MAX, SIZE_MAX, 7, SIZE_MAX, 48},
	        {EXTRACT, "SHA2-384", 32, 48, 7, SIZE_MAX, 48},
	};
	uint8_t ours[255 * 48], theirs[255 * 48];

	assert_int_equal(RAND_bytes(noise, sizeof(noise)), 1);
	for (size_t i = 0; i < SL_ARRAY_LEN(table); i++) {
		memset(ours, 1, sizeof(ours));
		memset(theirs, 1, sizeof(theirs));
		assert_int_equal(derive(NULL, "accel", &table[i], ours), 1);
		assert_int_equal(derive(env.other, "default", &table[i], theirs), 1);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	enum { EXTRACT = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, EXPAND = EVP_KDF_HKDF_MODE_EXPAND_ONLY };
	static const struct derivation table[] = {
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 250, 0, 32},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 3, 256, 32},
	        {EXPAND, "SHA2-256", 32, SIZE_MAX, 3, 0, 255 * 32 + 1},
	        {EXPAND, "SHA2-256", 65, SIZE_MAX, 3, 0, 32},
	        {EXPAND, "SHA2-256", SIZE_MAX, SIZE_MAX, 3, 0, 32},
	        {EXPAND, "SHA1", 20, SIZE_MAX, 3, 0, 20},
	        {EXTRACT, "SHA2-256", 32, 32, 7, SIZE_MAX, 31},
	        {EXTRACT, "SHA2-384", 32, 32, 7, SIZE_MAX, 32},
	        {EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, "SHA2-256", 32, 32, 7, SIZE_MAX, 32},
	};
	uint8_t out[255 * 48];

	for (size_t i = 0; i < SL_ARRAY_LEN(table); i++)
		assert_int_equal(derive(NULL, "accel", &table[i], out), 0);
}

/* ---- handshakes ---- */

static SSL_CTX *make_context(OSSL_LIB_CTX *in, const SSL_METHOD *method, int version,
                             const char *groups)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(in, NULL, method);

	assert_non_null(ctx);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_set1_groups_list(ctx, groups), 1);
	return ctx;
}

static int get_own(SSL *ssl, EVP_PKEY **ret_key)
{
	return (int)SSL_get_tmp_key(ssl, ret_key);
}

static int get_peers(SSL *ssl, EVP_PKEY **ret_key)
{
	return (int)SSL_get_peer_tmp_key(ssl, ret_key);
}

/* Each key of an exchange that libssl still has belongs to our provider. */
static void check_owner(SSL *ssl, bool kept)
{
	int (*const get[])(SSL *, EVP_PKEY **) = {get_own, get_peers};
	bool seen = false;

	for (size_t i = 0; i < SL_ARRAY_LEN(get); i++) {
		EVP_PKEY *key;

		if (!get[i](ssl, &key))
			continue;
		assert_string_equal(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)), "accel");
		EVP_PKEY_free(key);
		seen = true;
	}
	assert_int_equal(seen, kept);
}

static void run_handshake(SSL *client, SSL *server)
{
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	for (int i = 0; i < 10 && !(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	     i++) {
		(void)SSL_connect(client);
		(void)SSL_accept(server);
	}
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
}

/* libssl's client of TLS 1.2 does elliptic curves only with one whose algorithm it knows by name
 * in its list: hence the second one. */
static void try_handshake(OSSL_LIB_CTX *client_in, OSSL_LIB_CTX *server_in, int version)
{
	SSL_CTX *client_ctx = make_context(client_in, TLS_client_method(), version, "P-256:X25519");
	SSL_CTX *server_ctx = make_context(server_in, TLS_server_method(), version, "P-256");
	uint8_t exported[2][32];
	SSL *client, *server;
	char byte = 'x';

	assert_int_equal(SSL_CTX_use_certificate(server_ctx, env.cert.leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server_ctx, env.cert.key), 1);
	client = SSL_new(client_ctx);
	server = SSL_new(server_ctx);
	run_handshake(client, server);
	assert_int_equal(SSL_get_negotiated_group(client), NID_X9_62_prime256v1);
	assert_int_equal(SSL_get_negotiated_group(server), NID_X9_62_prime256v1);
	/* A server has thrown its keys away by now, unless it is TLS 1.3. */
	if (!client_in)
		check_owner(client, true);
	if (!server_in)
		check_owner(server, version == TLS1_3_VERSION);
	/* Both ends made the same secrets, and a record goes through. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(SSL_export_keying_material(i ? server : client, exported[i], 32,
		                                            "x", 1, NULL, 0, 0),
		                 1);
	assert_memory_equal(exported[0], exported[1], 32);
	assert_int_equal(SSL_write(client, &byte, 1), 1);
	assert_int_equal(SSL_read(server, &byte, 1), 1);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
}

static void p256_works_with_the_default_provider_in_every_role(void **state)
{
	static const int versions[] = {TLS1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < SL_ARRAY_LEN(versions); i++) {
		try_handshake(env.other, NULL, versions[i]);
		try_handshake(NULL, env.other, versions[i]);
		try_handshake(NULL, NULL, versions[i]);
	}
}

/* ---- points ---- */

static EVP_PKEY *make_place(bool pair)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, ACCEL_P256, NULL);
	EVP_PKEY *key = NULL;

	assert_non_null(ctx);
	assert_int_equal(pair ? EVP_PKEY_keygen_init(ctx) : EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, ACCEL_P256_GROUP), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool accepts(const uint8_t *point, size_t len)
{
	EVP_PKEY *key = make_place(false);
	bool ok = EVP_PKEY_set1_encoded_public_key(key, point, len) > 0;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

static bool decapsulates(EVP_PKEY *own, const uint8_t *point, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	uint8_t secret[ACCEL_P256_SECRET_LEN];
	size_t secret_len = sizeof(secret);
	bool ok;

	assert_int_equal(EVP_PKEY_decapsulate_init(ctx, NULL), 1);
	ok = EVP_PKEY_decapsulate(ctx, secret, &secret_len, point, len) > 0;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static void points_that_are_none_are_refused(void **state)
{
	EVP_PKEY *own = make_place(true);
	uint8_t *point, bad[ACCEL_P256_POINT_LEN + 1], zero = 0;
	size_t len = EVP_PKEY_get1_encoded_public_key(own, &point);

	assert_int_equal(len, ACCEL_P256_POINT_LEN);
	assert_true(accepts(point, len));
	assert_true(decapsulates(own, point, len));
	for (size_t i = 0; i <= len; i++) {
		memcpy(bad, point, len);
		bad[i] ^= 1; /* not on the curve; the first byte: another form; the last: longer */
		bad[len] = 0;
		assert_false(accepts(bad, i == len ? len + 1 : len));
		assert_false(decapsulates(own, bad, i == len ? len + 1 : len));
	}
	assert_false(accepts(point, len - 1));
	assert_false(accepts(&zero, 1)); /* infinity */
	memcpy(bad, point, len);
	bad[0] = (uint8_t)(2 | (point[len - 1] & 1)); /* compressed, and the hybrid form */
	assert_false(accepts(bad, 33));
	bad[0] |= 4;
	assert_false(accepts(bad, len));
	memset(bad, 0xff, sizeof(bad)); /* coordinates past the prime */
	bad[0] = 4;
	assert_false(accepts(bad, len));
	memset(bad + 1, 0, sizeof(bad) - 1);
	assert_false(accepts(bad, len));
	OPENSSL_free(point);
	EVP_PKEY_free(own);
}

static void another_group_has_another_provider(void **state)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, ACCEL_P256, NULL);

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_true(EVP_PKEY_CTX_set_group_name(ctx, "secp384r1") <= 0);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(secrets_are_those_of_the_default_provider),
	        cmocka_unit_test(what_does_not_fit_is_refused),
	        cmocka_unit_test(p256_works_with_the_default_provider_in_every_role),
	        cmocka_unit_test(points_that_are_none_are_refused),
	        cmocka_unit_test(another_group_has_another_provider),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
