/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/resume.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/lru.h"

struct entry {
	struct lru_entry lru; /* the first member */
	uint8_t key[RESUME_KEY_LEN];
	SSL_SESSION *session;
	struct tls_verified verified;
};

struct resume_cache {
	size_t max;
	struct lru lru; /* by keys, which are digests */
};

struct resume_cache *resume_create(uint32_t max)
{
	struct resume_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->max = max;
	if (lru_init(&c->lru, RESUME_KEY_LEN, max) != 0) {
		free(c);
		return NULL;
	}
	return c;
}

static struct entry *find(const struct resume_cache *c, const uint8_t *key)
{
	return (struct entry *)lru_find(&c->lru, key);
}

/* NULL is nothing. */
static void remove_entry(struct resume_cache *c, struct entry *e)
{
	if (!e)
		return;
	lru_remove(&c->lru, &e->lru);
	SSL_SESSION_free(e->session);
	free(e);
}

void resume_destroy(struct resume_cache *c)
{
	if (!c)
		return;
	while (c->lru.oldest)
		remove_entry(c, (struct entry *)c->lru.oldest);
	lru_fini(&c->lru);
	free(c);
}

SSL_SESSION *resume_get(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN],
                        struct tls_verified *ret_verified)
{
	struct entry *e = find(c, key);
	SSL_SESSION *copy;

	if (!e)
		return NULL;
	if (!SSL_SESSION_is_resumable(e->session)) {
		remove_entry(c, e);
		return NULL;
	}
	lru_touch(&c->lru, &e->lru);
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
	struct entry *e;

	remove_entry(c, find(c, key));
	if (c->max == 0)
		return;
	if (c->lru.count >= c->max)
		remove_entry(c, (struct entry *)c->lru.oldest);
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	memcpy(e->key, key, RESUME_KEY_LEN);
	SSL_SESSION_up_ref(session);
	e->session = session;
	e->verified = *verified;
	lru_add(&c->lru, &e->lru, e->key);
}

void resume_drop(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN])
{
	remove_entry(c, find(c, key));
}

size_t resume_count(const struct resume_cache *c)
{
	return c->lru.count;
}
