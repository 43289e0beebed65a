/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of an engine: blocks by powers of two, kept when given back, so that a running engine
 * asks the heap for nothing. What is kept is bounded. One engine's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	POOL_CLASS_MIN = 6,  /* 64 bytes */
	POOL_CLASS_MAX = 17, /* 128 KiB; larger ones are not kept */
	POOL_CLASSES = POOL_CLASS_MAX - POOL_CLASS_MIN + 1,
	POOL_KEEP_BYTES = 256 * 1024, /* kept a class, at most */
};

struct pool {
	void *free[POOL_CLASSES];
	uint32_t kept[POOL_CLASSES];
	size_t in_use; /* bytes given out, headers included */
};

void pool_init(struct pool *p) SL_NONNULL(1);
void pool_fini(struct pool *p) SL_NONNULL(1);

/* At least `size` bytes, not cleared, aligned to 16; NULL when memory is short. */
void *pool_get(struct pool *p, size_t size) SL_NONNULL(1) SL_MUST;

/* NULL is fine. */
void pool_put(struct pool *p, void *block) SL_NONNULL(1);
