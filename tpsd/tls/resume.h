/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions with servers, kept for resumption: by a digest of destination, port, SNI, ALPN, offer
 * and trust setting (so never across proxies that differ), each with what verification found in its
 * full handshake. Bounded; the least recently used goes first. Worker's thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { RESUME_KEY_LEN = 32 };

/* What VERIFY found out about a server; kept because a resumed handshake shows no certificate. */
struct tls_verified {
	bool key_matches;   /* the leaf's key is one of the proxy's */
	bool chain_trusted; /* it chains to server_trust */
	bool expired;       /* … or is not valid yet */
	uint8_t key_id[32]; /* of the leaf */
	/* Of client inspection: */
	uint8_t fault;     /* enum pki_fault of the chain */
	uint8_t print[32]; /* of the chain */
};

struct resume_cache;

/* `max` sessions, 0: none are kept. NULL: no memory. */
struct resume_cache *resume_create(uint32_t max) SL_MUST;
void resume_destroy(struct resume_cache *cache);

/* A session that may still be resumed, with one reference for the caller; NULL: none. */
SSL_SESSION *resume_get(struct resume_cache *cache, const uint8_t key[RESUME_KEY_LEN],
                        struct tls_verified *ret_verified) SL_NONNULL(1, 2, 3);

/* Keeps one (takes its own reference) in place of what was there. */
void resume_put(struct resume_cache *cache, const uint8_t key[RESUME_KEY_LEN], SSL_SESSION *session,
                const struct tls_verified *verified) SL_NONNULL(1, 2, 3, 4);

/* The server did not take it: it is not offered again. */
void resume_drop(struct resume_cache *cache, const uint8_t key[RESUME_KEY_LEN]) SL_NONNULL(1, 2);

size_t resume_count(const struct resume_cache *cache) SL_NONNULL(1);
