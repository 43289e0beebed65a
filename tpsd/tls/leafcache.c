/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/leafcache.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/event/counter.h"
#include "tpsd/tls/keyprov.h"

enum {
	POOL_KEYS = 8, /* `keys` has two at a time; after it was started again, two more */
	BUCKETS_MIN = 64,
};

/* A leaf in the table; the leaf itself lives as long as somebody has it. */
struct entry {
	struct entry *next; /* of its bucket */
	struct entry *newer, *older;
	struct leaf *leaf;
};

/* The key of a pool, as all leaves of it use it. */
struct pool_key {
	uint8_t id[KEY_ID_LEN];
	EVP_PKEY *key; /* NULL: free */
};

struct leafcache {
	size_t max, count;
	size_t buckets_count; /* a power of two */
	struct entry **buckets;
	struct entry *newest, *oldest;
	struct pool_key pool[POOL_KEYS];
	unsigned next_pool_key; /* to be replaced */
	struct counter_slab *counters; /* may be NULL */
};

/* ---- leaves ---- */

static void free_leaf(struct leaf *l)
{
	tls_certificate_fini(&l->certificate);
	free(l);
}

void leaf_put(struct leaf *l)
{
	if (l && --l->refs == 0)
		free_leaf(l);
}

static struct leaf *leaf_get(struct leaf *l)
{
	l->refs++;
	return l;
}

static bool same_name(const struct leaf_name *a, const struct leaf_name *b)
{
	return memcmp(a->print, b->print, sizeof(a->print)) == 0 &&
	       memcmp(a->issuer, b->issuer, sizeof(a->issuer)) == 0 && a->trusted == b->trusted &&
	       a->kind == b->kind;
}

/* ---- the table ---- */

static int make_buckets(struct leafcache *lc, size_t max)
{
	size_t n = BUCKETS_MIN;
	struct entry **buckets;

	while (n < max)
		n *= 2;
	buckets = calloc(n, sizeof(struct entry *));
	if (!buckets)
		return SL_ENOMEM;
	free(lc->buckets);
	lc->buckets = buckets;
	lc->buckets_count = n;
	return 0;
}

/* The print is a digest already, and of what a server showed: whoever would aim at one bucket needs
 * as many collisions of SHA-256's first bytes, each with a forged leaf of its own. */
static struct entry **bucket_of(struct leafcache *lc, const struct leaf_name *name)
{
	uint32_t hash;

	memcpy(&hash, name->print, sizeof(hash));
	return &lc->buckets[hash & (lc->buckets_count - 1)];
}

static struct entry **place_of(struct leafcache *lc, const struct leaf_name *name)
{
	struct entry **at = bucket_of(lc, name);

	while (*at && !same_name(&(*at)->leaf->name, name))
		at = &(*at)->next;
	return at;
}

static void unlink_age(struct leafcache *lc, struct entry *e)
{
	*(e->newer ? &e->newer->older : &lc->newest) = e->older;
	*(e->older ? &e->older->newer : &lc->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct leafcache *lc, struct entry *e)
{
	e->older = lc->newest;
	*(lc->newest ? &lc->newest->newer : &lc->oldest) = e;
	lc->newest = e;
}

static void remove_at(struct leafcache *lc, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	unlink_age(lc, e);
	lc->count--;
	leaf_put(e->leaf);
	free(e);
}

static void shrink_to(struct leafcache *lc, size_t count)
{
	while (lc->count > count)
		remove_at(lc, place_of(lc, &lc->oldest->leaf->name));
}

struct leafcache *leafcache_create(size_t max)
{
	struct leafcache *lc = calloc(1, sizeof(*lc));

	if (!lc)
		return NULL;
	lc->max = max;
	if (make_buckets(lc, max) != 0) {
		free(lc);
		return NULL;
	}
	return lc;
}

void leafcache_destroy(struct leafcache *lc)
{
	if (!lc)
		return;
	leafcache_clear(lc);
	for (size_t i = 0; i < POOL_KEYS; i++)
		EVP_PKEY_free(lc->pool[i].key);
	free(lc->buckets);
	free(lc);
}

void leafcache_count_in(struct leafcache *lc, struct counter_slab *counters)
{
	lc->counters = counters;
}

void leafcache_set_max(struct leafcache *lc, size_t max)
{
	struct entry *e;

	lc->max = max;
	shrink_to(lc, max);
	/* The old table is good, if crowded, when there is no memory for the new one. */
	if (make_buckets(lc, max) != 0)
		return;
	for (e = lc->oldest; e; e = e->newer) {
		struct entry **bucket = bucket_of(lc, &e->leaf->name);

		e->next = *bucket;
		*bucket = e;
	}
}

void leafcache_clear(struct leafcache *lc)
{
	shrink_to(lc, 0);
}

size_t leafcache_count(const struct leafcache *lc)
{
	return lc->count;
}

struct leaf *leafcache_get(struct leafcache *lc, const struct leaf_name *name)
{
	struct entry **at = place_of(lc, name);
	struct entry *e = *at;

	if (!e)
		return NULL;
	if (name->trusted && e->leaf->not_after < (int64_t)time(NULL)) {
		remove_at(lc, at);
		return NULL;
	}
	unlink_age(lc, e);
	link_newest(lc, e);
	if (lc->counters)
		counter_add(lc->counters, COUNTER_leaf_cache_hits, 1);
	return leaf_get(e->leaf);
}

static void keep(struct leafcache *lc, struct leaf *l)
{
	struct entry **at = place_of(lc, &l->name);
	struct entry *e;

	if (*at)
		remove_at(lc, at);
	if (lc->max == 0)
		return;
	shrink_to(lc, lc->max - 1);
	e = calloc(1, sizeof(*e));
	if (!e)
		return; /* it is used once, and not kept */
	e->leaf = leaf_get(l);
	at = bucket_of(lc, &l->name);
	e->next = *at;
	*at = e;
	link_newest(lc, e);
	lc->count++;
}

/* ---- from bytes ---- */

/* The usable key of the pool; made for the first leaf that has it. Belongs to the cache. */
static int find_pool_key(struct leafcache *lc, struct keyprov *kp, const uint8_t *id,
                         EVP_PKEY *public, EVP_PKEY **ret_key)
{
	struct pool_key *p = &lc->pool[lc->next_pool_key];
	EVP_PKEY *key;
	int rc;

	for (size_t i = 0; i < POOL_KEYS; i++) {
		if (lc->pool[i].key && memcmp(lc->pool[i].id, id, KEY_ID_LEN) == 0) {
			*ret_key = lc->pool[i].key;
			return 0;
		}
	}
	rc = keyprov_make_key(kp, public, id, &key);
	if (rc != 0)
		return rc;
	EVP_PKEY_free(p->key);
	p->key = key;
	memcpy(p->id, id, KEY_ID_LEN);
	lc->next_pool_key = (lc->next_pool_key + 1) % POOL_KEYS;
	*ret_key = key;
	return 0;
}

static int read_not_after(const X509 *x, int64_t *ret)
{
	struct pki_validity validity;
	int rc = pki_cert_validity(x, 0, &validity);

	if (rc == 0)
		*ret = validity.not_after;
	return rc;
}

/* Fills `l` from a parsed certificate that must have the key `id`. */
static int fill_leaf(struct leafcache *lc, struct keyprov *kp, struct leaf *l, const uint8_t *id,
                     X509 *x, STACK_OF(X509) * chain)
{
	EVP_PKEY *public = X509_get0_pubkey(x);
	uint8_t own_id[KEY_ID_LEN];
	EVP_PKEY *key;
	int rc;

	if (!public || pki_cert_key_id(x, own_id) != 0 || memcmp(own_id, id, KEY_ID_LEN) != 0 ||
	    read_not_after(x, &l->not_after) != 0)
		return SL_EMALFORMED;
	rc = find_pool_key(lc, kp, id, public, &key);
	if (rc == 0)
		tls_certificate_init_shared(&l->certificate, "forged", x, chain, key, id);
	return rc;
}

static int parse_leaf(struct leafcache *lc, struct keyprov *kp, struct leaf *l,
                      const uint8_t *data, size_t len, STACK_OF(X509) * chain)
{
	const uint8_t *der = data + KEY_ID_LEN;
	X509 *x = d2i_X509(NULL, &der, (long)(len - KEY_ID_LEN));
	int rc = SL_EMALFORMED;

	if (x && der == data + len)
		rc = fill_leaf(lc, kp, l, data, x, chain);
	X509_free(x);
	ERR_clear_error();
	return rc;
}

int leafcache_put(struct leafcache *lc, struct keyprov *kp, const struct leaf_name *name,
                  const uint8_t *data, size_t len, STACK_OF(X509) * chain, struct leaf **ret)
{
	struct leaf *l;
	int rc;

	if (len <= KEY_ID_LEN || len > KEY_ID_LEN + PKI_LEAF_DER_MAX)
		return SL_EMALFORMED;
	l = calloc(1, sizeof(*l));
	if (!l)
		return SL_ENOMEM;
	l->refs = 1;
	l->name = *name;
	rc = parse_leaf(lc, kp, l, data, len, chain);
	if (rc == 0 && !EVP_Digest(data + KEY_ID_LEN, len - KEY_ID_LEN, l->digest, NULL,
	                           EVP_sha256(), NULL))
		rc = SL_ECRYPTO;
	if (rc != 0) {
		leaf_put(l);
		return rc;
	}
	keep(lc, l);
	*ret = l;
	return 0;
}
