/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { BUF_FIRST_SIZE = 128 };

void buf_init(struct buf *b, size_t max)
{
	assert(max > 0 && max <= SIZE_MAX / 4);
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->size = 0;
}

/* One byte more than asked is kept, so that text can always be terminated. */
static int grow_to(struct buf *b, size_t need)
{
	size_t size = b->size ? b->size : BUF_FIRST_SIZE;
	uint8_t *data;

	if (need > b->max)
		return SL_ELIMIT;
	if (need < b->size)
		return 0;
	while (size <= need)
		size *= 2;
	size = SL_MIN(size, b->max + 1);
	data = realloc(b->data, size);
	if (!data)
		return SL_ENOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

int buf_reserve(struct buf *b, size_t len, uint8_t **ret_room)
{
	int rc;

	if (len > b->max - b->len)
		return SL_ELIMIT;
	rc = grow_to(b, b->len + len);
	if (rc == 0)
		*ret_room = b->data + b->len;
	return rc;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	uint8_t *room;
	int rc = buf_reserve(b, len, &room);

	if (rc == 0 && len > 0) {
		memcpy(room, data, len);
		b->len += len;
	}
	return rc;
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	uint8_t *room;
	int len;
	int rc;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return SL_EINVAL;
	rc = buf_reserve(b, (size_t)len, &room);
	if (rc != 0)
		return rc;
	(void)vsnprintf((char *)room, (size_t)len + 1, fmt, ap);
	b->len += (size_t)len;
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return rc;
}

void buf_consume(struct buf *b, size_t len)
{
	assert(len <= b->len);
	if (len < b->len)
		memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

const char *buf_text(struct buf *b)
{
	if (!b->data)
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}
