/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of sessions and tokens: 256 random bits, so their hash needs neither salt nor cost. */
#include "smsd/auth/auth_priv.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"

/* RFC 4648, section 5. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

_Static_assert(SECRET_CHARS == (SECRET_BYTES * 8 + 5) / 6, "base64 without its padding");

/* Six bits a character, from a buffer that ends with a zero byte for the last one's missing bits.
 */
static void write_base64url(const uint8_t bytes[SECRET_BYTES + 1], char *text)
{
	for (size_t i = 0; i < SECRET_CHARS; i++) {
		size_t bit = 6 * i, shift = 16 - 6 - bit % 8;
		unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

		text[i] = alphabet[pair >> shift & 0x3f];
	}
	text[SECRET_CHARS] = '\0';
}

int secret_make(const char *prefix, char ret_text[AUTH_SECRET_MAX])
{
	uint8_t bytes[SECRET_BYTES + 1] = {0};
	size_t used = strlen(prefix);

	if (RAND_priv_bytes(bytes, SECRET_BYTES) != 1) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	memcpy(ret_text, prefix, used);
	write_base64url(bytes, ret_text + used);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int secret_digest(const char *prefix, const char *text, uint8_t ret_digest[SECRET_DIGEST_SIZE])
{
	size_t used = strlen(prefix);
	size_t len = strnlen(text, AUTH_SECRET_MAX);

	if (len != used + SECRET_CHARS || memcmp(text, prefix, used) != 0 ||
	    strspn(text + used, alphabet) != SECRET_CHARS)
		return SL_EPERM;
	if (EVP_Digest(text, len, ret_digest, NULL, EVP_sha256(), NULL) != 1) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	return 0;
}
