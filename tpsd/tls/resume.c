/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/resume.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next; /* of its bucket */
	struct entry *newer, *older;
	uint8_t key[RESUME_KEY_LEN];
	SSL_SESSION *session;
	struct tls_verified verified;
};

struct resume_cache {
	size_t max, count;
	size_t buckets_count; /* a power of two */
	struct entry **buckets;
	struct entry *newest, *oldest;
};

struct resume_cache *resume_create(uint32_t max)
{
	struct resume_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->max = max;
	for (c->buckets_count = 64; c->buckets_count < max; c->buckets_count *= 2)
		;
	c->buckets = calloc(c->buckets_count, sizeof(struct entry *));
	if (!c->buckets) {
		free(c);
		return NULL;
	}
	return c;
}

static struct entry **place_of(struct resume_cache *c, const uint8_t *key)
{
	uint32_t hash;
	struct entry **at;

	memcpy(&hash, key, sizeof(hash)); /* the key is a digest already */
	at = &c->buckets[hash & (c->buckets_count - 1)];
	while (*at && memcmp((*at)->key, key, RESUME_KEY_LEN) != 0)
		at = &(*at)->next;
	return at;
}

static void unlink_age(struct resume_cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct resume_cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void remove_at(struct resume_cache *c, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	unlink_age(c, e);
	c->count--;
	SSL_SESSION_free(e->session);
	free(e);
}

void resume_destroy(struct resume_cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		remove_at(c, place_of(c, c->oldest->key));
	free(c->buckets);
	free(c);
}

SSL_SESSION *resume_get(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN],
                        struct tls_verified *ret_verified)
{
	struct entry **at = place_of(c, key);
	struct entry *e = *at;
	SSL_SESSION *copy;

	if (!e)
		return NULL;
	if (!SSL_SESSION_is_resumable(e->session)) {
		remove_at(c, at);
		return NULL;
	}
	unlink_age(c, e);
	link_newest(c, e);
	/* A copy: OpenSSL marks a TLS 1.3 session as used up once it has resumed, and until the
	 * server's next ticket is here, other connections would do full handshakes. */
	copy = SSL_SESSION_dup(e->session);
	if (copy)
		*ret_verified = e->verified;
	return copy;
}

void resume_put(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN], SSL_SESSION *session,
                const struct tls_verified *verified)
{
	struct entry **at = place_of(c, key);
	struct entry *e;

	if (*at)
		remove_at(c, at);
	if (c->max == 0)
		return;
	if (c->count >= c->max)
		remove_at(c, place_of(c, c->oldest->key));
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	memcpy(e->key, key, RESUME_KEY_LEN);
	SSL_SESSION_up_ref(session);
	e->session = session;
	e->verified = *verified;
	at = place_of(c, key);
	*at = e;
	link_newest(c, e);
	c->count++;
}

void resume_drop(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN])
{
	struct entry **at = place_of(c, key);

	if (*at)
		remove_at(c, at);
}

size_t resume_count(const struct resume_cache *c)
{
	return c->count;
}
