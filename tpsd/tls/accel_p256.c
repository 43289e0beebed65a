/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange on P-256 with ephemeral keys: ECDH as libssl uses it up to TLS 1.2, and as a KEM for
 * TLS 1.3, whose "ciphertext" is the other side's public key. A peer's point is taken uncompressed
 * only and must lie on the curve; the curve's cofactor is one, so every such point but infinity
 * (which has no such encoding) has the right order (SP 800-56A rev. 3, 5.6.2.3.4). libcrypto 3.0
 * multiplies it with the order once more to see that, which costs as much as the exchange.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tpsd/tls/accel_priv.h"

enum { UNCOMPRESSED = 4, P256_BITS = 256, P256_SECURITY_BITS = 128 };

/* An EVP_PKEY's inside: parameters alone, a public key, or both halves. */
struct p256_key {
	struct accel *accel;
	EC_POINT *public; /* NULL: parameters alone */
	BIGNUM *private;  /* NULL: none */
};

/* ---- arithmetic ---- */

static bool point_read(struct accel *a, const uint8_t *data, size_t len, EC_POINT **ret_point)
{
	EC_POINT *p;

	if (!a->p256 || !data || len != ACCEL_P256_POINT_LEN || data[0] != UNCOMPRESSED)
		return false;
	p = EC_POINT_new(a->p256);
	if (!p || !EC_POINT_oct2point(a->p256, p, data, len, a->bn)) {
		EC_POINT_free(p);
		return false;
	}
	*ret_point = p;
	return true;
}

static bool point_write(struct accel *a, const EC_POINT *p, uint8_t out[ACCEL_P256_POINT_LEN])
{
	return EC_POINT_point2oct(a->p256, p, POINT_CONVERSION_UNCOMPRESSED, out,
	                          ACCEL_P256_POINT_LEN, a->bn) == ACCEL_P256_POINT_LEN;
}

/* A new pair; the private number is in [1, order). */
static bool pair_make(struct accel *a, EC_POINT **ret_public, BIGNUM **ret_private)
{
	EC_POINT *public = a->p256 ? EC_POINT_new(a->p256) : NULL;
	BIGNUM *private = BN_secure_new();
	bool ok = public && private;

	while (ok && BN_is_zero(private))
		ok = BN_priv_rand_range(private, EC_GROUP_get0_order(a->p256));
	if (ok)
		BN_set_flags(private, BN_FLG_CONSTTIME);
	if (!ok || !EC_POINT_mul(a->p256, public, private, NULL, NULL, a->bn)) {
		EC_POINT_free(public);
		BN_clear_free(private);
		return false;
	}
	*ret_public = public;
	*ret_private = private;
	return true;
}

/* The x coordinate of the product, as TLS wants it (RFC 8446 section 7.4.2). */
static bool shared_secret(struct accel *a, const BIGNUM *private, const EC_POINT *peer,
                          uint8_t out[ACCEL_P256_SECRET_LEN])
{
	EC_POINT *product = EC_POINT_new(a->p256);
	BIGNUM *x = BN_secure_new();
	bool ok = product && x && EC_POINT_mul(a->p256, product, NULL, peer, private, a->bn) &&
	          !EC_POINT_is_at_infinity(a->p256, product) &&
	          EC_POINT_get_affine_coordinates(a->p256, product, x, NULL, a->bn) &&
	          BN_bn2binpad(x, out, ACCEL_P256_SECRET_LEN) == ACCEL_P256_SECRET_LEN;

	EC_POINT_clear_free(product);
	BN_clear_free(x);
	return ok;
}

/* ---- KEYMGMT ---- */

static void *key_new(void *provctx)
{
	struct p256_key *key = calloc(1, sizeof(*key));

	if (key)
		key->accel = provctx;
	return key;
}

static void key_free(void *keydata)
{
	struct p256_key *key = keydata;

	if (!key)
		return;
	EC_POINT_free(key->public);
	BN_clear_free(key->private);
	free(key);
}

static int key_has(const void *keydata, int selection)
{
	const struct p256_key *key = keydata;

	if (!key)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && !key->public)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->private;
}

/* libssl copies parameters alone, from its own key to the place for its peer's. */
static void *key_dup(const void *keydata, int selection)
{
	const struct p256_key *key = keydata;

	return selection & OSSL_KEYMGMT_SELECT_KEYPAIR ? NULL : key_new(key->accel);
}

static int key_get_params(void *keydata, OSSL_PARAM params[])
{
	struct p256_key *key = keydata;
	uint8_t point[ACCEL_P256_POINT_LEN];

	for (OSSL_PARAM *p = params; p->key; p++) {
		int ok = 1;

		if (strcmp(p->key, OSSL_PKEY_PARAM_BITS) == 0)
			ok = OSSL_PARAM_set_int(p, P256_BITS);
		else if (strcmp(p->key, OSSL_PKEY_PARAM_SECURITY_BITS) == 0)
			ok = OSSL_PARAM_set_int(p, P256_SECURITY_BITS);
		else if (strcmp(p->key, OSSL_PKEY_PARAM_MAX_SIZE) == 0)
			ok = OSSL_PARAM_set_int(p, ACCEL_P256_SECRET_LEN);
		else if (strcmp(p->key, OSSL_PKEY_PARAM_GROUP_NAME) == 0)
			ok = OSSL_PARAM_set_utf8_string(p, ACCEL_P256_GROUP);
		else if (strcmp(p->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) == 0)
			ok = key->public && point_write(key->accel, key->public, point) &&
			     OSSL_PARAM_set_octet_string(p, point, sizeof(point));
		if (!ok)
			return 0;
	}
	return 1;
}

static const OSSL_PARAM *key_gettable(void *provctx)
{
	static const OSSL_PARAM gettable[] = {
	        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
	        OSSL_PARAM_END,
	};

	return gettable;
}

/* The peer's point. */
static int key_set_params(void *keydata, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
	struct p256_key *key = keydata;
	EC_POINT *public;

	if (!p)
		return 1;
	if (p->data_type != OSSL_PARAM_OCTET_STRING || key->private ||
	    !point_read(key->accel, p->data, p->data_size, &public))
		return 0;
	EC_POINT_free(key->public);
	key->public = public;
	return 1;
}

static const OSSL_PARAM *key_settable(void *provctx)
{
	static const OSSL_PARAM settable[] = {
	        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
	        OSSL_PARAM_END,
	};

	return settable;
}

struct p256_gen {
	struct accel *accel;
	int selection;
};

static void *gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
	struct p256_gen *gen = malloc(sizeof(*gen));

	if (gen)
		*gen = (struct p256_gen){provctx, selection};
	return gen;
}

/* libssl names the group, of which there is one here. */
static int gen_set_params(void *genctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	const char *name;

	return !p || (OSSL_PARAM_get_utf8_string_ptr(p, &name) && name &&
	              strcmp(name, ACCEL_P256_GROUP) == 0);
}

static const OSSL_PARAM *gen_settable(void *genctx, void *provctx)
{
	static const OSSL_PARAM settable[] = {
	        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	        OSSL_PARAM_END,
	};

	return settable;
}

static void *gen(void *genctx, OSSL_CALLBACK *callback, void *arg)
{
	struct p256_gen *g = genctx;
	struct p256_key *key = key_new(g->accel);

	if (key && (g->selection & OSSL_KEYMGMT_SELECT_KEYPAIR) &&
	    !pair_make(g->accel, &key->public, &key->private)) {
		key_free(key);
		return NULL;
	}
	return key;
}

static const char *operation_name(int operation)
{
	return operation == OSSL_OP_KEYEXCH || operation == OSSL_OP_KEM ? ACCEL_P256 : NULL;
}

const OSSL_DISPATCH accel_keymgmt_p256[] = {
        {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))key_new},
        {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))key_free},
        {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))key_has},
        {OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))key_dup},
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))key_get_params},
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))key_gettable},
        {OSSL_FUNC_KEYMGMT_SET_PARAMS, (void (*)(void))key_set_params},
        {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))key_settable},
        {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))gen_init},
        {OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, (void (*)(void))gen_set_params},
        {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, (void (*)(void))gen_settable},
        {OSSL_FUNC_KEYMGMT_GEN, (void (*)(void))gen},
        {OSSL_FUNC_KEYMGMT_GEN_CLEANUP, (void (*)(void))free},
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))operation_name},
        {0, NULL},
};

/* ---- KEYEXCH and KEM: what they work on ---- */

struct p256_exchange {
	const struct p256_key *key, *peer; /* libcrypto's; they outlive it */
};

static void *exchange_new(void *provctx)
{
	return calloc(1, sizeof(struct p256_exchange));
}

static int exchange_init(void *ctx, void *keydata, const OSSL_PARAM params[])
{
	struct p256_exchange *x = ctx;

	x->key = keydata;
	return x->key != NULL;
}

static int exchange_set_peer(void *ctx, void *keydata)
{
	struct p256_exchange *x = ctx;

	x->peer = keydata;
	return x->peer && x->peer->public;
}

static int exchange_derive(void *ctx, unsigned char *secret, size_t *ret_len, size_t size)
{
	struct p256_exchange *x = ctx;

	if (!x->key->private || !x->peer || !x->peer->public)
		return 0;
	*ret_len = ACCEL_P256_SECRET_LEN;
	if (!secret)
		return 1;
	return size >= ACCEL_P256_SECRET_LEN &&
	       shared_secret(x->key->accel, x->key->private, x->peer->public, secret);
}

const OSSL_DISPATCH accel_keyexch_p256[] = {
        {OSSL_FUNC_KEYEXCH_NEWCTX, (void (*)(void))exchange_new},
        {OSSL_FUNC_KEYEXCH_FREECTX, (void (*)(void))free},
        {OSSL_FUNC_KEYEXCH_INIT, (void (*)(void))exchange_init},
        {OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))exchange_set_peer},
        {OSSL_FUNC_KEYEXCH_DERIVE, (void (*)(void))exchange_derive},
        {0, NULL},
};

/* The server's half of TLS 1.3: a pair of its own, and the secret with the client's point. */
static int kem_encapsulate(void *ctx, unsigned char *out, size_t *ret_len, unsigned char *secret,
                           size_t *ret_secret_len)
{
	const struct p256_key *key = ((struct p256_exchange *)ctx)->key;
	EC_POINT *public;
	BIGNUM *private;
	bool ok;

	if (!key->public)
		return 0;
	*ret_len = ACCEL_P256_POINT_LEN;
	*ret_secret_len = ACCEL_P256_SECRET_LEN;
	if (!out)
		return 1;
	if (!pair_make(key->accel, &public, &private))
		return 0;
	ok = point_write(key->accel, public, out) &&
	     shared_secret(key->accel, private, key->public, secret);
	EC_POINT_free(public);
	BN_clear_free(private);
	return ok;
}

/* The client's. */
static int kem_decapsulate(void *ctx, unsigned char *secret, size_t *ret_len,
                           const unsigned char *in, size_t len)
{
	const struct p256_key *key = ((struct p256_exchange *)ctx)->key;
	EC_POINT *peer;
	bool ok;

	if (!key->private)
		return 0;
	*ret_len = ACCEL_P256_SECRET_LEN;
	if (!secret)
		return 1;
	if (!point_read(key->accel, in, len, &peer))
		return 0;
	ok = shared_secret(key->accel, key->private, peer, secret);
	EC_POINT_free(peer);
	return ok;
}

const OSSL_DISPATCH accel_kem_p256[] = {
        {OSSL_FUNC_KEM_NEWCTX, (void (*)(void))exchange_new},
        {OSSL_FUNC_KEM_FREECTX, (void (*)(void))free},
        {OSSL_FUNC_KEM_ENCAPSULATE_INIT, (void (*)(void))exchange_init},
        {OSSL_FUNC_KEM_ENCAPSULATE, (void (*)(void))kem_encapsulate},
        {OSSL_FUNC_KEM_DECAPSULATE_INIT, (void (*)(void))exchange_init},
        {OSSL_FUNC_KEM_DECAPSULATE, (void (*)(void))kem_decapsulate},
        {0, NULL},
};
