/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM with a random nonce: 2^32 seals by one key are its limit, the SMS has 100,000
 * objects. */
#include "smsd/vault/vault_priv.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/err.h"

enum { VERSION = 1, NONCE_SIZE = 12, TAG_SIZE = 16, HEAD_SIZE = 1 + NONCE_SIZE };

_Static_assert(HEAD_SIZE + TAG_SIZE == VAULT_SEAL_EXTRA, "vault_priv.h says what is sealed");

static bool encrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, const void *context,
                    size_t context_len, const uint8_t *plain, size_t len, uint8_t *sealed)
{
	uint8_t *body = sealed + HEAD_SIZE;
	int n;

	return EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, sealed + 1) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, context, (int)context_len) == 1 &&
	       EVP_EncryptUpdate(ctx, body, &n, plain, (int)len) == 1 && n == (int)len &&
	       EVP_EncryptFinal_ex(ctx, body + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, body + len) == 1;
}

int seal_bytes(const uint8_t key[VAULT_KEY_SIZE], const void *context, size_t context_len,
               const uint8_t *plain, size_t len, uint8_t *ret_sealed)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok;

	ret_sealed[0] = VERSION;
	ok = ctx && len > 0 && len <= VAULT_SEALED_MAX - VAULT_SEAL_EXTRA &&
	     RAND_bytes(ret_sealed + 1, NONCE_SIZE) == 1 &&
	     encrypt(ctx, key, context, context_len, plain, len, ret_sealed);
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return ok ? 0 : SL_ECRYPTO;
}

int seal_opener_make(const uint8_t key[VAULT_KEY_SIZE], struct seal_opener *ret_opener)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

	if (!cipher || EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, NULL) != 1) {
		EVP_CIPHER_CTX_free(cipher);
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	ret_opener->cipher = cipher;
	return 0;
}

void seal_opener_fini(struct seal_opener *opener)
{
	EVP_CIPHER_CTX_free(opener->cipher);
	opener->cipher = NULL;
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const void *context, size_t context_len,
                    const uint8_t *sealed, size_t len, uint8_t *plain)
{
	const uint8_t *body = sealed + HEAD_SIZE;
	uint8_t tag[TAG_SIZE];
	int n;

	memcpy(tag, body + len, sizeof(tag));
	return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, sealed + 1) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, context, (int)context_len) == 1 &&
	       EVP_DecryptUpdate(ctx, plain, &n, body, (int)len) == 1 && n == (int)len &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, plain + len, &n) == 1;
}

int seal_opener_open(struct seal_opener *opener, const void *context, size_t context_len,
                     const uint8_t *sealed, size_t len, uint8_t *ret_plain)
{
	bool ok;

	if (len <= VAULT_SEAL_EXTRA || len > VAULT_SEALED_MAX || sealed[0] != VERSION)
		return SL_ECRYPTO;
	len -= VAULT_SEAL_EXTRA;
	ok = decrypt(opener->cipher, context, context_len, sealed, len, ret_plain);
	/* GCM gives the plaintext before it has looked at the tag. */
	if (!ok)
		OPENSSL_cleanse(ret_plain, len);
	ERR_clear_error();
	return ok ? 0 : SL_ECRYPTO;
}

int seal_open(const uint8_t key[VAULT_KEY_SIZE], const void *context, size_t context_len,
              const uint8_t *sealed, size_t len, uint8_t *ret_plain)
{
	struct seal_opener opener;
	int rc = seal_opener_make(key, &opener);

	if (rc != 0)
		return rc;
	rc = seal_opener_open(&opener, context, context_len, sealed, len, ret_plain);
	seal_opener_fini(&opener);
	return rc;
}
