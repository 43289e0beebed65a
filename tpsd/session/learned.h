/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations that are left alone for a while, because a session with them failed in a class that
 * is set to bypass and could not be bypassed any more itself (R155, R156). By server, port and SNI;
 * bounded, the one that ends first goes first. Worker's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"
#include "lib/event/reason.h"

enum { LEARNED_MAX = 1024, LEARNED_LIFETIME_S = 600, LEARNED_KEYS_LIFETIME_S = 30 };

struct learned_entry {
	uint64_t hash; /* 0: free */
	uint64_t until_ns;
	enum reason reason;
};

struct learned {
	uint64_t seed; /* of the hash: an outsider cannot choose what collides */
	size_t count;
	struct learned_entry entries[LEARNED_MAX];
};

/* Lives for LEARNED_LIFETIME_S, or for keys that were away LEARNED_KEYS_LIFETIME_S. */
void learned_add(struct learned *l, const struct addr *server, uint16_t port, const char *sni,
                 size_t sni_len, enum reason reason, uint64_t now_ns) SL_NONNULL(1, 2, 4);

/* The reason that was learned, or REASON_NONE. */
enum reason learned_find(struct learned *l, const struct addr *server, uint16_t port,
                         const char *sni, size_t sni_len, uint64_t now_ns) SL_NONNULL(1, 2, 4);

/* Forgets everything: a new configuration decides anew. */
void learned_clear(struct learned *l) SL_NONNULL(1);
