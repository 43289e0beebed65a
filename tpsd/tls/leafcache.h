/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forged leaves as a worker uses them. All are kept in DER; those that were used last are also
 * there as OpenSSL wants them, parsed, which takes ten times as much, and a leaf that is not is
 * parsed when it is asked for. Bounded in number and bytes; the one that was used longest ago goes
 * first. Leaves are counted: a session keeps its own. Keys of the pool and issuers' chains are few
 * and shared. docs/internals/client.md. Worker's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "tpsd/tls/leaf.h"

struct counter_slab;
struct keyprov;
struct leafcache;

enum {
	/* Leaves that are there parsed, 4 MiB of them: a network's busy sites at one time, so that
	 * parsing (0.1 ms) is for the others. */
	LEAFCACHE_PARSED_MAX = 512,
	LEAFCACHE_PARSED_BYTES = 2 * 1024 * 1024, /* … and their DER, where names are many */
	/* Bytes of DER that all leaves together may have, for each that there may be: one with a
	 * hundred names has 3 KiB, one with ten names 0.6. The server chooses. */
	LEAFCACHE_BYTES_EACH = 4096,
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

/* A reference for the caller, or NULL: none, or no memory. A trusted leaf whose time is over is not
 * given any more: `keys` decides then (R153). */
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

size_t leafcache_count(const struct leafcache *lc) SL_NONNULL(1);
size_t leafcache_bytes(const struct leafcache *lc) SL_NONNULL(1);  /* of DER */
size_t leafcache_parsed(const struct leafcache *lc) SL_NONNULL(1); /* that are there parsed */
