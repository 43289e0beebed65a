/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tied legs of client inspection (R27): the server leg offers what the client did, in its order,
 * less what the proxy forbids or the library has not; so a server never hears of anything weaker
 * or stronger than the client can do. Browsers of one kind offer the same, so the contexts that
 * come of it are few and kept. Worker's thread. docs/internals/client.md.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/wire/clienthello.h"
#include "tpsd/tls/context.h"

enum {
	TIE_SUITES_MAX = 64,  /* known ones of an offer; the registry has fewer that are worth it */
	TIE_GROUPS_MAX = 8,   /* rows of tie.def */
	TIE_SIGALGS_MAX = 24, /* the same */
	TIE_DIGEST_LEN = 32,
	TIE_CONTEXTS_MAX = 64, /* kept a proxy; a client that makes up offers pushes out its like */
};

/* What of a ClientHello the server leg repeats. */
struct tls_offer {
	uint32_t protocols;              /* CONFIG_BIT()s of enum config_tls_protocol */
	uint16_t suites[TIE_SUITES_MAX]; /* in the client's order, those of lib/conf's table */
	uint8_t suites_count;
	uint8_t groups[TIE_GROUPS_MAX], groups_count;    /* rows of tie.def, in order */
	uint8_t sigalgs[TIE_SIGALGS_MAX], sigalgs_count; /* the same */
	bool fallback;                                   /* TLS_FALLBACK_SCSV (RFC 7507) */
};

void tls_offer_read(const struct clienthello *hello, struct tls_offer *ret) SL_NONNULL(1, 2);

/* Whether the client takes an ECDSA P-256 certificate in a handshake of `version` (OpenSSL's
 * number) under this selection. */
bool tls_offer_takes_ecdsa(const struct tls_offer *offer, const struct tls_selection *selection,
                           int version) SL_NONNULL(1, 2);

struct tie_cache;

/* For the server legs of a proxy; `options` and its selection must outlive it. */
struct tie_cache *tie_cache_create(const struct tls_context_options *options) SL_NONNULL(1) SL_MUST;
void tie_cache_destroy(struct tie_cache *tc);

/*
 * The context for an offer: valid until the cache is destroyed or the caller's SSL is made of it
 * (which holds it). SL_EMISMATCH when offer and selection have nothing in common, SL_ECRYPTO.
 * `ret_digest` names the offer's part that counts: sessions are resumed under the same only.
 */
int tie_cache_get(struct tie_cache *tc, const struct tls_offer *offer, SSL_CTX **ret_ctx,
                  uint8_t ret_digest[TIE_DIGEST_LEN]) SL_NONNULL(1, 2, 3, 4) SL_MUST;
