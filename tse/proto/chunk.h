/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second, strict reader of the chunked coding beside llhttp: it finds the end of the body and
 * tells size lines that some servers read otherwise (bare LF, blanks, extensions, signs, leading
 * zeros without end). Source: RFC 9112 section 7.1. Data path, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER_START, /* a line of the trailer begins */
	CHUNK_TRAILER,
	CHUNK_END_LF,
	CHUNK_DONE,
};

struct chunk_reader {
	uint64_t left;       /* of the chunk in hand */
	size_t trailer_from; /* of the last piece: where its part of the trailer begins, or its end
	                      */
	uint8_t state;       /* enum chunk_state */
	uint8_t digits;
	bool odd;    /* a line that not all readers take alike was seen */
	bool failed; /* no chunked coding */
};

/* The next bytes of the body as sent; a reader that failed or is done takes none. */
void chunk_read(struct chunk_reader *c, const uint8_t *data, size_t len) SL_NONNULL(1);
