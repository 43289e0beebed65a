/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/forgecache.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384 }; /* a power of two */

struct entry {
	struct entry *next; /* of its bucket */
	struct entry *newer, *older;
	uint8_t name[FORGECACHE_NAME_LEN];
	size_t len;
	uint8_t data[];
};

struct forgecache {
	size_t max, max_bytes;
	size_t count, bytes;
	struct entry *newest, *oldest;
	struct entry *buckets[BUCKETS];
};

struct forgecache *forgecache_create(size_t max_bytes)
{
	struct forgecache *c = calloc(1, sizeof(*c));

	if (c)
		c->max_bytes = max_bytes;
	return c;
}

/* Names are digests: any bytes of them are as good as a hash. */
static struct entry **place_of(struct forgecache *c, const uint8_t *name)
{
	uint32_t hash;
	struct entry **at;

	memcpy(&hash, name, sizeof(hash));
	at = &c->buckets[hash & (BUCKETS - 1)];
	while (*at && memcmp((*at)->name, name, FORGECACHE_NAME_LEN) != 0)
		at = &(*at)->next;
	return at;
}

static void unlink_age(struct forgecache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct forgecache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void remove_at(struct forgecache *c, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	unlink_age(c, e);
	c->count--;
	c->bytes -= e->len;
	free(e);
}

static void shrink_to(struct forgecache *c, size_t count, size_t bytes)
{
	while (c->oldest && (c->count > count || c->bytes > bytes))
		remove_at(c, place_of(c, c->oldest->name));
}

void forgecache_destroy(struct forgecache *c)
{
	if (!c)
		return;
	shrink_to(c, 0, 0);
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
	struct entry *e = *place_of(c, name);

	if (!e)
		return NULL;
	unlink_age(c, e);
	link_newest(c, e);
	*ret_len = e->len;
	return e->data;
}

void forgecache_put(struct forgecache *c, const uint8_t name[FORGECACHE_NAME_LEN],
                    const uint8_t *data, size_t len)
{
	struct entry **at = place_of(c, name);
	struct entry *e;

	if (*at)
		remove_at(c, at);
	if (c->max == 0 || len > c->max_bytes)
		return;
	shrink_to(c, c->max - 1, c->max_bytes - len);
	e = malloc(sizeof(*e) + len);
	if (!e)
		return;
	memcpy(e->name, name, FORGECACHE_NAME_LEN);
	memcpy(e->data, data, len);
	e->len = len;
	at = place_of(c, name);
	e->next = NULL;
	*at = e;
	e->newer = NULL;
	link_newest(c, e);
	c->count++;
	c->bytes += len;
}

size_t forgecache_count(const struct forgecache *c)
{
	return c->count;
}

size_t forgecache_bytes(const struct forgecache *c)
{
	return c->bytes;
}
