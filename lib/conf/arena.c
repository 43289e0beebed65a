/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks with a bump pointer: a document has thousands of small parts and one end. */
#include "lib/conf/arena.h"

#include <openssl/crypto.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 64 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) uint8_t data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *chunk = a->chunks; chunk; chunk = chunk->next)
		OPENSSL_cleanse(chunk->data, chunk->used);
}

void arena_fini(struct arena *a)
{
	struct arena_chunk *chunk = a->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	arena_init(a, a->max);
}

static struct arena_chunk *chunk_for(struct arena *a, size_t len)
{
	struct arena_chunk *chunk = a->chunks;
	size_t size = SL_MAX(len, (size_t)ARENA_CHUNK);

	if (chunk && chunk->size - chunk->used >= len)
		return chunk;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = a->chunks;
	a->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *chunk;
	size_t len;
	void *at;

	if (__builtin_mul_overflow(count, size, &len) || len > a->max - a->total)
		return NULL;
	len = (len + align - 1) / align * align;
	chunk = chunk_for(a, len);
	if (!chunk)
		return NULL;
	at = chunk->data + chunk->used;
	chunk->used += len;
	a->total = SL_MIN(a->total + len, a->max);
	return at;
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1, 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}
