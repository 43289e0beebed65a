/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content decoders behind one interface: zlib, brotli, zstd. Input in pieces, output into the
 * caller's memory. Their windows are bounded: deflate 32 KiB, brotli as its stream says (16 MiB at
 * most), zstd 8 MiB (RFC 9659). One engine's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tse/pool.h"

struct body_decoder;

enum decode_kind {
	DECODE_NONE,
	DECODE_GZIP,
	DECODE_DEFLATE, /* with or without the zlib header */
	DECODE_BROTLI,
	DECODE_ZSTD,
	DECODE_KINDS
};

/* NULL when memory is short. Memory is the pool's. */
struct body_decoder *decode_create(struct pool *pool, enum decode_kind kind) SL_NONNULL(1) SL_MUST;
void decode_destroy(struct pool *pool, struct body_decoder *d) SL_NONNULL(1);

/*
 * Takes from *data, *len (which move on) and writes up to `size` bytes; *ret_out is set always. A
 * full output means that there may be more. Bytes behind the end of the encoding are skipped.
 * SL_EMALFORMED.
 */
int decode_step(struct body_decoder *d, const uint8_t **data, size_t *len, uint8_t *out,
                size_t size, size_t *ret_out) SL_NONNULL(1, 2, 3, 4, 6) SL_MUST;
