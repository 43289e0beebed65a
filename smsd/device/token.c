/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of enrolment: 256 random bits, of which the store has the SHA-256. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/device/device_priv.h"

int device_token_make(const uint8_t pin[REMOTE_PIN], struct remote_token *ret_token)
{
	if (RAND_bytes(ret_token->id, sizeof(ret_token->id)) != 1 ||
	    RAND_priv_bytes(ret_token->secret, sizeof(ret_token->secret)) != 1) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	memcpy(ret_token->pin, pin, REMOTE_PIN);
	return 0;
}

int device_secret_digest(const struct remote_token *token, uint8_t ret_digest[DEVICE_DIGEST])
{
	if (EVP_Digest(token->secret, sizeof(token->secret), ret_digest, NULL, EVP_sha256(),
	               NULL) == 1)
		return 0;
	ERR_clear_error();
	return SL_ECRYPTO;
}

int device_token_put(struct store_tx *tx, int64_t device, const struct remote_token *token,
                     int64_t ends_ms)
{
	uint8_t digest[DEVICE_DIGEST] = {0};
	const struct store_value values[] = {
	        store_blob(token->id, sizeof(token->id)), store_integer(device),
	        store_blob(digest, sizeof(digest)), store_integer(ends_ms)};
	int rc = device_secret_digest(token, digest);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_TOKENS_DROP, &values[1], 1, NULL, NULL);
	return rc ? rc
	          : store_tx_run(tx, STORE_DEVICE_TOKEN_ADD, values, SL_ARRAY_LEN(values), NULL,
	                         NULL);
}
