/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of the chunked coding. Data path.
 */
#include "tse/proto/chunk.h"

#include <string.h>

enum { DIGITS_MAX = 15, DIGITS_USUAL = 8 };

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void size_line_ends(struct chunk_reader *c)
{
	c->state = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER_START;
	c->failed |= c->digits == 0;
	c->digits = 0;
}

static void take_size(struct chunk_reader *c, uint8_t byte)
{
	int v = hex(byte);

	if (v >= 0) {
		c->left = c->left << 4 | (unsigned)v;
		c->digits++;
		c->odd |= c->digits > DIGITS_USUAL;
		c->failed |= c->digits > DIGITS_MAX;
	} else if (byte == '\r') {
		c->state = CHUNK_SIZE_LF;
	} else if (byte == '\n') {
		c->odd = true;
		size_line_ends(c);
	} else if (byte == ';' || byte == ' ' || byte == '\t') {
		c->odd |= byte != ';';
		c->state = CHUNK_EXTENSION;
	} else {
		c->failed = true;
	}
}

/* One byte outside of chunk data. */
static void take_byte(struct chunk_reader *c, uint8_t byte)
{
	switch ((enum chunk_state)c->state) {
	case CHUNK_SIZE:
		take_size(c, byte);
		break;
	case CHUNK_EXTENSION:
		if (byte == '\n') {
			c->odd = true;
			size_line_ends(c);
		} else if (byte == '\r') {
			c->state = CHUNK_SIZE_LF;
		}
		break;
	case CHUNK_SIZE_LF:
		c->failed |= byte != '\n';
		size_line_ends(c);
		break;
	case CHUNK_DATA_CR:
		c->odd |= byte == '\n';
		c->failed |= byte != '\r' && byte != '\n';
		c->state = byte == '\n' ? CHUNK_SIZE : CHUNK_DATA_LF;
		break;
	case CHUNK_DATA_LF:
		c->failed |= byte != '\n';
		c->state = CHUNK_SIZE;
		break;
	case CHUNK_TRAILER_START:
		c->odd |= byte == '\n';
		c->state = byte == '\r' ? CHUNK_END_LF : byte == '\n' ? CHUNK_DONE : CHUNK_TRAILER;
		break;
	case CHUNK_TRAILER:
		if (byte == '\n')
			c->state = CHUNK_TRAILER_START;
		break;
	case CHUNK_END_LF:
		c->failed |= byte != '\n';
		c->state = CHUNK_DONE;
		break;
	case CHUNK_DATA:
	case CHUNK_DONE:
		break;
	}
}

void chunk_read(struct chunk_reader *c, const uint8_t *data, size_t len)
{
	size_t i = 0;

	c->trailer_from = c->state >= CHUNK_TRAILER_START ? 0 : len;
	while (i < len && !c->failed && c->state != CHUNK_DONE) {
		if (c->state == CHUNK_DATA) {
			size_t n = c->left < len - i ? (size_t)c->left : len - i;

			i += n;
			c->left -= n;
			if (c->left == 0)
				c->state = CHUNK_DATA_CR;
		} else {
			take_byte(c, data[i++]);
			if (c->state == CHUNK_TRAILER_START)
				c->trailer_from = SL_MIN(c->trailer_from, i);
		}
	}
}
