/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/forgecache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/lru.h"

enum { ROOM = 16384 /* leaves that its table is made for; more make it crowded */ };

struct entry {
	struct lru_entry lru; /* the first member */
	uint8_t name[FORGECACHE_NAME_LEN];
	size_t len;
	uint8_t data[];
};

struct forgecache {
	size_t max, max_bytes;
	size_t bytes;
	struct lru lru; /* by names, which are digests */
};

struct forgecache *forgecache_create(size_t max_bytes)
{
	struct forgecache *c = calloc(1, sizeof(*c));

	if (c && lru_init(&c->lru, FORGECACHE_NAME_LEN, ROOM) != 0) {
		free(c);
		return NULL;
	}
	if (c)
		c->max_bytes = max_bytes;
	return c;
}

static void remove_entry(struct forgecache *c, struct entry *e)
{
	lru_remove(&c->lru, &e->lru);
	c->bytes -= e->len;
	free(e);
}

static void shrink_to(struct forgecache *c, size_t count, size_t bytes)
{
	while (c->lru.oldest && (c->lru.count > count || c->bytes > bytes))
		remove_entry(c, (struct entry *)c->lru.oldest);
}

void forgecache_destroy(struct forgecache *c)
{
	if (!c)
		return;
	shrink_to(c, 0, 0);
	lru_fini(&c->lru);
	free(c);
}

void forgecache_set_max(struct forgecache *c, size_t max)
{
	c->max = max;
	shrink_to(c, max, c->max_bytes);
}

const uint8_t *forgecache_get(struct forgecache *c, const uint8_t name[FORGECACHE_NAME_LEN],
                              size_t *ret_len)
{
	struct entry *e = (struct entry *)lru_find(&c->lru, name);

	if (!e)
		return NULL;
	lru_touch(&c->lru, &e->lru);
	*ret_len = e->len;
	return e->data;
}

void forgecache_put(struct forgecache *c, const uint8_t name[FORGECACHE_NAME_LEN],
                    const uint8_t *data, size_t len)
{
	struct entry *e = (struct entry *)lru_find(&c->lru, name);

	if (e)
		remove_entry(c, e);
	if (c->max == 0 || len > c->max_bytes)
		return;
	shrink_to(c, c->max - 1, c->max_bytes - len);
	e = malloc(sizeof(*e) + len);
	if (!e)
		return;
	memcpy(e->name, name, FORGECACHE_NAME_LEN);
	memcpy(e->data, data, len);
	e->len = len;
	lru_add(&c->lru, &e->lru, e->name);
	c->bytes += len;
}

size_t forgecache_count(const struct forgecache *c)
{
	return c->lru.count;
}

size_t forgecache_bytes(const struct forgecache *c)
{
	return c->bytes;
}
