/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a maximum that is given at creation: what comes from outside can
 * never make it larger. Also the string builder of the tree (buf_printf keeps a NUL behind the
 * content). One thread at a time.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct buf {
	uint8_t *data; /* content; NULL until something was added */
	size_t len;    /* bytes of content */
	size_t size;   /* bytes allocated */
	size_t max;    /* content never grows past this */
};

/* Caller's memory; allocates nothing until something is added. `max` in bytes, 1 to SIZE_MAX/4. */
void buf_init(struct buf *b, size_t max) SL_NONNULL(1);

/* Frees the content; the buffer may be used again with the same maximum. */
void buf_fini(struct buf *b) SL_NONNULL(1);

/* Adds `len` bytes. SL_ELIMIT past the maximum, SL_ENOMEM; on error nothing was added. */
int buf_add(struct buf *b, const void *data, size_t len) SL_NONNULL(1) SL_MUST;

/* Adds text by format; the content is NUL-terminated behind `len`. Errors as buf_add. */
int buf_printf(struct buf *b, const char *fmt, ...) SL_NONNULL(1, 2) SL_PRINTF(2, 3);
int buf_vprintf(struct buf *b, const char *fmt, va_list ap) SL_NONNULL(1, 2) SL_PRINTF(2, 0);

/* Room for `len` more bytes behind the content; *ret_room is valid until the next call. */
int buf_reserve(struct buf *b, size_t len, uint8_t **ret_room) SL_NONNULL(1, 3) SL_MUST;

/* Takes `len` bytes (at most b->len) off the front. */
void buf_consume(struct buf *b, size_t len) SL_NONNULL(1);

/* The content as a C string ("" when empty); valid until the next change. */
const char *buf_text(struct buf *b) SL_NONNULL(1);
