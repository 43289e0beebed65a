/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forged leaves as a worker uses them: parsed, with their key's public half, ready for OpenSSL.
 * Bounded; the one that was used longest ago goes first. Leaves are counted: a session keeps its
 * own. Keys of the pool are few and shared. docs/internals/client.md. Worker's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/cert.h"
#include "tpsd/tls/context.h"
#include "tpsd/tls/keyhandle.h"

struct counter_slab;
struct leafcache;

/* What makes two leaves different. */
struct leaf_name {
	uint8_t print[PKI_PRINT_LEN]; /* of the server's chain */
	uint8_t issuer[KEY_ID_LEN];   /* key of the signing certificate */
	uint8_t trusted;              /* signed by it; 0: by the untrusted CA */
	uint8_t kind;                 /* enum pki_key_kind */
};

struct leaf {
	unsigned refs;
	struct leaf_name name;
	struct tls_certificate certificate; /* chain: the issuer's, for a trusted one */
	uint8_t digest[32];                 /* SHA-256 of the leaf: tickets are bound to it */
	int64_t not_after;                  /* seconds since the epoch */
};

/* `max` leaves; 0 keeps none. NULL: no memory. */
struct leafcache *leafcache_create(size_t max) SL_MUST;
void leafcache_destroy(struct leafcache *lc);

/* Where leaves that are found are counted (leaf_cache_hits); NULL: nowhere. */
void leafcache_count_in(struct leafcache *lc, struct counter_slab *counters) SL_NONNULL(1);

/* Another bound (of a new configuration); what is over it goes, the oldest first. */
void leafcache_set_max(struct leafcache *lc, size_t max) SL_NONNULL(1);

/* Forgets all. For a new configuration: an issuer's certificate may be another with the same key,
 * and `keys`, which is asked then, has what still holds. */
void leafcache_clear(struct leafcache *lc) SL_NONNULL(1);

/*
 * Forgets the leaves whose key is none of `ids`: of the keys that `keys` has now. One that was
 * started again has made a pool of its own, and what had the old one's keys can sign no handshake.
 */
void leafcache_keep_keys(struct leafcache *lc, const uint8_t (*ids)[KEY_ID_LEN], size_t count)
        SL_NONNULL(1);

/* A reference for the caller, or NULL. A trusted leaf whose time is over is not given any more:
 * `keys` decides then (R153). */
struct leaf *leafcache_get(struct leafcache *lc, const struct leaf_name *name) SL_NONNULL(1, 2);

/*
 * Takes a leaf that `keys` made (the result of KEY_FORGE: key id, then DER) and keeps it. `chain`
 * (may be NULL) are the certificates sent behind it; references are taken. *ret is a reference for
 * the caller. SL_EMALFORMED (the key is not the one that was said, bytes left over), SL_ENOMEM,
 * SL_EUNSUPPORTED, SL_ECRYPTO.
 */
int leafcache_put(struct leafcache *lc, struct keyprov *kp, const struct leaf_name *name,
                  const uint8_t *data, size_t len, STACK_OF(X509) * chain, struct leaf **ret)
        SL_NONNULL(1, 2, 3, 4, 7) SL_MUST;

/* One reference less. NULL is nothing. */
void leaf_put(struct leaf *l);

size_t leafcache_count(const struct leafcache *lc) SL_NONNULL(1);
