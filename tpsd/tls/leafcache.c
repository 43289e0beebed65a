/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/leafcache.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/lru.h"
#include "lib/event/counter.h"
#include "tpsd/tls/keyprov.h"

enum { POOL_KEYS = 8 /* `keys` has two at a time; after it was started again, two more */ };

/* Compared byte by byte. */
_Static_assert(sizeof(struct leaf_name) == PKI_PRINT_LEN + KEY_ID_LEN + 2, "no padding");

/* A leaf in the table; the leaf itself lives as long as somebody has it. */
struct entry {
	struct lru_entry lru; /* the first member; its key is the leaf's name */
	struct leaf *leaf;
};

/* The key of a pool, as all leaves of it use it. */
struct pool_key {
	uint8_t id[KEY_ID_LEN];
	EVP_PKEY *key; /* NULL: free */
};

struct leafcache {
	size_t max;
	/* By names, each with a digest of what a server showed in front: whoever would aim at one
	 * bucket needs as many collisions of SHA-256's first bytes, each with a leaf of its own. */
	struct lru lru;
	struct pool_key pool[POOL_KEYS];
	unsigned next_pool_key;        /* to be replaced */
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

/* ---- the table ---- */

static struct entry *find(const struct leafcache *lc, const struct leaf_name *name)
{
	return (struct entry *)lru_find(&lc->lru, name);
}

/* Its key lives in the leaf. */
static void remove_entry(struct leafcache *lc, struct entry *e)
{
	lru_remove(&lc->lru, &e->lru);
	leaf_put(e->leaf);
	free(e);
}

static void shrink_to(struct leafcache *lc, size_t count)
{
	while (lc->lru.count > count)
		remove_entry(lc, (struct entry *)lc->lru.oldest);
}

struct leafcache *leafcache_create(size_t max)
{
	struct leafcache *lc = calloc(1, sizeof(*lc));

	if (!lc)
		return NULL;
	lc->max = max;
	if (lru_init(&lc->lru, sizeof(struct leaf_name), max) != 0) {
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
	lru_fini(&lc->lru);
	free(lc);
}

void leafcache_count_in(struct leafcache *lc, struct counter_slab *counters)
{
	lc->counters = counters;
}

void leafcache_set_max(struct leafcache *lc, size_t max)
{
	lc->max = max;
	shrink_to(lc, max);
	/* The old table is good, if crowded, when there is no memory for the new one. */
	(void)!lru_resize(&lc->lru, max);
}

void leafcache_clear(struct leafcache *lc)
{
	shrink_to(lc, 0);
}

static bool is_one_of(const uint8_t id[KEY_ID_LEN], const uint8_t (*ids)[KEY_ID_LEN], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(ids[i], id, KEY_ID_LEN) == 0)
			return true;
	return false;
}

void leafcache_keep_keys(struct leafcache *lc, const uint8_t (*ids)[KEY_ID_LEN], size_t count)
{
	struct entry *newer;

	for (struct entry *e = (struct entry *)lc->lru.oldest; e; e = newer) {
		newer = (struct entry *)e->lru.newer;
		if (!is_one_of(e->leaf->certificate.key_id, ids, count))
			remove_entry(lc, e);
	}
}

size_t leafcache_count(const struct leafcache *lc)
{
	return lc->lru.count;
}

struct leaf *leafcache_get(struct leafcache *lc, const struct leaf_name *name)
{
	struct entry *e = find(lc, name);

	if (!e)
		return NULL;
	if (name->trusted && e->leaf->not_after < clock_wall_s()) {
		remove_entry(lc, e);
		return NULL;
	}
	lru_touch(&lc->lru, &e->lru);
	if (lc->counters)
		counter_add(lc->counters, COUNTER_leaf_cache_hits, 1);
	return leaf_get(e->leaf);
}

static void keep(struct leafcache *lc, struct leaf *l)
{
	struct entry *e = find(lc, &l->name);

	if (e)
		remove_entry(lc, e);
	if (lc->max == 0)
		return;
	shrink_to(lc, lc->max - 1);
	e = calloc(1, sizeof(*e));
	if (!e)
		return; /* it is used once, and not kept */
	e->leaf = leaf_get(l);
	lru_add(&lc->lru, &e->lru, &e->leaf->name);
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

static int parse_leaf(struct leafcache *lc, struct keyprov *kp, struct leaf *l, const uint8_t *data,
                      size_t len, STACK_OF(X509) * chain)
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
	if (rc == 0 &&
	    !EVP_Digest(data + KEY_ID_LEN, len - KEY_ID_LEN, l->digest, NULL, EVP_sha256(), NULL))
		rc = SL_ECRYPTO;
	if (rc != 0) {
		leaf_put(l);
		return rc;
	}
	keep(lc, l);
	*ret = l;
	return 0;
}
