/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/lru.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { BUCKETS_MIN = 64 };

static struct lru_entry **bucket_of(const struct lru *lru, const void *key)
{
	uint32_t hash;

	memcpy(&hash, key, sizeof(hash));
	return &lru->buckets[hash & (lru->buckets_count - 1)];
}

static void link_bucket(struct lru *lru, struct lru_entry *e)
{
	struct lru_entry **bucket = bucket_of(lru, e->key);

	e->next = *bucket;
	*bucket = e;
}

static void link_newest(struct lru *lru, struct lru_entry *e)
{
	e->newer = NULL;
	e->older = lru->newest;
	*(lru->newest ? &lru->newest->newer : &lru->oldest) = e;
	lru->newest = e;
}

static void unlink_age(struct lru *lru, struct lru_entry *e)
{
	*(e->newer ? &e->newer->older : &lru->newest) = e->older;
	*(e->older ? &e->older->newer : &lru->oldest) = e->newer;
}

int lru_resize(struct lru *lru, size_t room)
{
	size_t n = BUCKETS_MIN;
	struct lru_entry **buckets;

	while (n < room && n <= SIZE_MAX / 2 / sizeof(struct lru_entry *))
		n *= 2;
	if (n == lru->buckets_count)
		return 0;
	buckets = calloc(n, sizeof(struct lru_entry *));
	if (!buckets)
		return SL_ENOMEM;
	free(lru->buckets);
	lru->buckets = buckets;
	lru->buckets_count = n;
	for (struct lru_entry *e = lru->oldest; e; e = e->newer)
		link_bucket(lru, e);
	return 0;
}

int lru_init(struct lru *lru, size_t key_len, size_t room)
{
	*lru = (struct lru){.key_len = key_len};
	return lru_resize(lru, room);
}

void lru_fini(struct lru *lru)
{
	free(lru->buckets);
	*lru = (struct lru){.key_len = lru->key_len};
}

struct lru_entry *lru_find(const struct lru *lru, const void *key)
{
	struct lru_entry *e = *bucket_of(lru, key);

	while (e && memcmp(e->key, key, lru->key_len) != 0)
		e = e->next;
	return e;
}

void lru_touch(struct lru *lru, struct lru_entry *e)
{
	unlink_age(lru, e);
	link_newest(lru, e);
}

void lru_add(struct lru *lru, struct lru_entry *e, const void *key)
{
	e->key = key;
	link_bucket(lru, e);
	link_newest(lru, e);
	lru->count++;
}

void lru_remove(struct lru *lru, struct lru_entry *e)
{
	struct lru_entry **at = bucket_of(lru, e->key);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlink_age(lru, e);
	lru->count--;
}
