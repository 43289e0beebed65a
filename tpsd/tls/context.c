/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/context.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/tls/keyprov.h"
#include "tpsd/tls/keystore.h"
#include "tpsd/tls/tls_leg.h"

enum {
	READ_BUFFER_LEN = 64 * 1024,
	/* Bytes of a server's Certificate message: one with 10,000 names, which verification then
	 * refuses by its name. libssl's own bound is 100 KiB. */
	CERT_LIST_MAX = 512 * 1024,
};

static void write_serial(const X509 *leaf, char *out, size_t size)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
	char *hex = bn ? BN_bn2hex(bn) : NULL;

	(void)snprintf(out, size, "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(bn);
}

void tls_certificate_init_shared(struct tls_certificate *ret, const char *name, X509 *leaf,
                                 STACK_OF(X509) * chain, EVP_PKEY *key,
                                 const uint8_t id[KEY_ID_LEN])
{
	*ret = (struct tls_certificate){.name = name, .leaf = leaf, .key = key};
	X509_up_ref(leaf);
	EVP_PKEY_up_ref(key);
	ret->chain = chain ? X509_chain_up_ref(chain) : NULL;
	memcpy(ret->key_id, id, KEY_ID_LEN);
	ret->ecdsa = EVP_PKEY_is_a(key, "EC");
	write_serial(leaf, ret->serial, sizeof(ret->serial));
}

int tls_certificate_init(struct tls_certificate *ret, struct keyprov *kp, const char *name,
                         X509 *leaf, STACK_OF(X509) * chain)
{
	EVP_PKEY *public = X509_get0_pubkey(leaf);
	uint8_t id[KEY_ID_LEN];
	EVP_PKEY *key = NULL;
	int rc = public ? keystore_key_id(public, id) : SL_EUNSUPPORTED;

	if (rc == 0)
		rc = keyprov_make_key(kp, public, id, &key);
	if (rc != 0) {
		ERR_clear_error();
		return rc;
	}
	tls_certificate_init_shared(ret, name, leaf, chain, key, id);
	EVP_PKEY_free(key);
	return 0;
}

void tls_certificate_fini(struct tls_certificate *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	c->leaf = NULL;
	c->chain = NULL;
	c->key = NULL;
}

static int set_selection(SSL_CTX *ctx, const struct tls_selection *sel)
{
	/* Level 0 is what lets TLS 1.0 and 1.1 run at all in OpenSSL 3; level 1 leaves SHA-1
	 * signatures and keys below 1024 bits out. What may be negotiated is in the selection. */
	SSL_CTX_set_security_level(ctx, sel->min_version < TLS1_2_VERSION ? 0 : 1);
	if (!SSL_CTX_set_min_proto_version(ctx, sel->min_version) ||
	    !SSL_CTX_set_max_proto_version(ctx, sel->max_version))
		return SL_EUNSUPPORTED;
	if (!SSL_CTX_set_ciphersuites(ctx, sel->list13))
		return SL_EUNSUPPORTED;
	/* An empty list is an error to OpenSSL; with TLS 1.3 alone the default one is never used.
	 */
	if (sel->list[0] && !SSL_CTX_set_cipher_list(ctx, sel->list))
		return SL_EUNSUPPORTED;
	return 0;
}

static SSL_CTX *new_context(const SSL_METHOD *method, const struct tls_context_options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	/* Without it OpenSSL breaks a connection whose peer ended with a FIN alone, and the other
	 * direction could not go on; the leg tells the two ends apart by the alert it saw. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (!o->encrypt_then_mac)
		SSL_CTX_set_options(ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
	if (!o->renegotiation)
		SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	if (!o->resumption)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Several records a system call; the buffer is given back as soon as it is empty. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER_LEN);
	SSL_CTX_set_timeout(ctx, o->lifetime_s);
	if (set_selection(ctx, o->selection) != 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int use_certificates(SSL_CTX *ctx, const struct tls_certificate *const *certs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (SSL_CTX_use_cert_and_key(ctx, certs[i]->leaf, certs[i]->key, certs[i]->chain,
		                             1) <= 0)
			return SL_ECRYPTO;
	return 0;
}

int tls_context_create_client_side(const struct tls_context_options *options,
                                   const struct tls_certificate *const *certs, size_t count,
                                   SSL_CTX **ret_ctx)
{
	SSL_CTX *ctx = new_context(TLS_server_method(), options);
	int rc = SL_ECRYPTO;

	if (ctx)
		rc = use_certificates(ctx, certs, count);
	if (rc != 0) {
		SSL_CTX_free(ctx);
		ERR_clear_error();
		return rc;
	}
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, options->resumption ? 1 : 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
	tls_leg_hook_client_side(ctx);
	*ret_ctx = ctx;
	return 0;
}

/* The session judges the chain (VERIFY); libssl would look for a path in an empty store as well. */
static int leave_to_session(X509_STORE_CTX *chain, void *arg)
{
	return 1;
}

int tls_context_create_server_side(const struct tls_context_options *options, SSL_CTX **ret_ctx)
{
	SSL_CTX *ctx = new_context(TLS_client_method(), options);

	if (!ctx) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, leave_to_session, NULL);
	SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX);
	if (options->resumption)
		SSL_CTX_set_session_cache_mode(ctx,
		                               SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	else
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	tls_leg_hook_server_side(ctx);
	*ret_ctx = ctx;
	return 0;
}
