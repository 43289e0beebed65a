/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider's frame, its waiting, and its keys' creation. Signatures have names of their own
 * ("SLUICE-RSA"), so libcrypto finds ours at once instead of first trying to export the key to the
 * default provider; the key types must be called RSA and EC, which libssl looks for.
 */
#include "tpsd/tls/keyprov.h"

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/tls/accel.h"
#include "tpsd/tls/narrow.h"
#include "tpsd/tls/keyprov_priv.h"

static const OSSL_ALGORITHM keymgmts[] = {
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", KEYPROV_PROPERTIES, keyprov_keymgmt_rsa, NULL},
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", KEYPROV_PROPERTIES, keyprov_keymgmt_ec, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signatures[] = {
        {"SLUICE-RSA", KEYPROV_PROPERTIES, keyprov_signature_rsa, NULL},
        {"SLUICE-EC", KEYPROV_PROPERTIES, keyprov_signature_ec, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM ciphers[] = {
        {"SLUICE-RSA", KEYPROV_PROPERTIES, keyprov_cipher_rsa, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keymgmts;
	case OSSL_OP_SIGNATURE:
		return signatures;
	case OSSL_OP_ASYM_CIPHER:
		return ciphers;
	default:
		return NULL;
	}
}

static const OSSL_DISPATCH provider_functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation},
        {0, NULL},
};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx)
{
	*out = provider_functions;
	*provctx = (void *)handle; /* any value that is not NULL; nothing is kept there */
	return 1;
}

static int fetch_digests(struct keyprov *kp)
{
	/* The usual one first: each comparison is a look-up by name under a lock. */
	static const struct keyprov_digest table[KEYPROV_DIGESTS] = {
	        {"SHA2-256", IPC_SHA256, NULL},   {"SHA2-384", IPC_SHA384, NULL},
	        {"SHA2-512", IPC_SHA512, NULL},   {"SHA1", IPC_SHA1, NULL},
	        {"MD5-SHA1", IPC_MD5_SHA1, NULL}, {"SHA2-224", IPC_SHA224, NULL},
	};

	for (size_t i = 0; i < KEYPROV_DIGESTS; i++) {
		kp->digests[i] = table[i];
		kp->digests[i].md = EVP_MD_fetch(NULL, table[i].name, NULL);
		if (!kp->digests[i].md)
			return SL_ECRYPTO;
	}
	return 0;
}

const struct keyprov_digest *keyprov_find_digest(const struct keyprov *kp, const char *name)
{
	for (size_t i = 0; i < KEYPROV_DIGESTS; i++)
		if (EVP_MD_is_a(kp->digests[i].md, name))
			return &kp->digests[i];
	return NULL;
}

int keyprov_create(struct key_backend *backend, struct keyprov **ret_kp)
{
	struct keyprov *kp = calloc(1, sizeof(*kp));
	int rc = SL_ECRYPTO;

	if (!kp)
		return SL_ENOMEM;
	kp->backend = backend;
	kp->accel = accel_load();
	kp->defaults = narrow_load();
	if (!kp->accel || !kp->defaults || accel_start(kp->accel) != 0 ||
	    !OSSL_PROVIDER_add_builtin(NULL, "sluice", provider_init))
		goto failed;
	kp->own = OSSL_PROVIDER_load(NULL, "sluice");
	if (!kp->own)
		goto failed;
	rc = fetch_digests(kp);
	if (rc != 0)
		goto failed;
	*ret_kp = kp;
	return 0;
failed:
	keyprov_destroy(kp);
	return rc;
}

void keyprov_destroy(struct keyprov *kp)
{
	if (!kp)
		return;
	for (size_t i = 0; i < KEYPROV_DIGESTS; i++)
		EVP_MD_free(kp->digests[i].md);
	if (kp->own)
		OSSL_PROVIDER_unload(kp->own);
	accel_unload(kp->accel);
	if (kp->defaults)
		OSSL_PROVIDER_unload(kp->defaults);
	free(kp);
}

/* The public parameters of `public`, plus who keeps the private half. */
static OSSL_PARAM *key_params(struct keyprov *kp, EVP_PKEY *public, const uint8_t *id,
                              OSSL_PARAM **ret_public)
{
	OSSL_PARAM own[3] = {
	        OSSL_PARAM_construct_octet_string(KEYPROV_PARAM_ID, (void *)id, KEY_ID_LEN),
	        OSSL_PARAM_construct_octet_string(KEYPROV_PARAM_OWNER, &kp, sizeof(kp)),
	        OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM *merged = NULL;
	OSSL_PARAM *copy;

	if (!EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, ret_public))
		return NULL;
	copy = OSSL_PARAM_dup(own);
	if (copy)
		merged = OSSL_PARAM_merge(*ret_public, copy);
	if (merged) {
		OSSL_PARAM *out = OSSL_PARAM_dup(merged);

		OSSL_PARAM_free(merged);
		merged = out;
	}
	OSSL_PARAM_free(copy);
	return merged;
}

int keyprov_make_key(struct keyprov *kp, EVP_PKEY *public, const uint8_t id[KEY_ID_LEN],
                     EVP_PKEY **ret_key)
{
	const char *type = EVP_PKEY_is_a(public, "RSA")  ? "RSA"
	                   : EVP_PKEY_is_a(public, "EC") ? "EC"
	                                                 : NULL;
	OSSL_PARAM *params, *public_params = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;

	if (!type)
		return SL_EUNSUPPORTED;
	params = key_params(kp, public, id, &public_params);
	if (params)
		ctx = EVP_PKEY_CTX_new_from_name(NULL, type, KEYPROV_PROPERTIES);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_free(public_params);
	if (!key)
		return SL_ECRYPTO;
	*ret_key = key;
	return 0;
}

void keyprov_enter(struct keyprov *kp, struct keyprov_wait *wait)
{
	kp->current = wait;
}

void keyprov_leave(struct keyprov *kp)
{
	kp->current = NULL;
}

static void answer_came(struct key_request *req, int status, const uint8_t *data, size_t len)
{
	struct keyprov_wait *wait = req->arg;

	wait->status = len <= sizeof(wait->data) ? status : SL_ERANGE;
	if (wait->status == 0) {
		memcpy(wait->data, data, len);
		wait->len = len;
	}
	wait->done = true;
	wait->wake(wait->arg);
}

struct keyprov_wait *keyprov_run(const struct provkey *key, const struct key_request *req)
{
	struct keyprov *kp = key->owner;
	struct keyprov_wait *wait = kp ? kp->current : NULL;

	/* Outside of a job nobody could wait: such a call is a fault, not a reason to block. */
	if (!wait || wait->busy || !ASYNC_get_current_job())
		return NULL;
	wait->req = *req;
	memcpy(wait->req.key, key->id, KEY_ID_LEN);
	wait->req.done = answer_came;
	wait->req.arg = wait;
	wait->done = false;
	wait->status = key_submit(kp->backend, &wait->req);
	if (wait->status != 0)
		return NULL;
	wait->busy = true;
	while (!wait->done)
		if (!ASYNC_pause_job())
			break;
	wait->busy = false;
	return wait->done && wait->status == 0 ? wait : NULL;
}

void keyprov_cancel(struct keyprov *kp, struct keyprov_wait *wait)
{
	if (!wait->busy || wait->done)
		return;
	key_cancel(kp->backend, &wait->req);
	wait->status = SL_ECLOSED;
	wait->done = true;
}
