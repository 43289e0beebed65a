/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations that are left alone for a while, because a session with them failed in a class that
 * is set to bypass and could not be bypassed any more itself, or because their certificate showed
 * that nothing is to be decrypted there (R31, R155, R156). What a server caused holds for all
 * clients. What a client caused is its own, until LEARNED_CLIENTS different ones came to the same:
 * then it is the site's doing.
 *
 * One table in memory that all workers share, since a client's next try may be another worker's.
 * Bounded; the entry that ends first goes first, and a client loses its own when it has
 * LEARNED_CLIENT_MAX: one that refuses thousands of names must not make the box forget what others
 * are left alone for. Any process that has it mapped: a mutex that
 * survives the death of its holder guards it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"
#include "lib/event/reason.h"

enum {
	LEARNED_MAX = 16384,      /* of 360 bytes; memory of what was once used */
	LEARNED_CLIENT_MAX = 512, /* entries of one client: two for each site that it refused */
	LEARNED_NAME_MAX = 256,   /* bytes of a name, NUL included */
	LEARNED_CLIENTS = 4,
	LEARNED_LIFETIME_S = 600,
	LEARNED_KEYS_LIFETIME_S = 30, /* of keys that were away */
};

struct learned;

/* Whom an entry is about. */
struct learned_key {
	const struct addr *client; /* NULL: all */
	const struct addr *server;
	uint16_t port;
	const char *sni; /* "" none; in any case, cut at LEARNED_NAME_MAX */
};

struct learned_entry {
	uint64_t hash; /* 0: free */
	uint64_t until_ns;
	enum reason reason;
	bool counting; /* clients of one site that came to the same; nothing is left alone by it */
	struct addr client, server; /* client.family ADDR_NONE: all */
	uint16_t port;
	uint16_t clients; /* counting: how many */
	uint64_t client_hashes[LEARNED_CLIENTS];
	char sni[LEARNED_NAME_MAX];
};

/* In memory that children share. NULL: no memory. */
struct learned *learned_create(void) SL_MUST;
void learned_destroy(struct learned *l);

/* A configuration of another revision decides anew: everything learned under the old is forgotten.
 */
void learned_begin(struct learned *l, uint64_t revision) SL_NONNULL(1);

/* With a client in the key: that client's own. */
void learned_add(struct learned *l, const struct learned_key *key, enum reason reason,
                 uint64_t now_ns) SL_NONNULL(1, 2);

/* The reason that was learned, or REASON_NONE. A key with a client asks for it alone. */
enum reason learned_find(struct learned *l, const struct learned_key *key, uint64_t now_ns)
        SL_NONNULL(1, 2);

/* Forgets what is about a name ("" and NULL: everything); returns how many. */
size_t learned_clear(struct learned *l, const char *sni) SL_NONNULL(1);

/* What holds now, `fn` with a copy of each. */
typedef void learned_fn(void *arg, const struct learned_entry *entry);
void learned_each(struct learned *l, uint64_t now_ns, learned_fn *fn, void *arg) SL_NONNULL(1, 3);

size_t learned_count(const struct learned *l) SL_NONNULL(1);
