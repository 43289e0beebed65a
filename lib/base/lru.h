/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of entries that remembers which was used longest ago: what bounded caches are made of.
 * Entries are the owner's, who embeds a struct lru_entry as their first member, allocates and frees
 * them, and says how many there may be; the table allocates its buckets alone. Not for keys that
 * others choose: it hashes nothing, a key's first four bytes are its hash. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct lru_entry {
	struct lru_entry *next; /* of its bucket */
	struct lru_entry *newer, *older;
	const void *key; /* in the entry or what it holds; never NULL in a table */
};

struct lru {
	size_t key_len, count;
	size_t buckets_count; /* a power of two */
	struct lru_entry **buckets;
	struct lru_entry *newest, *oldest; /* NULL: empty */
};

/* For keys of `key_len` bytes, at least four, which begin with bytes of a digest; about `room`
 * entries. SL_ENOMEM. */
int lru_init(struct lru *lru, size_t key_len, size_t room) SL_NONNULL(1) SL_MUST;

/* The buckets alone; the owner has taken out its entries. Zeroed memory is nothing. */
void lru_fini(struct lru *lru) SL_NONNULL(1);

/* Buckets for about `room` entries. SL_ENOMEM: the old ones stay, crowded but right. */
int lru_resize(struct lru *lru, size_t room) SL_NONNULL(1) SL_MUST;

/* NULL: not there. It is not used by that. */
struct lru_entry *lru_find(const struct lru *lru, const void *key) SL_NONNULL(1, 2);

/* It is used now: the newest. */
void lru_touch(struct lru *lru, struct lru_entry *entry) SL_NONNULL(1, 2);

/* As the newest. No entry has this key; it stays as it is while the entry is in the table. */
void lru_add(struct lru *lru, struct lru_entry *entry, const void *key) SL_NONNULL(1, 2, 3);

/* Takes out an entry that is in the table. */
void lru_remove(struct lru *lru, struct lru_entry *entry) SL_NONNULL(1, 2);
