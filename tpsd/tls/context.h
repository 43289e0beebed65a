/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSL_CTXs: one for the server legs of a proxy, one for the client legs of each identity (the one
 * or two certificates that a name gets). Made once and shared, since a context costs more than a
 * resumed handshake. Worker's thread. Both expect SSL_get_app_data() to be a struct tls_leg.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "tpsd/tls/keyhandle.h"
#include "tpsd/tls/suite.h"

struct keyprov;

enum { TLS_CERTIFICATE_SERIAL_MAX = 64 };

/* A configured certificate's public half, shared by all proxies that name it. */
struct tls_certificate {
	const char *name;
	X509 *leaf;
	STACK_OF(X509) * chain; /* intermediates; may be NULL */
	EVP_PKEY *key;          /* of keyprov: its private half is in `keys` */
	uint8_t key_id[KEY_ID_LEN];
	bool ecdsa;                              /* else RSA */
	char serial[TLS_CERTIFICATE_SERIAL_MAX]; /* hexadecimal */
};

/*
 * Fills *ret; takes references of `leaf` and of `chain` (intermediates, may be NULL), keeps `name`.
 * SL_EUNSUPPORTED (key type), SL_ECRYPTO. Free with tls_certificate_fini.
 */
int tls_certificate_init(struct tls_certificate *ret, struct keyprov *kp, const char *name,
                         X509 *leaf, STACK_OF(X509) * chain) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* The same with a key that keyprov_make_key made before (a reference is taken): one key for many
 * certificates. `id` is its id. Cannot fail. */
void tls_certificate_init_shared(struct tls_certificate *ret, const char *name, X509 *leaf,
                                 STACK_OF(X509) * chain, EVP_PKEY *key,
                                 const uint8_t id[KEY_ID_LEN]) SL_NONNULL(1, 2, 3, 5, 6);
void tls_certificate_fini(struct tls_certificate *c) SL_NONNULL(1);

struct tls_context_options {
	const struct tls_selection *selection;
	bool encrypt_then_mac;
	bool renegotiation; /* server leg: the server may ask (R121) */
	bool resumption;
	uint32_t lifetime_s; /* of tickets and cached sessions */
};

/* For client legs: the box is the TLS server. `certs` are one or two of different key types, or
 * none (NULL, 0) where each leg gets its own (tls_leg_use_leaf). */
int tls_context_create_client_side(const struct tls_context_options *options,
                                   const struct tls_certificate *const *certs, size_t count,
                                   SSL_CTX **ret_ctx) SL_NONNULL(1, 4) SL_MUST;

/* For server legs: the box is the TLS client. Verification is the session's step, not OpenSSL's. */
int tls_context_create_server_side(const struct tls_context_options *options, SSL_CTX **ret_ctx)
        SL_NONNULL(1, 2) SL_MUST;
