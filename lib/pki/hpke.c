/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9180. All that HKDF has to give here is one block of HMAC-SHA-256 at most, so expanding is
 * one HMAC.
 */
#include "lib/pki/hpke_priv.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/err.h"

enum { HASH = 32, KEY = 32, NONCE = 12, TEXT_MAX = 256, CONTEXT = 1 + 2 * HASH, SUITE_MAX = 10 };

/* "KEM" and DHKEM(X25519, HKDF-SHA256); "HPKE", that, HKDF-SHA256, AES-256-GCM. */
static const struct suite {
	size_t len;
	uint8_t id[SUITE_MAX];
} kem_suite = {5, {'K', 'E', 'M', 0, 0x20}},
  hpke_suite = {10, {'H', 'P', 'K', 'E', 0, 0x20, 0, 0x01, 0, 0x02}};

_Static_assert(sizeof(((struct hpke_context *)0)->nonce) == NONCE, "hpke.h says how long");

/* ---- sections 4 and 5: labels, key encapsulation, key schedule ---------------------------- */

struct text {
	uint8_t bytes[TEXT_MAX];
	size_t len;
};

/* Callers' lengths are bounded: constants, and an `info` of HPKE_INFO_MAX. */
static void add(struct text *text, const void *data, size_t len)
{
	if (len > sizeof(text->bytes) - text->len)
		len = 0;
	memcpy(text->bytes + text->len, data, len);
	text->len += len;
}

static void add_label(struct text *text, const struct suite *suite, const char *label)
{
	add(text, "HPKE-v1", 7);
	add(text, suite->id, suite->len);
	add(text, label, strlen(label));
}

static int hmac(const void *key, size_t key_len, struct text *text, uint8_t ret[HASH])
{
	bool ok = HMAC(EVP_sha256(), key, (int)key_len, text->bytes, text->len, ret, NULL) != NULL;

	OPENSSL_cleanse(text, sizeof(*text));
	return ok ? 0 : SL_ECRYPTO;
}

static int extract(const struct suite *suite, const void *salt, size_t salt_len, const char *label,
                   const void *secret, size_t len, uint8_t ret[HASH])
{
	struct text text = {.len = 0};

	add_label(&text, suite, label);
	add(&text, secret, len);
	return hmac(salt, salt_len, &text, ret);
}

/* `size` bytes, HASH at most. */
static int expand(const struct suite *suite, const uint8_t secret[HASH], const char *label,
                  const void *context, size_t len, uint8_t *ret, size_t size)
{
	const uint8_t head[2] = {0, (uint8_t)size}, block = 1;
	struct text text = {.len = 0};
	uint8_t out[HASH];
	int rc;

	add(&text, head, sizeof(head));
	add_label(&text, suite, label);
	add(&text, context, len);
	add(&text, &block, 1);
	rc = hmac(secret, HASH, &text, out);
	if (rc == 0)
		memcpy(ret, out, size);
	OPENSSL_cleanse(out, sizeof(out));
	return rc;
}

/* SL_EINVAL: OpenSSL refuses an all-zero result, which is what points of small order give. */
static int agree(EVP_PKEY *key, const uint8_t other[HPKE_PUBLIC], uint8_t ret_dh[HASH])
{
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, HPKE_PUBLIC);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = HASH;
	int rc = SL_ECRYPTO;

	if (peer && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, peer) == 1)
		rc = EVP_PKEY_derive(ctx, ret_dh, &len) == 1 && len == HASH ? 0 : SL_EINVAL;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return rc;
}

static int shared_secret(EVP_PKEY *key, const uint8_t other[HPKE_PUBLIC],
                         const uint8_t encapsulated[HPKE_ENCAPSULATED],
                         const uint8_t receiver[HPKE_PUBLIC], uint8_t ret[HASH])
{
	uint8_t context[HPKE_ENCAPSULATED + HPKE_PUBLIC], dh[HASH] = {0}, prk[HASH] = {0};
	int rc = agree(key, other, dh);

	memcpy(context, encapsulated, HPKE_ENCAPSULATED);
	memcpy(context + HPKE_ENCAPSULATED, receiver, HPKE_PUBLIC);
	if (rc == 0)
		rc = extract(&kem_suite, "", 0, "eae_prk", dh, sizeof(dh), prk);
	if (rc == 0)
		rc = expand(&kem_suite, prk, "shared_secret", context, sizeof(context), ret, HASH);
	OPENSSL_cleanse(dh, sizeof(dh));
	OPENSSL_cleanse(prk, sizeof(prk));
	return rc;
}

/* `sealing`: the sender's, else the receiver's. */
static int make_cipher(const uint8_t key[KEY], bool sealing, EVP_CIPHER_CTX **ret_cipher)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

	if (!cipher ||
	    EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, NULL, sealing) != 1) {
		EVP_CIPHER_CTX_free(cipher);
		return SL_ECRYPTO;
	}
	*ret_cipher = cipher;
	return 0;
}

static int key_schedule(const uint8_t shared[HASH], const char *info, bool sealing,
                        struct hpke_context *ret)
{
	uint8_t context[CONTEXT] = {0}; /* mode base */
	uint8_t secret[HASH] = {0}, key[KEY] = {0};
	int rc = extract(&hpke_suite, "", 0, "psk_id_hash", "", 0, context + 1);

	if (rc == 0)
		rc = extract(&hpke_suite, "", 0, "info_hash", info, strlen(info),
		             context + 1 + HASH);
	if (rc == 0)
		rc = extract(&hpke_suite, shared, HASH, "secret", "", 0, secret);
	if (rc == 0)
		rc = expand(&hpke_suite, secret, "key", context, CONTEXT, key, sizeof(key));
	if (rc == 0)
		rc = expand(&hpke_suite, secret, "base_nonce", context, CONTEXT, ret->nonce,
		            sizeof(ret->nonce));
	if (rc == 0)
		rc = make_cipher(key, sealing, &ret->cipher);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

/* `key` is ours, the sender's or the receiver's; the two public parts are those of the message. */
static int make_schedule(EVP_PKEY *key, bool sealing, const uint8_t encapsulated[HPKE_ENCAPSULATED],
                         const uint8_t receiver[HPKE_PUBLIC], const char *info,
                         struct hpke_context *ret)
{
	uint8_t shared[HASH] = {0};
	int rc = strlen(info) > HPKE_INFO_MAX ? SL_EINVAL : 0;

	*ret = (struct hpke_context){.cipher = NULL};
	if (rc == 0)
		rc = shared_secret(key, sealing ? receiver : encapsulated, encapsulated, receiver,
		                   shared);
	if (rc == 0)
		rc = key_schedule(shared, info, sealing, ret);
	OPENSSL_cleanse(shared, sizeof(shared));
	return rc;
}

/* ---- section 5.2: AES-256-GCM ------------------------------------------------------------ */

static void nonce_of(const struct hpke_context *context, uint32_t number, uint8_t ret[NONCE])
{
	memcpy(ret, context->nonce, NONCE);
	for (unsigned i = 0; i < sizeof(number); i++)
		ret[NONCE - 1 - i] ^= (uint8_t)(number >> 8 * i);
}

static bool encrypt(const struct hpke_context *context, uint32_t number, const void *aad,
                    size_t aad_len, const void *plain, size_t len, uint8_t *ret_sealed)
{
	EVP_CIPHER_CTX *ctx = context->cipher;
	uint8_t nonce[NONCE];
	int n;

	nonce_of(context, number, nonce);
	return EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
	       (aad_len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1) &&
	       (len == 0 || EVP_EncryptUpdate(ctx, ret_sealed, &n, plain, (int)len) == 1) &&
	       EVP_EncryptFinal_ex(ctx, ret_sealed + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HPKE_TAG, ret_sealed + len) == 1;
}

static bool decrypt(const struct hpke_context *context, uint32_t number, const void *aad,
                    size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *ret_plain)
{
	EVP_CIPHER_CTX *ctx = context->cipher;
	uint8_t tag[HPKE_TAG], nonce[NONCE];
	int n;

	nonce_of(context, number, nonce);
	memcpy(tag, sealed + len, sizeof(tag));
	return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
	       (aad_len == 0 || EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1) &&
	       (len == 0 || EVP_DecryptUpdate(ctx, ret_plain, &n, sealed, (int)len) == 1) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, HPKE_TAG, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, tag, &n) == 1;
}

int hpke_context_seal(struct hpke_context *context, uint32_t number, const void *aad,
                      size_t aad_len, const void *plain, size_t len, uint8_t *ret_sealed)
{
	int rc = len > INT_MAX || aad_len > INT_MAX ? SL_EINVAL : 0;

	if (rc == 0 && !encrypt(context, number, aad, aad_len, plain, len, ret_sealed))
		rc = SL_ECRYPTO;
	ERR_clear_error();
	return rc;
}

int hpke_context_open(struct hpke_context *context, uint32_t number, const void *aad,
                      size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *ret_plain)
{
	int rc = 0;

	if (len < HPKE_TAG || len > INT_MAX || aad_len > INT_MAX)
		return SL_EINVAL;
	if (!decrypt(context, number, aad, aad_len, sealed, len - HPKE_TAG, ret_plain)) {
		OPENSSL_cleanse(ret_plain, len - HPKE_TAG);
		rc = SL_ECRYPTO;
	}
	ERR_clear_error();
	return rc;
}

void hpke_context_fini(struct hpke_context *context)
{
	EVP_CIPHER_CTX_free(context->cipher);
	OPENSSL_cleanse(context, sizeof(*context));
}

/* ---- all of it --------------------------------------------------------------------------- */

int hpke_key_make(EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");

	ERR_clear_error();
	if (!key)
		return SL_ECRYPTO;
	*ret_key = key;
	return 0;
}

int hpke_public(const EVP_PKEY *key, uint8_t ret_public[HPKE_PUBLIC])
{
	size_t len = HPKE_PUBLIC;
	bool ok = EVP_PKEY_is_a(key, "X25519") &&
	          EVP_PKEY_get_raw_public_key(key, ret_public, &len) == 1 && len == HPKE_PUBLIC;

	ERR_clear_error();
	return ok ? 0 : SL_ECRYPTO;
}

int hpke_send_from(EVP_PKEY *ephemeral, const uint8_t public[HPKE_PUBLIC], const char *info,
                   uint8_t ret_encapsulated[HPKE_ENCAPSULATED], struct hpke_context *ret_context)
{
	int rc = hpke_public(ephemeral, ret_encapsulated);

	if (rc == 0)
		rc = make_schedule(ephemeral, true, ret_encapsulated, public, info, ret_context);
	ERR_clear_error();
	return rc;
}

int hpke_send(const uint8_t public[HPKE_PUBLIC], const char *info,
              uint8_t ret_encapsulated[HPKE_ENCAPSULATED], struct hpke_context *ret_context)
{
	EVP_PKEY *ephemeral = NULL;
	int rc = hpke_key_make(&ephemeral);

	if (rc == 0)
		rc = hpke_send_from(ephemeral, public, info, ret_encapsulated, ret_context);
	EVP_PKEY_free(ephemeral);
	return rc;
}

int hpke_receive(EVP_PKEY *key, const char *info, const uint8_t encapsulated[HPKE_ENCAPSULATED],
                 struct hpke_context *ret_context)
{
	uint8_t receiver[HPKE_PUBLIC];
	int rc = hpke_public(key, receiver);

	if (rc == 0)
		rc = make_schedule(key, false, encapsulated, receiver, info, ret_context);
	ERR_clear_error();
	return rc;
}

int hpke_seal(const uint8_t public[HPKE_PUBLIC], const char *info, const void *aad, size_t aad_len,
              const void *plain, size_t len, uint8_t ret_encapsulated[HPKE_ENCAPSULATED],
              uint8_t *ret_sealed)
{
	struct hpke_context context = {.cipher = NULL};
	int rc = hpke_send(public, info, ret_encapsulated, &context);

	if (rc == 0)
		rc = hpke_context_seal(&context, 0, aad, aad_len, plain, len, ret_sealed);
	hpke_context_fini(&context);
	return rc;
}

int hpke_open(EVP_PKEY *key, const char *info, const void *aad, size_t aad_len,
              const uint8_t encapsulated[HPKE_ENCAPSULATED], const uint8_t *sealed, size_t len,
              uint8_t *ret_plain)
{
	struct hpke_context context = {.cipher = NULL};
	int rc = len < HPKE_TAG ? SL_EINVAL : hpke_receive(key, info, encapsulated, &context);

	if (rc == 0)
		rc = hpke_context_open(&context, 0, aad, aad_len, sealed, len, ret_plain);
	else if (len >= HPKE_TAG)
		OPENSSL_cleanse(ret_plain, len - HPKE_TAG);
	hpke_context_fini(&context);
	return rc;
}
