/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of an engine. Each block has a header of 16 bytes with its class. One engine's thread.
 */
#include "tse/pool.h"

#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next; /* when free */
	uint32_t class;     /* POOL_CLASSES: not kept */
	uint32_t size;      /* in bytes, header included */
};

_Static_assert(sizeof(struct block) == 16, "blocks stay aligned");

void pool_init(struct pool *p)
{
	memset(p, 0, sizeof(*p));
}

void pool_fini(struct pool *p)
{
	for (unsigned i = 0; i < POOL_CLASSES; i++) {
		while (p->free[i]) {
			struct block *b = p->free[i];

			p->free[i] = b->next;
			free(b);
		}
	}
	memset(p, 0, sizeof(*p));
}

void *pool_get(struct pool *p, size_t size)
{
	size_t want = size + sizeof(struct block);
	uint32_t class = 0;
	struct block *b;

	if (want > UINT32_MAX / 2)
		return NULL;
	while (class < POOL_CLASSES && ((size_t)1 << (class + POOL_CLASS_MIN)) < want)
		class ++;
	if (class < POOL_CLASSES) {
		want = (size_t)1 << (class + POOL_CLASS_MIN);
		b = p->free[class];
		if (b) {
			p->free[class] = b->next;
			p->kept[class]--;
			p->in_use += want;
			return b + 1;
		}
	}
	b = malloc(want);
	if (!b)
		return NULL;
	b->class = class;
	b->size = (uint32_t)want;
	p->in_use += want;
	return b + 1;
}

void pool_put(struct pool *p, void *block)
{
	struct block *b = block;

	if (!block)
		return;
	b--;
	p->in_use -= b->size;
	if (b->class >= POOL_CLASSES ||
	    (uint64_t)(p->kept[b->class] + 1) * b->size > POOL_KEEP_BYTES) {
		free(b);
		return;
	}
	b->next = p->free[b->class];
	p->free[b->class] = b;
	p->kept[b->class]++;
}
