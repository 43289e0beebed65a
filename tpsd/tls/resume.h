/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions with servers, kept for resumption: by a digest of destination, port, SNI, ALPN, offer
 * and trust setting (so never across proxies that differ), each with what verification found in its
 * full handshake. They are kept as bytes, without the server's certificate: an SSL_SESSION with it
 * is six times as large. Bounded in number and bytes; the least recently used goes first. Worker's
 * thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	RESUME_KEY_LEN = 32,
	/* A session, or a leaf, of more bytes is not kept, and its server shakes hands in full each
	 * time: tickets have some hundred bytes, leaves one or two thousand. The server chooses. */
	RESUME_PART_MAX = 16 * 1024,
	/* Bytes that all sessions together may have, for each that there may be: twice what a large
	 * site's take. */
	RESUME_BYTES_EACH = 4096,
};

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

/* The server's leaf in DER, counted: a connection that resumes may have to know it (a leaf that is
 * to be forged again, names that decide). */
struct resume_leaf {
	unsigned refs;
	size_t len;
	uint8_t der[];
};

/* NULL: no memory, or larger than RESUME_PART_MAX. */
struct resume_leaf *resume_leaf_create(const X509 *leaf) SL_NONNULL(1) SL_MUST;
/* One reference less. NULL is nothing. */
void resume_leaf_put(struct resume_leaf *l);
/* The caller's to free; NULL: no memory. */
X509 *resume_leaf_parse(const struct resume_leaf *l) SL_NONNULL(1) SL_MUST;

struct resume_cache;

/* `max` sessions, 0: none are kept. NULL: no memory. */
struct resume_cache *resume_create(uint32_t max) SL_MUST;
void resume_destroy(struct resume_cache *cache);

/*
 * A session that may still be resumed, the caller's to free; NULL: none. It is a new one each time:
 * OpenSSL marks a TLS 1.3 session as used up once it has resumed, and until the server's next
 * ticket is here, other connections would do full handshakes. *ret_leaf: a reference to what was
 * kept with it, or NULL.
 */
SSL_SESSION *resume_get(struct resume_cache *cache, const uint8_t key[RESUME_KEY_LEN],
                        struct tls_verified *ret_verified, struct resume_leaf **ret_leaf)
        SL_NONNULL(1, 2, 3, 4);

/* Keeps one in place of what was there, and a reference to `leaf` (NULL: nobody will ask for it).
 * What cannot be resumed, or is too large, is not kept. */
void resume_put(struct resume_cache *cache, const uint8_t key[RESUME_KEY_LEN],
                const SSL_SESSION *session, const struct tls_verified *verified,
                struct resume_leaf *leaf) SL_NONNULL(1, 2, 3, 4);

/* The server did not take it, or a connection to it broke: it is not offered again. */
void resume_drop(struct resume_cache *cache, const uint8_t key[RESUME_KEY_LEN]) SL_NONNULL(1, 2);

size_t resume_count(const struct resume_cache *cache) SL_NONNULL(1);

/* Of the sessions and leaves that are kept. */
size_t resume_bytes(const struct resume_cache *cache) SL_NONNULL(1);
