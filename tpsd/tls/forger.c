/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/forger.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/event/counter.h"
#include "lib/pki/ca.h"
#include "lib/pki/key.h"
#include "tpsd/tls/forgecache.h"
#include "tpsd/tls/keystore.h"
#include "tpsd/tls/leafpool.h"

struct issuer {
	struct issuer *next;
	uint8_t id[KEY_ID_LEN];
	uint8_t print[32];                      /* SHA-256 of the certificate */
	uint32_t first_revision, last_revision; /* that name it */
	struct pki_issuer ca;
	bool said; /* that it cannot sign */
};

struct forger {
	struct keystore *ks;
	struct counter_slab *counters;
	int64_t built_at;
	uint32_t revision; /* in force */
	struct issuer *issuers;
	size_t issuers_count;
	struct issuer untrusted; /* ca.key NULL: none */
	struct leafpool *pool;
	bool stored[PKI_ECDSA + 1]; /* the keystore has this key of the pool */
	bool clock_said;
	struct forgecache *cache;
	uint8_t leaf[KEY_ID_LEN + PKI_LEAF_DER_MAX]; /* made last */
};

static void count(struct forger *f, enum counter counter)
{
	if (f->counters)
		counter_add(f->counters, counter, 1);
}

/* ---- issuers ---- */

static int init_issuer(struct issuer *i, X509 *certificate, EVP_PKEY *key)
{
	int rc = pki_cert_key_id(certificate, i->id);

	if (rc == 0 && !X509_digest(certificate, EVP_sha256(), i->print, NULL))
		rc = SL_ECRYPTO;
	if (rc != 0)
		return rc;
	X509_up_ref(certificate);
	EVP_PKEY_up_ref(key);
	i->ca = (struct pki_issuer){certificate, key};
	return 0;
}

static void free_issuer(struct issuer *i)
{
	pki_issuer_fini(&i->ca);
	free(i);
}

static struct issuer *find_by_print(struct forger *f, const uint8_t *print)
{
	for (struct issuer *i = f->issuers; i; i = i->next)
		if (memcmp(i->print, print, sizeof(i->print)) == 0)
			return i;
	return NULL;
}

int forger_add_issuer(struct forger *f, X509 *certificate, EVP_PKEY *key, uint32_t revision)
{
	struct issuer *i, *known;
	int rc;

	if (!pki_key_matches(key, certificate))
		return SL_EMISMATCH;
	if (f->issuers_count >= FORGER_ISSUERS_MAX)
		return SL_ELIMIT;
	i = calloc(1, sizeof(*i));
	if (!i)
		return SL_ENOMEM;
	rc = init_issuer(i, certificate, key);
	known = rc == 0 ? find_by_print(f, i->print) : NULL;
	if (rc != 0 || known) {
		if (known)
			known->last_revision = revision;
		free_issuer(i);
		return rc;
	}
	i->first_revision = i->last_revision = revision;
	i->next = f->issuers;
	f->issuers = i;
	f->issuers_count++;
	return 0;
}

static void drop_if(struct forger *f, bool (*gone)(const struct issuer *, uint32_t),
                    uint32_t revision)
{
	struct issuer **at = &f->issuers;

	while (*at) {
		struct issuer *i = *at;

		if (!gone(i, revision)) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		f->issuers_count--;
		free_issuer(i);
	}
}

static bool last_named_before(const struct issuer *i, uint32_t revision)
{
	return i->last_revision < revision;
}

static bool named_only_by(const struct issuer *i, uint32_t revision)
{
	return i->first_revision == revision && i->last_revision == revision;
}

static bool any_issuer(const struct issuer *i, uint32_t revision)
{
	return true;
}

void forger_forget(struct forger *f, uint32_t revision)
{
	drop_if(f, named_only_by, revision);
}

void forger_drop(struct forger *f, const uint8_t id[KEY_ID_LEN])
{
	struct issuer **at = &f->issuers;

	while (*at) {
		struct issuer *i = *at;

		if (memcmp(i->id, id, KEY_ID_LEN) != 0) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		f->issuers_count--;
		free_issuer(i);
	}
}

/*
 * By its key. Of two certificates with one key the newer that is in force; one that is only
 * prepared stands in where there is none, since a worker may have heard of the commit before us.
 */
static struct issuer *find_issuer(struct forger *f, const uint8_t *id)
{
	struct issuer *best = NULL;

	for (struct issuer *i = f->issuers; i; i = i->next) {
		if (memcmp(i->id, id, KEY_ID_LEN) != 0)
			continue;
		if (!best || (i->first_revision <= f->revision &&
		              (best->first_revision > f->revision ||
		               best->first_revision < i->first_revision)))
			best = i;
	}
	return best;
}

/* ---- whether it may sign now (R153) ---- */

static void say_once(struct issuer *i, int64_t now)
{
	char subject[PKI_SUBJECT_MAX];
	struct pki_validity v;

	if (i->said || pki_cert_validity(i->ca.certificate, now, &v) != 0)
		return;
	i->said = true;
	log_critical("the signing certificate %s is %s: nothing is forged with it",
	             pki_cert_subject(i->ca.certificate, subject), pki_status_name(v.status));
}

static int check_clock(struct forger *f, int64_t now)
{
	if (now >= f->built_at) {
		f->clock_said = false;
		return 0;
	}
	if (!f->clock_said)
		log_critical(
		        "the clock is older than this build: nothing is forged until it is set");
	f->clock_said = true;
	return SL_EREFUSED;
}

static int check_issuer(struct forger *f, struct issuer *i, int64_t now)
{
	int rc = check_clock(f, now);

	if (rc != 0)
		return rc;
	rc = pki_issuer_check(i->ca.certificate, now);
	if (rc == SL_EREFUSED)
		say_once(i, now);
	else if (rc == 0)
		i->said = false;
	return rc;
}

void forger_commit(struct forger *f, uint32_t revision, int64_t now)
{
	f->revision = revision;
	drop_if(f, last_named_before, revision);
	for (struct issuer *i = f->issuers; i; i = i->next)
		(void)check_issuer(f, i, now);
}

/* ---- the pool ---- */

static int store_key(struct forger *f, enum pki_key_kind kind)
{
	EVP_PKEY *key = leafpool_key(f->pool, kind)->key;
	int rc = key && !f->stored[kind] ? keystore_add(f->ks, key, KEYSTORE_FOREVER) : 0;

	f->stored[kind] = key && rc == 0;
	return rc;
}

/* The key that is made first is used while the other is still being looked for. */
int forger_make_pool(struct forger *f, unsigned slice_ms)
{
	int rc = leafpool_step(f->pool, slice_ms);

	for (int kind = PKI_RSA; (rc == 0 || rc == SL_EAGAIN) && kind <= PKI_ECDSA; kind++) {
		int stored = store_key(f, (enum pki_key_kind)kind);

		if (stored != 0)
			rc = stored;
	}
	return rc;
}

/* ---- leaves ---- */

static bool digest_number(EVP_MD_CTX *md, uint64_t number)
{
	return EVP_DigestUpdate(md, &number, sizeof(number));
}

static bool digest_bytes(EVP_MD_CTX *md, const uint8_t *data, size_t len)
{
	return digest_number(md, len) && (len == 0 || EVP_DigestUpdate(md, data, len));
}

/*
 * All that was asked for, not only the chain's print: what one worker says that a chain has must
 * not be what another gets.
 */
static int name_leaf(const struct issuer *i, const struct key_forge *what, uint8_t *ret_name)
{
	const struct pki_template *t = &what->template;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
	          digest_bytes(md, i->print, sizeof(i->print)) && digest_number(md, what->kind) &&
	          digest_bytes(md, what->print, sizeof(what->print)) &&
	          digest_bytes(md, t->subject, t->subject_len) &&
	          digest_bytes(md, t->alt_names, t->alt_names_len) &&
	          digest_number(md, (uint64_t)t->not_before) &&
	          digest_number(md, (uint64_t)t->not_after) &&
	          EVP_DigestFinal_ex(md, ret_name, NULL);

	EVP_MD_CTX_free(md);
	return ok ? 0 : SL_ECRYPTO;
}

/* Makes the leaf in f->leaf, behind the id of its key. */
static int make_leaf(struct forger *f, const struct issuer *i, const struct key_forge *what,
                     size_t *ret_len)
{
	const struct leafpool_key *key = leafpool_key(f->pool, what->kind);
	uint8_t *end = f->leaf + KEY_ID_LEN;
	X509 *leaf = NULL;
	int len;
	int rc = pki_forge(&i->ca, &what->template, key->key, &leaf);

	if (rc != 0)
		return rc;
	len = i2d_X509(leaf, NULL);
	if (len > 0 && len <= PKI_LEAF_DER_MAX)
		len = i2d_X509(leaf, &end);
	else
		rc = SL_ELIMIT;
	X509_free(leaf);
	memcpy(f->leaf, key->id, KEY_ID_LEN);
	if (rc == 0)
		*ret_len = KEY_ID_LEN + (size_t)len;
	return rc;
}

static int find_or_make(struct forger *f, const struct issuer *i, const struct key_forge *what,
                        const uint8_t **ret_data, size_t *ret_len)
{
	uint8_t name[FORGECACHE_NAME_LEN];
	int rc = name_leaf(i, what, name);

	if (rc != 0)
		return rc;
	*ret_data = forgecache_get(f->cache, name, ret_len);
	if (*ret_data) {
		count(f, COUNTER_signer_cache_hits);
		return 0;
	}
	rc = make_leaf(f, i, what, ret_len);
	if (rc != 0)
		return rc;
	*ret_data = f->leaf;
	forgecache_put(f->cache, name, f->leaf, *ret_len);
	count(f, COUNTER_forged);
	return 0;
}

static int forge(struct forger *f, const uint8_t *issuer, const struct key_forge *what, int64_t now,
                 const uint8_t **ret_data, size_t *ret_len)
{
	struct issuer *i = what->trusted ? find_issuer(f, issuer) : &f->untrusted;
	int rc;

	if (!i || !i->ca.key)
		return SL_ENOENT;
	if (!f->stored[what->kind])
		return SL_EAGAIN;
	rc = check_issuer(f, i, now);
	return rc == 0 ? find_or_make(f, i, what, ret_data, ret_len) : rc;
}

int forger_forge(struct forger *f, const uint8_t issuer[KEY_ID_LEN], const struct key_forge *what,
                 int64_t now, const uint8_t **ret_data, size_t *ret_len)
{
	int rc = forge(f, issuer, what, now, ret_data, ret_len);

	if (rc != 0 && rc != SL_EAGAIN)
		count(f, COUNTER_forge_errors);
	return rc;
}

/* ---- messages ---- */

/* Dates are cut to what a certificate can say, and names are parsed, where the leaf is made. */
static int read_message(const struct ipc_forge *msg, struct key_forge *ret)
{
	if (msg->issuer.len != KEY_ID_LEN || msg->print.len != PKI_PRINT_LEN || msg->trusted > 1 ||
	    (msg->kind != PKI_RSA && msg->kind != PKI_ECDSA))
		return SL_EINVAL;
	*ret = (struct key_forge){
	        .trusted = msg->trusted,
	        .kind = (enum pki_key_kind)msg->kind,
	        .template = {.subject = msg->subject.data,
	                     .subject_len = msg->subject.len,
	                     .alt_names = msg->alt_names.data,
	                     .alt_names_len = msg->alt_names.len,
	                     .not_before = (int64_t)msg->not_before,
	                     .not_after = (int64_t)msg->not_after},
	};
	memcpy(ret->print, msg->print.data, PKI_PRINT_LEN);
	return 0;
}

void forger_answer(struct forger *f, const struct ipc_forge *msg, int64_t now,
                   struct ipc_forged *ret)
{
	const uint8_t *data = NULL;
	struct key_forge what;
	size_t len = 0;
	int rc = read_message(msg, &what);

	if (rc == 0)
		rc = forger_forge(f, msg->issuer.data, &what, now, &data, &len);
	else
		count(f, COUNTER_forge_errors);
	*ret = (struct ipc_forged){.id = msg->id, .status = rc};
	if (rc != 0)
		return;
	ret->key = (struct ipc_bytes){data, KEY_ID_LEN};
	ret->certificate = (struct ipc_bytes){data + KEY_ID_LEN, (uint32_t)(len - KEY_ID_LEN)};
}

/* ---- life ---- */

struct forger *forger_create(struct keystore *ks, int64_t built_at, struct counter_slab *counters)
{
	struct forger *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ks = ks;
	f->built_at = built_at;
	f->counters = counters;
	f->pool = leafpool_create();
	f->cache = forgecache_create(FORGER_CACHE_BYTES_MAX);
	if (!f->pool || !f->cache) {
		forger_destroy(f);
		return NULL;
	}
	return f;
}

void forger_destroy(struct forger *f)
{
	if (!f)
		return;
	drop_if(f, any_issuer, 0);
	pki_issuer_fini(&f->untrusted.ca);
	leafpool_destroy(f->pool);
	forgecache_destroy(f->cache);
	free(f);
}

void forger_set_max(struct forger *f, size_t max)
{
	forgecache_set_max(f->cache, max);
}

void forger_set_untrusted(struct forger *f, struct pki_issuer *ca)
{
	pki_issuer_fini(&f->untrusted.ca);
	f->untrusted = (struct issuer){.said = false};
	if (init_issuer(&f->untrusted, ca->certificate, ca->key) != 0)
		log_error("the untrusted CA cannot be used");
	pki_issuer_fini(ca);
}

static size_t add_id(uint8_t (*ids)[KEY_ID_LEN], size_t n, size_t max, const uint8_t *id)
{
	if (n < max)
		memcpy(ids[n++], id, KEY_ID_LEN);
	return n;
}

size_t forger_own_keys(const struct forger *f, uint8_t (*ret_ids)[KEY_ID_LEN], size_t max)
{
	size_t n = 0;

	for (int kind = PKI_RSA; kind <= PKI_ECDSA; kind++)
		if (f->stored[kind])
			n = add_id(ret_ids, n, max,
			           leafpool_key(f->pool, (enum pki_key_kind)kind)->id);
	if (f->untrusted.ca.key)
		n = add_id(ret_ids, n, max, f->untrusted.id);
	for (const struct issuer *i = f->issuers; i; i = i->next)
		n = add_id(ret_ids, n, max, i->id);
	return n;
}

size_t forger_leaves(const struct forger *f)
{
	return forgecache_count(f->cache);
}
