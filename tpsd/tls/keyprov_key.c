/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider's key objects (KEYMGMT). Everything public is answered by a key of the default
 * provider that each holds; the private half cannot be exported, because it is not here.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "tpsd/tls/keyprov_priv.h"

static void *key_new(void *provctx)
{
	return calloc(1, sizeof(struct provkey));
}

static void key_free(void *keydata)
{
	struct provkey *key = keydata;

	if (key)
		EVP_PKEY_free(key->public);
	free(key);
}

static int key_has(const void *keydata, int selection)
{
	const struct provkey *key = keydata;

	if (!key || !key->public)
		return 0;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) ? key->owner != NULL : 1;
}

/* Ours have no private numbers to compare: equal public halves are equal keys. */
static int key_match(const void *a, const void *b, int selection)
{
	const struct provkey *ka = a, *kb = b;

	return ka->public && kb->public && EVP_PKEY_eq(ka->public, kb->public) == 1;
}

static EVP_PKEY *public_from(const char *type, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, "provider=default");
	EVP_PKEY *pkey = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0)
		(void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static int import_as(const char *type, struct provkey *key, const OSSL_PARAM params[])
{
	const OSSL_PARAM *id = OSSL_PARAM_locate_const(params, KEYPROV_PARAM_ID);
	const OSSL_PARAM *owner = OSSL_PARAM_locate_const(params, KEYPROV_PARAM_OWNER);

	if (key->public)
		return 0;
	key->public = public_from(type, params);
	if (!key->public)
		return 0;
	if (!id || !owner)
		return 1;
	if (id->data_size != KEY_ID_LEN || owner->data_size != sizeof(key->owner))
		return 0;
	memcpy(key->id, id->data, KEY_ID_LEN);
	memcpy(&key->owner, owner->data, sizeof(key->owner));
	return 1;
}

static int import_rsa(void *keydata, int selection, const OSSL_PARAM params[])
{
	return import_as("RSA", keydata, params);
}

static int import_ec(void *keydata, int selection, const OSSL_PARAM params[])
{
	return import_as("EC", keydata, params);
}

/* libcrypto asks for all of a key when it tries another provider: that must fail, so that it comes
 * back to us. */
static int key_export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
	const struct provkey *key = keydata;

	if (!key->public || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		return 0;
	return EVP_PKEY_export(key->public, selection, callback, arg);
}

static const OSSL_PARAM *key_types(int selection)
{
	static const OSSL_PARAM types[] = {
	        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
	        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
	        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
	        OSSL_PARAM_octet_string(KEYPROV_PARAM_ID, NULL, 0),
	        OSSL_PARAM_octet_string(KEYPROV_PARAM_OWNER, NULL, 0),
	        OSSL_PARAM_END,
	};

	return types;
}

static int key_get_params(void *keydata, OSSL_PARAM params[])
{
	const struct provkey *key = keydata;

	return key->public ? EVP_PKEY_get_params(key->public, params) : 0;
}

static const OSSL_PARAM *key_gettable_params(void *provctx)
{
	static const OSSL_PARAM gettable[] = {
	        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
	        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
	        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
	        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
	        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
	        OSSL_PARAM_END,
	};

	return gettable;
}

static const char *operation_rsa(int operation)
{
	return operation == OSSL_OP_SIGNATURE || operation == OSSL_OP_ASYM_CIPHER ? "SLUICE-RSA"
	                                                                          : NULL;
}

static const char *operation_ec(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "SLUICE-EC" : NULL;
}

#define KEYMGMT(type)                                                                              \
	const OSSL_DISPATCH keyprov_keymgmt_##type[] = {                                           \
	        {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))key_new},                                  \
	        {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))key_free},                                \
	        {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))key_has},                                  \
	        {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))key_match},                              \
	        {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_##type},                         \
	        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))key_types},                       \
	        {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))key_export},                            \
	        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))key_types},                       \
	        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))key_get_params},                    \
	        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))key_gettable_params},          \
	        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))operation_##type},        \
	        {0, NULL},                                                                         \
	}

KEYMGMT(rsa);
KEYMGMT(ec);
