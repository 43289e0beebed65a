/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/resume.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/lru.h"

enum { PEER_TAG = 3 /* of the certificate in an SSL_SESSION's encoding: ssl/ssl_asn1.c */ };

struct entry {
	struct lru_entry lru; /* the first member */
	uint8_t key[RESUME_KEY_LEN];
	struct tls_verified verified;
	struct resume_leaf *leaf; /* a reference; may be NULL */
	size_t len;
	uint8_t der[]; /* the session, with its secret */
};

struct resume_cache {
	size_t max;
	size_t bytes;
	struct lru lru; /* by keys, which are digests */
};

/* ---- leaves ---- */

struct resume_leaf *resume_leaf_create(const X509 *leaf)
{
	int len = i2d_X509(leaf, NULL);
	struct resume_leaf *l;
	uint8_t *end;

	if (len <= 0 || len > RESUME_PART_MAX)
		return NULL;
	l = malloc(sizeof(*l) + (size_t)len);
	if (!l)
		return NULL;
	l->refs = 1;
	l->len = (size_t)len;
	end = l->der;
	(void)i2d_X509(leaf, &end);
	return l;
}

static struct resume_leaf *leaf_get(struct resume_leaf *l)
{
	if (l)
		l->refs++;
	return l;
}

void resume_leaf_put(struct resume_leaf *l)
{
	if (l && --l->refs == 0)
		free(l);
}

X509 *resume_leaf_parse(const struct resume_leaf *l)
{
	const uint8_t *der = l->der;
	X509 *x = d2i_X509(NULL, &der, (long)l->len);

	ERR_clear_error();
	return x;
}

/* ---- the table ---- */

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

static size_t size_of(const struct entry *e)
{
	return e->len + (e->leaf ? e->leaf->len : 0);
}

static void free_entry(struct entry *e)
{
	resume_leaf_put(e->leaf);
	OPENSSL_cleanse(e->der, e->len);
	free(e);
}

/* NULL is nothing. */
static void remove_entry(struct resume_cache *c, struct entry *e)
{
	if (!e)
		return;
	lru_remove(&c->lru, &e->lru);
	c->bytes -= size_of(e);
	free_entry(e);
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
                        struct tls_verified *ret_verified, struct resume_leaf **ret_leaf)
{
	struct entry *e = find(c, key);
	const uint8_t *der;
	SSL_SESSION *session;

	if (!e)
		return NULL;
	lru_touch(&c->lru, &e->lru);
	der = e->der;
	session = d2i_SSL_SESSION(NULL, &der, (long)e->len);
	if (!session) {
		ERR_clear_error();
		return NULL;
	}
	*ret_verified = e->verified;
	*ret_leaf = leaf_get(e->leaf);
	return session;
}

/* ---- from a session ---- */

/* The fields of an encoded session without the certificate: what stands before it, and behind it.
 */
struct fields {
	const uint8_t *before, *behind;
	size_t before_len, behind_len;
};

static bool split(const uint8_t *der, size_t len, struct fields *ret)
{
	const uint8_t *at = der, *end = der + len, *field;
	int tag, class;
	long n;

	if (ASN1_get_object(&at, &n, &tag, &class, (long)len) & 0x80)
		return false;
	*ret = (struct fields){.before = at, .behind = end};
	while (at < end) {
		field = at;
		if (ASN1_get_object(&at, &n, &tag, &class, end - at) & 0x80)
			return false;
		at += n;
		if (class == V_ASN1_CONTEXT_SPECIFIC && tag == PEER_TAG) {
			ret->before_len = (size_t)(field - ret->before);
			ret->behind = at;
			ret->behind_len = (size_t)(end - at);
			return true;
		}
	}
	ret->before_len = (size_t)(end - ret->before);
	return true;
}

static struct entry *make_entry(const uint8_t *der, size_t len)
{
	struct fields f;
	struct entry *e;
	uint8_t *out;
	int body, whole;

	if (!split(der, len, &f))
		return NULL;
	body = (int)(f.before_len + f.behind_len);
	whole = ASN1_object_size(1, body, V_ASN1_SEQUENCE);
	if (whole <= 0 || whole > RESUME_PART_MAX)
		return NULL;
	e = calloc(1, sizeof(*e) + (size_t)whole);
	if (!e)
		return NULL;
	e->len = (size_t)whole;
	out = e->der;
	ASN1_put_object(&out, 1, body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(out, f.before, f.before_len);
	memcpy(out + f.before_len, f.behind, f.behind_len);
	return e;
}

static struct entry *encode(const SSL_SESSION *session)
{
	uint8_t *der = NULL;
	int len = SSL_SESSION_is_resumable(session) ? i2d_SSL_SESSION(session, &der) : 0;
	struct entry *e = NULL;

	if (len > 0)
		e = make_entry(der, (size_t)len);
	if (der)
		OPENSSL_clear_free(der, (size_t)len);
	ERR_clear_error();
	return e;
}

void resume_put(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN],
                const SSL_SESSION *session, const struct tls_verified *verified,
                struct resume_leaf *leaf)
{
	size_t bytes_max = c->max * RESUME_BYTES_EACH;
	struct entry *e;

	remove_entry(c, find(c, key));
	if (c->max == 0)
		return;
	e = encode(session);
	if (!e)
		return;
	memcpy(e->key, key, RESUME_KEY_LEN);
	e->verified = *verified;
	e->leaf = leaf_get(leaf);
	lru_add(&c->lru, &e->lru, e->key);
	c->bytes += size_of(e);
	while (c->lru.count > c->max || c->bytes > bytes_max)
		remove_entry(c, (struct entry *)c->lru.oldest);
}

void resume_drop(struct resume_cache *c, const uint8_t key[RESUME_KEY_LEN])
{
	remove_entry(c, find(c, key));
}

size_t resume_count(const struct resume_cache *c)
{
	return c->lru.count;
}

size_t resume_bytes(const struct resume_cache *c)
{
	return c->bytes;
}
