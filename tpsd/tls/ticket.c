/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/ticket.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/base/err.h"

int ticket_keys_add(struct ticket_keys *tk, uint32_t generation, const uint8_t *secret, size_t len)
{
	struct ticket_key *k = &tk->keys[0];

	if (len != TICKET_SECRET_LEN)
		return SL_ERANGE;
	if (generation <= k->generation)
		return 0;
	memmove(&tk->keys[1], k, sizeof(*k) * (TICKET_KEYS_MAX - 1));
	k->generation = generation;
	memcpy(k->name, secret, 16);
	memcpy(k->cipher_key, secret + 16, 32);
	memcpy(k->mac_key, secret + 48, 32);
	return 0;
}

void ticket_keys_fini(struct ticket_keys *tk)
{
	OPENSSL_cleanse(tk, sizeof(*tk));
}

static int find_name(const struct ticket_keys *tk, const unsigned char *name)
{
	for (int i = 0; i < TICKET_KEYS_MAX; i++)
		if (tk->keys[i].generation && memcmp(tk->keys[i].name, name, 16) == 0)
			return i;
	return -1;
}

int ticket_keys_apply(const struct ticket_keys *tk, unsigned char name[16], unsigned char *iv,
                      EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	int i = encrypt ? 0 : find_name(tk, name);
	const struct ticket_key *k;
	char digest[] = "SHA256";
	OSSL_PARAM params[3];

	if (i < 0 || !tk->keys[i].generation)
		return 0;
	k = &tk->keys[i];
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac_key, 32);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (encrypt) {
		memcpy(name, k->name, 16);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) <= 0)
			return -1;
	}
	if (!EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher_key, iv, encrypt) ||
	    !EVP_MAC_CTX_set_params(mac, params))
		return -1;
	return i == 0 ? 1 : 2;
}
