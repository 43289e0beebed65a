/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider's frame. Its name comes before "default", because libcrypto 3.0 keeps its providers
 * sorted by name; with the order of loading that makes ours the first one. For P-256 it announces a
 * TLS group with the same number as the default provider's, and libssl takes the first of them. If
 * a later OpenSSL orders them otherwise, handshakes are as before: correct, and slower.
 */
#include "tpsd/tls/accel.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/tls/accel_priv.h"

#define ACCEL_NAME "accel"

enum { GROUP_SECP256R1 = 23 }; /* RFC 8446 section 4.2.7 */

static const OSSL_ALGORITHM kdfs[] = {
        {OSSL_KDF_NAME_TLS1_3_KDF, ACCEL_PROPERTIES, accel_kdf_tls13, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM keymgmts[] = {
        {ACCEL_P256, ACCEL_PROPERTIES, accel_keymgmt_p256, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM keyexchs[] = {
        {ACCEL_P256, ACCEL_PROPERTIES, accel_keyexch_p256, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM kems[] = {
        {ACCEL_P256, ACCEL_PROPERTIES, accel_kem_p256, NULL},
        {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KDF:
		return kdfs;
	case OSSL_OP_KEYMGMT:
		return keymgmts;
	case OSSL_OP_KEYEXCH:
		return keyexchs;
	case OSSL_OP_KEM:
		return kems;
	default:
		return NULL;
	}
}

/* As a KEM it costs TLS 1.3 two key objects less; up to TLS 1.2 libssl uses the key exchange. */
static int get_capabilities(void *provctx, const char *capability, OSSL_CALLBACK *callback,
                            void *arg)
{
	unsigned id = GROUP_SECP256R1, bits = 128, kem = 1;
	int least = TLS1_VERSION, most = 0, never = -1;
	char name[] = "secp256r1", inside[] = ACCEL_P256_GROUP, algorithm[] = ACCEL_P256;
	const OSSL_PARAM group[] = {
	        OSSL_PARAM_utf8_string(OSSL_CAPABILITY_TLS_GROUP_NAME, name, sizeof(name)),
	        OSSL_PARAM_utf8_string(OSSL_CAPABILITY_TLS_GROUP_NAME_INTERNAL, inside,
	                               sizeof(inside)),
	        OSSL_PARAM_utf8_string(OSSL_CAPABILITY_TLS_GROUP_ALG, algorithm, sizeof(algorithm)),
	        OSSL_PARAM_uint(OSSL_CAPABILITY_TLS_GROUP_ID, &id),
	        OSSL_PARAM_uint(OSSL_CAPABILITY_TLS_GROUP_SECURITY_BITS, &bits),
	        OSSL_PARAM_uint(OSSL_CAPABILITY_TLS_GROUP_IS_KEM, &kem),
	        OSSL_PARAM_int(OSSL_CAPABILITY_TLS_GROUP_MIN_TLS, &least),
	        OSSL_PARAM_int(OSSL_CAPABILITY_TLS_GROUP_MAX_TLS, &most),
	        OSSL_PARAM_int(OSSL_CAPABILITY_TLS_GROUP_MIN_DTLS, &never),
	        OSSL_PARAM_int(OSSL_CAPABILITY_TLS_GROUP_MAX_DTLS, &never),
	        OSSL_PARAM_END,
	};

	return strcmp(capability, "TLS-GROUP") == 0 ? callback(group, arg) : 1;
}

static void teardown(void *provctx)
{
	free(provctx);
}

static const OSSL_DISPATCH provider_functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities},
        {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
        {0, NULL},
};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx)
{
	*provctx = calloc(1, sizeof(struct accel));
	*out = provider_functions;
	return *provctx != NULL;
}

static void hash_fini(struct accel_hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	*h = (struct accel_hash){.md = NULL};
}

static int hash_init(struct accel_hash *h, const char *name)
{
	h->md = EVP_MD_fetch(NULL, name, NULL);
	h->ctx = EVP_MD_CTX_new();
	if (!h->md || !h->ctx || EVP_DigestInit_ex2(h->ctx, h->md, NULL) <= 0 ||
	    EVP_DigestFinal_ex(h->ctx, h->nothing, NULL) <= 0)
		return SL_ECRYPTO;
	h->len = (size_t)EVP_MD_get_size(h->md);
	h->block = (size_t)EVP_MD_get_block_size(h->md);
	return 0;
}

static void empty(struct accel *a)
{
	for (size_t i = 0; i < ACCEL_HASHES; i++)
		hash_fini(&a->hashes[i]);
	EC_GROUP_free(a->p256);
	BN_CTX_free(a->bn);
	a->p256 = NULL;
	a->bn = NULL;
}

OSSL_PROVIDER *accel_load(void)
{
	if (!OSSL_PROVIDER_add_builtin(NULL, ACCEL_NAME, provider_init))
		return NULL;
	return OSSL_PROVIDER_load(NULL, ACCEL_NAME);
}

int accel_start(OSSL_PROVIDER *accel)
{
	static const char *const names[ACCEL_HASHES] = {"SHA2-256", "SHA2-384"};
	struct accel *a = OSSL_PROVIDER_get0_provider_ctx(accel);
	int rc = 0;

	if (a->users++ > 0)
		return 0;
	for (size_t i = 0; rc == 0 && i < ACCEL_HASHES; i++)
		rc = hash_init(&a->hashes[i], names[i]);
	a->p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	a->bn = BN_CTX_new();
	if (rc == 0 && a->p256 && a->bn)
		return 0;
	a->users--;
	empty(a);
	return SL_ECRYPTO;
}

void accel_unload(OSSL_PROVIDER *accel)
{
	struct accel *a;

	if (!accel)
		return;
	/* Not left to the teardown: at the process's end the digests' provider is gone by then. */
	a = OSSL_PROVIDER_get0_provider_ctx(accel);
	if (a->users > 0 && --a->users == 0)
		empty(a);
	OSSL_PROVIDER_unload(accel);
}
