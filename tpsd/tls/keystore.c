/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/keystore.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { BUCKETS = 4096, DIGESTS = IPC_SHA512 + 1, ALGORITHMS = IPC_SIGN_ECDSA + 1 };

struct stored_key {
	struct stored_key *next;
	uint8_t id[KEY_ID_LEN];
	uint32_t first_revision, last_revision; /* that name it */
	EVP_PKEY *key;
	bool rsa;
	EVP_PKEY_CTX *sign[ALGORITHMS][DIGESTS]; /* made once, used for every signature */
	EVP_PKEY_CTX *decrypt;
};

struct keystore {
	struct stored_key *buckets[BUCKETS];
	size_t count;
};

/* ids are SHA-256: any two bytes are as good as a hash. */
static struct stored_key **bucket_of(struct keystore *ks, const uint8_t *id)
{
	return &ks->buckets[(id[0] << 8 | id[1]) % BUCKETS];
}

static struct stored_key *find_key(struct keystore *ks, const uint8_t *id)
{
	for (struct stored_key *k = *bucket_of(ks, id); k; k = k->next)
		if (memcmp(k->id, id, KEY_ID_LEN) == 0)
			return k;
	return NULL;
}

static void free_key(struct stored_key *k)
{
	for (size_t a = 0; a < ALGORITHMS; a++)
		for (size_t d = 0; d < DIGESTS; d++)
			EVP_PKEY_CTX_free(k->sign[a][d]);
	EVP_PKEY_CTX_free(k->decrypt);
	EVP_PKEY_free(k->key); /* OpenSSL clears private numbers when it frees them */
	OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

struct keystore *keystore_create(void)
{
	return calloc(1, sizeof(struct keystore));
}

static void drop_if(struct keystore *ks, bool (*gone)(const struct stored_key *, uint32_t),
                    uint32_t revision)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct stored_key **at = &ks->buckets[i];

		while (*at) {
			struct stored_key *k = *at;

			if (!gone(k, revision)) {
				at = &k->next;
				continue;
			}
			*at = k->next;
			ks->count--;
			free_key(k);
		}
	}
}

static bool any_key(const struct stored_key *k, uint32_t revision)
{
	return true;
}

static bool last_named_before(const struct stored_key *k, uint32_t revision)
{
	return k->last_revision < revision;
}

static bool named_only_by(const struct stored_key *k, uint32_t revision)
{
	return k->first_revision == revision && k->last_revision == revision;
}

void keystore_destroy(struct keystore *ks)
{
	if (!ks)
		return;
	drop_if(ks, any_key, 0);
	free(ks);
}

void keystore_retire_before(struct keystore *ks, uint32_t revision)
{
	drop_if(ks, last_named_before, revision);
}

void keystore_forget(struct keystore *ks, uint32_t revision)
{
	drop_if(ks, named_only_by, revision);
}

void keystore_drop(struct keystore *ks, const uint8_t id[KEY_ID_LEN])
{
	for (struct stored_key **at = bucket_of(ks, id); *at; at = &(*at)->next) {
		struct stored_key *k = *at;

		if (memcmp(k->id, id, KEY_ID_LEN) != 0)
			continue;
		*at = k->next;
		ks->count--;
		free_key(k);
		return;
	}
}

size_t keystore_count(const struct keystore *ks)
{
	return ks->count;
}

int keystore_key_id(EVP_PKEY *key, uint8_t ret_id[KEY_ID_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int rc = SL_ECRYPTO;

	if (len > 0 && EVP_Digest(der, (size_t)len, ret_id, NULL, EVP_sha256(), NULL))
		rc = 0;
	OPENSSL_free(der);
	return rc;
}

int keystore_add(struct keystore *ks, EVP_PKEY *key, uint32_t revision)
{
	struct stored_key *k;
	uint8_t id[KEY_ID_LEN];
	int rc = keystore_key_id(key, id);

	if (rc != 0)
		return rc;
	if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC"))
		return SL_EUNSUPPORTED;
	k = find_key(ks, id);
	if (k) {
		k->last_revision = SL_MAX(k->last_revision, revision);
		return 0;
	}
	if (ks->count >= KEYSTORE_KEYS_MAX)
		return SL_ELIMIT;
	k = calloc(1, sizeof(*k));
	if (!k)
		return SL_ENOMEM;
	memcpy(k->id, id, KEY_ID_LEN);
	k->first_revision = k->last_revision = revision;
	k->rsa = EVP_PKEY_is_a(key, "RSA");
	k->key = key;
	EVP_PKEY_up_ref(key);
	k->next = *bucket_of(ks, id);
	*bucket_of(ks, id) = k;
	ks->count++;
	return 0;
}

static const EVP_MD *digest_of(unsigned digest)
{
	switch (digest) {
	case IPC_MD5_SHA1:
		return EVP_md5_sha1();
	case IPC_SHA1:
		return EVP_sha1();
	case IPC_SHA224:
		return EVP_sha224();
	case IPC_SHA256:
		return EVP_sha256();
	case IPC_SHA384:
		return EVP_sha384();
	case IPC_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static EVP_PKEY_CTX *make_sign_ctx(EVP_PKEY *key, unsigned algorithm, const EVP_MD *md)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int pad = algorithm == IPC_SIGN_RSA_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;

	if (!ctx || EVP_PKEY_sign_init(ctx) <= 0)
		goto failed;
	if (algorithm != IPC_SIGN_ECDSA && EVP_PKEY_CTX_set_rsa_padding(ctx, pad) <= 0)
		goto failed;
	if (algorithm == IPC_SIGN_RSA_PSS &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) <= 0)
		goto failed;
	if (EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
		goto failed;
	return ctx;
failed:
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int keystore_sign(struct keystore *ks, const uint8_t id[KEY_ID_LEN], uint16_t algorithm,
                  const uint8_t *digest, size_t len, uint8_t ret_signature[KEY_SIGNATURE_MAX],
                  size_t *ret_len)
{
	unsigned alg = algorithm & 0xff, d = algorithm >> 8;
	struct stored_key *k = find_key(ks, id);
	const EVP_MD *md = digest_of(d);
	size_t n = KEY_SIGNATURE_MAX;

	if (!k)
		return SL_ENOENT;
	if (!md || alg < IPC_SIGN_RSA_PKCS1 || alg > IPC_SIGN_ECDSA ||
	    (alg == IPC_SIGN_ECDSA) == k->rsa || (size_t)EVP_MD_get_size(md) != len)
		return SL_EINVAL;
	if (!k->sign[alg][d])
		k->sign[alg][d] = make_sign_ctx(k->key, alg, md);
	if (!k->sign[alg][d] || EVP_PKEY_sign(k->sign[alg][d], ret_signature, &n, digest, len) <= 0)
		return SL_ECRYPTO;
	*ret_len = n;
	return 0;
}

static EVP_PKEY_CTX *make_decrypt_ctx(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) > 0)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int keystore_decrypt(struct keystore *ks, const uint8_t id[KEY_ID_LEN], uint16_t client_version,
                     const uint8_t *ciphertext, size_t len, uint8_t ret_secret[KEY_PREMASTER_LEN])
{
	struct stored_key *k = find_key(ks, id);
	unsigned version = client_version;
	OSSL_PARAM params[2] = {
	        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
	        OSSL_PARAM_construct_end(),
	};
	uint8_t made_up[KEY_PREMASTER_LEN];
	size_t n = KEY_PREMASTER_LEN;

	if (!k)
		return SL_ENOENT;
	if (!k->rsa)
		return SL_EINVAL;
	if (!k->decrypt)
		k->decrypt = make_decrypt_ctx(k->key);
	if (RAND_priv_bytes(made_up, sizeof(made_up)) <= 0 || !k->decrypt)
		return SL_ECRYPTO;
	/* The TLS padding mode itself answers random bytes for bad padding; made-up ones also stand
	 * in for a ciphertext of the wrong length, which it refuses. */
	if (EVP_PKEY_CTX_set_params(k->decrypt, params) <= 0 ||
	    EVP_PKEY_decrypt(k->decrypt, ret_secret, &n, ciphertext, len) <= 0 ||
	    n != KEY_PREMASTER_LEN)
		memcpy(ret_secret, made_up, sizeof(made_up));
	OPENSSL_cleanse(made_up, sizeof(made_up));
	return 0;
}
