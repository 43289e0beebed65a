/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded reading and writing of bytes that others made: a reader never passes the end it was
 * given, and one that failed once keeps failing, so a parser may check once at the end. Big-endian
 * (`_be`) for the network's formats, little-endian (`_le`) for our own messages. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/attr.h"

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed; /* something was read past the end */
};

static inline struct reader reader_of(const void *data, size_t len)
{
	const uint8_t *at = data;

	return (struct reader){.at = at, .end = at + len};
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* `len` bytes, or NULL (and the reader has failed). */
static inline const uint8_t *reader_take(struct reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (r->failed || reader_left(r) < len) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return at;
}

static inline uint64_t reader_uint_be(struct reader *r, size_t bytes)
{
	const uint8_t *p = reader_take(r, bytes);
	uint64_t v = 0;

	for (size_t i = 0; p && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint64_t reader_uint_le(struct reader *r, size_t bytes)
{
	const uint8_t *p = reader_take(r, bytes);
	uint64_t v = 0;

	for (size_t i = 0; p && i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)reader_uint_be(r, 1);
}

static inline uint16_t reader_be16(struct reader *r)
{
	return (uint16_t)reader_uint_be(r, 2);
}

static inline uint32_t reader_be24(struct reader *r)
{
	return (uint32_t)reader_uint_be(r, 3);
}

static inline uint32_t reader_be32(struct reader *r)
{
	return (uint32_t)reader_uint_be(r, 4);
}

/* A reader of the next `len` bytes, which are skipped here; failed when there are fewer. */
static inline struct reader reader_sub(struct reader *r, size_t len)
{
	const uint8_t *p = reader_take(r, len);
	struct reader sub = reader_of(p ? p : r->end, p ? len : 0);

	sub.failed = !p;
	return sub;
}
