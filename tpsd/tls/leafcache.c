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

enum { SERIES_MAX = 16 /* `keys` has two keys at a time; each with some issuers' chains */ };

/* Compared byte by byte. */
_Static_assert(sizeof(struct leaf_name) == PKI_PRINT_LEN + KEY_ID_LEN + 2, "no padding");

/* A leaf that is there parsed as well; the leaf itself lives as long as somebody has it. */
struct parsed {
	struct lru_entry lru; /* the first member; its key is the entry's name */
	struct entry *entry;
	struct leaf *leaf;
};

struct entry {
	struct lru_entry lru; /* the first member */
	struct leaf_name name;
	struct parsed *parsed; /* NULL: DER alone */
	struct leaf_series *series;
	int64_t not_after;
	size_t len;
	uint8_t der[];
};

struct leafcache {
	size_t max;
	size_t bytes;
	/* By names, each with a digest of what a server showed in front: whoever would aim at one
	 * bucket needs as many collisions of SHA-256's first bytes, each with a leaf of its own. */
	struct lru lru;
	struct lru parsed; /* nothing is looked for in it: it knows which goes next */
	size_t parsed_bytes;
	struct leaf_series *series[SERIES_MAX]; /* those in use now; NULL: free */
	unsigned next_series;                   /* to be replaced */
	struct counter_slab *counters;          /* may be NULL */
};

/* ---- what leaves share ---- */

/* The usable key, a reference: of a series that has it, or made of `public`. */
static int key_of(struct leafcache *lc, struct keyprov *kp, const uint8_t *id, EVP_PKEY *public,
                  EVP_PKEY **ret_key)
{
	for (size_t i = 0; i < SERIES_MAX; i++) {
		struct leaf_series *s = lc->series[i];

		if (s && memcmp(s->id, id, KEY_ID_LEN) == 0) {
			EVP_PKEY_up_ref(s->key);
			*ret_key = s->key;
			return 0;
		}
	}
	return keyprov_make_key(kp, public, id, ret_key);
}

/* *ret belongs to the cache. */
static int find_series(struct leafcache *lc, struct keyprov *kp, const uint8_t *id,
                       EVP_PKEY *public, STACK_OF(X509) * chain, struct leaf_series **ret)
{
	struct leaf_series *s;
	EVP_PKEY *key;
	int rc;

	for (size_t i = 0; i < SERIES_MAX; i++) {
		if (lc->series[i] && leaf_series_is(lc->series[i], id, chain)) {
			*ret = lc->series[i];
			return 0;
		}
	}
	rc = key_of(lc, kp, id, public, &key);
	if (rc != 0)
		return rc;
	s = leaf_series_create(id, key, chain);
	EVP_PKEY_free(key);
	if (!s)
		return SL_ENOMEM;
	leaf_series_put(lc->series[lc->next_series]);
	lc->series[lc->next_series] = s;
	lc->next_series = (lc->next_series + 1) % SERIES_MAX;
	*ret = s;
	return 0;
}

/* ---- those that are there parsed ---- */

static void drop_parsed(struct leafcache *lc, struct parsed *p)
{
	p->entry->parsed = NULL;
	lc->parsed_bytes -= p->entry->len;
	lru_remove(&lc->parsed, &p->lru);
	leaf_put(p->leaf);
	free(p);
}

/* Takes a reference of its own. Without memory the leaf is used once, and parsed again. */
static void keep_parsed(struct leafcache *lc, struct entry *e, struct leaf *l)
{
	struct parsed *p;

	if (e->len > LEAFCACHE_PARSED_BYTES)
		return;
	while (lc->parsed.oldest && (lc->parsed.count >= LEAFCACHE_PARSED_MAX ||
	                             lc->parsed_bytes + e->len > LEAFCACHE_PARSED_BYTES))
		drop_parsed(lc, (struct parsed *)lc->parsed.oldest);
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->entry = e;
	p->leaf = leaf_get(l);
	e->parsed = p;
	lc->parsed_bytes += e->len;
	lru_add(&lc->parsed, &p->lru, &e->name);
}

/* ---- the table ---- */

static struct entry *find(const struct leafcache *lc, const struct leaf_name *name)
{
	return (struct entry *)lru_find(&lc->lru, name);
}

static void remove_entry(struct leafcache *lc, struct entry *e)
{
	if (e->parsed)
		drop_parsed(lc, e->parsed);
	lru_remove(&lc->lru, &e->lru);
	lc->bytes -= e->len;
	leaf_series_put(e->series);
	free(e);
}

static size_t bytes_max(size_t max)
{
	return max * LEAFCACHE_BYTES_EACH;
}

static void shrink_to(struct leafcache *lc, size_t count, size_t bytes)
{
	while (lc->lru.oldest && (lc->lru.count > count || lc->bytes > bytes))
		remove_entry(lc, (struct entry *)lc->lru.oldest);
}

struct leafcache *leafcache_create(size_t max)
{
	struct leafcache *lc = calloc(1, sizeof(*lc));

	if (!lc)
		return NULL;
	lc->max = max;
	if (lru_init(&lc->lru, sizeof(struct leaf_name), max) != 0 ||
	    lru_init(&lc->parsed, sizeof(struct leaf_name), LEAFCACHE_PARSED_MAX) != 0) {
		leafcache_destroy(lc);
		return NULL;
	}
	return lc;
}

void leafcache_destroy(struct leafcache *lc)
{
	if (!lc)
		return;
	leafcache_clear(lc);
	for (size_t i = 0; i < SERIES_MAX; i++)
		leaf_series_put(lc->series[i]);
	lru_fini(&lc->lru);
	lru_fini(&lc->parsed);
	free(lc);
}

void leafcache_count_in(struct leafcache *lc, struct counter_slab *counters)
{
	lc->counters = counters;
}

void leafcache_set_max(struct leafcache *lc, size_t max)
{
	lc->max = max;
	shrink_to(lc, max, bytes_max(max));
	/* The old table is good, if crowded, when there is no memory for the new one. */
	(void)!lru_resize(&lc->lru, max);
}

void leafcache_clear(struct leafcache *lc)
{
	shrink_to(lc, 0, 0);
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
		if (!is_one_of(e->series->id, ids, count))
			remove_entry(lc, e);
	}
}

size_t leafcache_count(const struct leafcache *lc)
{
	return lc->lru.count;
}

size_t leafcache_bytes(const struct leafcache *lc)
{
	return lc->bytes;
}

size_t leafcache_parsed(const struct leafcache *lc)
{
	return lc->parsed.count;
}

/* ---- from bytes ---- */

/* A reference for the caller, or NULL: no memory. */
static struct leaf *leaf_of(struct leafcache *lc, struct entry *e)
{
	struct leaf *l = NULL;
	X509 *x;

	if (e->parsed) {
		lru_touch(&lc->parsed, &e->parsed->lru);
		return leaf_get(e->parsed->leaf);
	}
	x = leaf_parse(e->der, e->len);
	if (x && leaf_create(&e->name, x, e->series, e->der, e->len, &l) == 0)
		keep_parsed(lc, e, l);
	X509_free(x);
	return l;
}

struct leaf *leafcache_get(struct leafcache *lc, const struct leaf_name *name)
{
	struct entry *e = find(lc, name);

	if (!e)
		return NULL;
	if (name->trusted && e->not_after < clock_wall_s()) {
		remove_entry(lc, e);
		return NULL;
	}
	lru_touch(&lc->lru, &e->lru);
	if (lc->counters)
		counter_add(lc->counters, COUNTER_leaf_cache_hits, 1);
	return leaf_of(lc, e);
}

/* One that is not kept (no room, no memory) is used once. */
static void keep(struct leafcache *lc, struct leaf *l, struct leaf_series *series,
                 int64_t not_after, const uint8_t *der, size_t len)
{
	struct entry *e = find(lc, &l->name);

	if (e)
		remove_entry(lc, e);
	if (lc->max == 0 || len > bytes_max(lc->max))
		return;
	shrink_to(lc, lc->max - 1, bytes_max(lc->max) - len);
	e = calloc(1, sizeof(*e) + len);
	if (!e)
		return;
	e->name = l->name;
	e->series = leaf_series_get(series);
	e->not_after = not_after;
	e->len = len;
	memcpy(e->der, der, len);
	lru_add(&lc->lru, &e->lru, &e->name);
	lc->bytes += len;
	keep_parsed(lc, e, l);
}

static int read_not_after(const X509 *x, int64_t *ret)
{
	struct pki_validity validity;
	int rc = pki_cert_validity(x, 0, &validity);

	if (rc == 0)
		*ret = validity.not_after;
	return rc;
}

/* Of a certificate that must have the key `id`. */
static int take(struct leafcache *lc, struct keyprov *kp, const struct leaf_name *name,
                const uint8_t *id, X509 *x, const uint8_t *der, size_t len, STACK_OF(X509) * chain,
                struct leaf **ret)
{
	EVP_PKEY *public = X509_get0_pubkey(x);
	uint8_t own_id[KEY_ID_LEN];
	struct leaf_series *series;
	int64_t not_after;
	int rc;

	if (!public || pki_cert_key_id(x, own_id) != 0 || memcmp(own_id, id, KEY_ID_LEN) != 0 ||
	    read_not_after(x, &not_after) != 0)
		return SL_EMALFORMED;
	rc = find_series(lc, kp, id, public, chain, &series);
	if (rc == 0)
		rc = leaf_create(name, x, series, der, len, ret);
	if (rc == 0)
		keep(lc, *ret, series, not_after, der, len);
	return rc;
}

int leafcache_put(struct leafcache *lc, struct keyprov *kp, const struct leaf_name *name,
                  const uint8_t *data, size_t len, STACK_OF(X509) * chain, struct leaf **ret)
{
	const uint8_t *der = data + KEY_ID_LEN;
	X509 *x;
	int rc;

	if (len <= KEY_ID_LEN || len > KEY_ID_LEN + PKI_LEAF_DER_MAX)
		return SL_EMALFORMED;
	len -= KEY_ID_LEN;
	x = leaf_parse(der, len);
	rc = x ? take(lc, kp, name, data, x, der, len, chain, ret) : SL_EMALFORMED;
	X509_free(x);
	ERR_clear_error();
	return rc;
}
