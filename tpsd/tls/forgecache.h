/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves that `keys` made, in DER, by a digest of all that was asked for. Bounded by number and
 * bytes; the one that was used longest ago goes first. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct forgecache;

enum { FORGECACHE_NAME_LEN = 32 };

struct forgecache *forgecache_create(size_t max_bytes) SL_MUST;
void forgecache_destroy(struct forgecache *c);

/* Another bound by number; what is over it goes. 0 keeps none. */
void forgecache_set_max(struct forgecache *c, size_t max) SL_NONNULL(1);

/* The bytes, valid until the next put, set_max or clear; NULL: not there. */
const uint8_t *forgecache_get(struct forgecache *c, const uint8_t name[FORGECACHE_NAME_LEN],
                              size_t *ret_len) SL_NONNULL(1, 2, 3);

/* Copies the bytes. What does not fit, or has no memory, is not kept. */
void forgecache_put(struct forgecache *c, const uint8_t name[FORGECACHE_NAME_LEN],
                    const uint8_t *data, size_t len) SL_NONNULL(1, 2, 3);

size_t forgecache_count(const struct forgecache *c) SL_NONNULL(1);
size_t forgecache_bytes(const struct forgecache *c) SL_NONNULL(1);
