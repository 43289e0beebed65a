/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed all at once: the nodes of a document, the arrays and strings of a config.
 * Everything in it is zeroed. Private to lib/conf; one thread at a time.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t total;               /* bytes handed out */
	size_t max;                 /* bytes; more is refused */
};

/* Caller's memory; allocates nothing yet. */
void arena_init(struct arena *a, size_t max) SL_NONNULL(1);
void arena_fini(struct arena *a) SL_NONNULL(1);

/* Before arena_fini, where it held a secret: nothing in it can be used any more. */
void arena_wipe(struct arena *a) SL_NONNULL(1);

/* `count` objects of `size` bytes, zeroed and aligned for any; NULL past the maximum. */
void *arena_alloc(struct arena *a, size_t count, size_t size) SL_NONNULL(1) SL_MUST;

/* A copy of `len` bytes with a NUL behind them; NULL past the maximum. */
char *arena_text(struct arena *a, const char *text, size_t len) SL_NONNULL(1, 2) SL_MUST;
