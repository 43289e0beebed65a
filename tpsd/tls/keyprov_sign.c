/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider's SIGNATURE operations, as libssl uses them: digest_sign with PKCS#1 v1.5, PSS with
 * a salt as long as the digest, or ECDSA. The digest is made here, the signature in `keys`.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "tpsd/tls/keyprov_priv.h"

struct signctx {
	struct provkey *key;
	enum ipc_algorithm algorithm;
	const struct keyprov_digest *digest;
	EVP_MD_CTX *md;
};

static void *sign_newctx(void *provctx, const char *propq)
{
	return calloc(1, sizeof(struct signctx));
}

static void sign_freectx(void *arg)
{
	struct signctx *ctx = arg;

	if (ctx)
		EVP_MD_CTX_free(ctx->md);
	free(ctx);
}

static int get_int(const OSSL_PARAM *p, const char *word, int value, int *ret)
{
	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(p, ret);
	if (!p->data || strcmp(p->data, word) != 0)
		return 0;
	*ret = value;
	return 1;
}

static int set_padding(struct signctx *ctx, const OSSL_PARAM *p)
{
	int pad = 0;

	if (p->data_type == OSSL_PARAM_UTF8_STRING && p->data && strcmp(p->data, "pkcs1") == 0)
		pad = RSA_PKCS1_PADDING;
	else if (!get_int(p, OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING, &pad))
		return 0;
	if (pad != RSA_PKCS1_PADDING && pad != RSA_PKCS1_PSS_PADDING)
		return 0;
	ctx->algorithm = pad == RSA_PKCS1_PADDING ? IPC_SIGN_RSA_PKCS1 : IPC_SIGN_RSA_PSS;
	return 1;
}

static int sign_set_ctx_params(void *arg, const OSSL_PARAM params[])
{
	struct signctx *ctx = arg;
	const OSSL_PARAM *p;
	int salt;

	if (!params || !ctx->digest)
		return params == NULL;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p && (ctx->algorithm == IPC_SIGN_ECDSA || !set_padding(ctx, p)))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (!p)
		return 1;
	if (!get_int(p, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST, &salt))
		return 0;
	return salt == RSA_PSS_SALTLEN_DIGEST || salt == EVP_MD_get_size(ctx->digest->md);
}

static const OSSL_PARAM *sign_settable(void *arg, void *provctx)
{
	static const OSSL_PARAM settable[] = {
	        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	        OSSL_PARAM_END,
	};

	return settable;
}

static int init_with(struct signctx *ctx, enum ipc_algorithm algorithm, const char *mdname,
                     struct provkey *key, const OSSL_PARAM params[])
{
	if (!key || !key->owner)
		return 0;
	ctx->key = key;
	ctx->algorithm = algorithm;
	ctx->digest = mdname && *mdname ? keyprov_find_digest(key->owner, mdname) : NULL;
	if (!ctx->digest)
		return 0;
	if (!ctx->md)
		ctx->md = EVP_MD_CTX_new();
	if (!ctx->md || EVP_DigestInit_ex2(ctx->md, ctx->digest->md, NULL) <= 0)
		return 0;
	return sign_set_ctx_params(ctx, params);
}

static int rsa_sign_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
	return init_with(ctx, IPC_SIGN_RSA_PKCS1, mdname, key, params);
}

static int ec_sign_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
	return init_with(ctx, IPC_SIGN_ECDSA, mdname, key, params);
}

static int sign_update(void *arg, const unsigned char *data, size_t len)
{
	struct signctx *ctx = arg;

	return EVP_DigestUpdate(ctx->md, data, len);
}

static int sign_final(void *arg, unsigned char *sig, size_t *siglen, size_t sigsize)
{
	struct signctx *ctx = arg;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	struct key_request req = {.operation = KEY_SIGN, .input = digest};
	struct keyprov_wait *wait;

	if (!sig) {
		*siglen = (size_t)EVP_PKEY_get_size(ctx->key->public);
		return 1;
	}
	if (EVP_DigestFinal_ex(ctx->md, digest, &digest_len) <= 0)
		return 0;
	req.algorithm = (uint16_t)(ctx->algorithm | ctx->digest->id << 8);
	req.input_len = digest_len;
	wait = keyprov_run(ctx->key, &req);
	if (!wait || wait->len > sigsize)
		return 0;
	memcpy(sig, wait->data, wait->len);
	*siglen = wait->len;
	return 1;
}

static int sign_once(void *ctx, unsigned char *sig, size_t *siglen, size_t sigsize,
                     const unsigned char *tbs, size_t tbslen)
{
	if (sig && !sign_update(ctx, tbs, tbslen))
		return 0;
	return sign_final(ctx, sig, siglen, sigsize);
}

#define SIGNATURE(type)                                                                            \
	const OSSL_DISPATCH keyprov_signature_##type[] = {                                         \
	        {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))sign_newctx},                         \
	        {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))sign_freectx},                       \
	        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))type##_sign_init},          \
	        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))sign_update},             \
	        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))sign_final},               \
	        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))sign_once},                      \
	        {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))sign_set_ctx_params},         \
	        {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))sign_settable},          \
	        {0, NULL},                                                                         \
	}

SIGNATURE(rsa);
SIGNATURE(ec);
