/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider's ASYM_CIPHER: TLS_RSA's premaster secret, and nothing else. `keys` checks padding
 * and version in constant time and answers 48 bytes in any case, so neither this process nor who
 * breaks into it gets an oracle.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "tpsd/tls/keyprov_priv.h"

struct decryptctx {
	struct provkey *key;
	bool tls_padding;
	unsigned client_version;
};

static void *decrypt_newctx(void *provctx)
{
	return calloc(1, sizeof(struct decryptctx));
}

static void decrypt_freectx(void *ctx)
{
	free(ctx);
}

static int decrypt_set_ctx_params(void *arg, const OSSL_PARAM params[])
{
	struct decryptctx *ctx = arg;
	const OSSL_PARAM *p;
	int pad;

	if (!params)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
	if (p) {
		if (!OSSL_PARAM_get_int(p, &pad))
			return 0;
		ctx->tls_padding = pad == RSA_PKCS1_WITH_TLS_PADDING;
	}
	p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
	return p ? OSSL_PARAM_get_uint(p, &ctx->client_version) : 1;
}

static const OSSL_PARAM *decrypt_settable(void *arg, void *provctx)
{
	static const OSSL_PARAM settable[] = {
	        OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL),
	        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
	        OSSL_PARAM_END,
	};

	return settable;
}

static int decrypt_init(void *arg, void *keydata, const OSSL_PARAM params[])
{
	struct decryptctx *ctx = arg;

	ctx->key = keydata;
	return ctx->key && ctx->key->owner && decrypt_set_ctx_params(ctx, params);
}

static int decrypt(void *arg, unsigned char *out, size_t *outlen, size_t outsize,
                   const unsigned char *in, size_t inlen)
{
	struct decryptctx *ctx = arg;
	struct key_request req = {
	        .operation = KEY_TLS_RSA_DECRYPT, .input = in, .input_len = inlen};
	struct keyprov_wait *wait;

	if (!ctx->tls_padding)
		return 0;
	if (!out) {
		*outlen = KEY_PREMASTER_LEN;
		return 1;
	}
	if (outsize < KEY_PREMASTER_LEN)
		return 0;
	req.client_version = (uint16_t)ctx->client_version;
	wait = keyprov_run(ctx->key, &req);
	if (!wait || wait->len != KEY_PREMASTER_LEN)
		return 0;
	memcpy(out, wait->data, KEY_PREMASTER_LEN);
	OPENSSL_cleanse(wait->data, sizeof(wait->data));
	*outlen = KEY_PREMASTER_LEN;
	return 1;
}

const OSSL_DISPATCH keyprov_cipher_rsa[] = {
        {OSSL_FUNC_ASYM_CIPHER_NEWCTX, (void (*)(void))decrypt_newctx},
        {OSSL_FUNC_ASYM_CIPHER_FREECTX, (void (*)(void))decrypt_freectx},
        {OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (void (*)(void))decrypt_init},
        {OSSL_FUNC_ASYM_CIPHER_DECRYPT, (void (*)(void))decrypt},
        {OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (void (*)(void))decrypt_set_ctx_params},
        {OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))decrypt_settable},
        {0, NULL},
};
