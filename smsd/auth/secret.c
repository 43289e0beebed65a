/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of sessions and tokens: 256 random bits, so their hash needs neither salt nor cost. */
#include "smsd/auth/auth_priv.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"

_Static_assert(SECRET_CHARS == BASE64URL_CHARS(SECRET_BYTES), "base64 without its padding");

int secret_make(const char *prefix, char ret_text[AUTH_SECRET_MAX])
{
	uint8_t bytes[SECRET_BYTES];
	size_t used = strlen(prefix);

	if (RAND_priv_bytes(bytes, SECRET_BYTES) != 1) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	memcpy(ret_text, prefix, used);
	(void)base64url_encode(bytes, sizeof(bytes), ret_text + used);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int secret_digest(const char *prefix, const char *text, uint8_t ret_digest[SECRET_DIGEST_SIZE])
{
	size_t used = strlen(prefix);
	size_t len = strnlen(text, AUTH_SECRET_MAX);
	uint8_t bytes[SECRET_BYTES];

	if (len < used || memcmp(text, prefix, used) != 0 ||
	    base64url_decode(text + used, len - used, bytes, sizeof(bytes)) != 0)
		return SL_EPERM;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (EVP_Digest(text, len, ret_digest, NULL, EVP_sha256(), NULL) != 1) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	return 0;
}
