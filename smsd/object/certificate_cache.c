/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that were read lately. OpenSSL 3.0 takes 250 us to read one and 80 to verify that it
 * signed itself: a page of a hundred is shown again and again, and what is in them stays.
 */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/lru.h"
#include "smsd/object/certificate_priv.h"

enum { CACHED_MAX = 4096 /* of about 8 KiB */ };

struct entry {
	struct lru_entry at;
	uint8_t sha256[CERTIFICATE_SHA256_SIZE]; /* of the PEM */
	X509 *certificate;
	bool root;
};

struct certificate_cache {
	pthread_mutex_t lock;
	struct lru lru;
};

int certificate_cache_create(struct certificate_cache **ret_cache)
{
	struct certificate_cache *cache = calloc(1, sizeof(*cache));

	if (!cache || lru_init(&cache->lru, CERTIFICATE_SHA256_SIZE, CACHED_MAX) != 0) {
		free(cache);
		return SL_ENOMEM;
	}
	(void)pthread_mutex_init(&cache->lock, NULL);
	*ret_cache = cache;
	return 0;
}

static void drop(struct certificate_cache *cache, struct lru_entry *at)
{
	struct entry *entry = (struct entry *)(void *)at;

	lru_remove(&cache->lru, at);
	X509_free(entry->certificate);
	free(entry);
}

void certificate_cache_destroy(struct certificate_cache *cache)
{
	if (!cache)
		return;
	while (cache->lru.oldest)
		drop(cache, cache->lru.oldest);
	lru_fini(&cache->lru);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static bool find(struct certificate_cache *cache, const uint8_t *sha256, X509 **ret_certificate,
                 bool *ret_root)
{
	struct lru_entry *at;

	(void)pthread_mutex_lock(&cache->lock);
	at = lru_find(&cache->lru, sha256);
	if (at) {
		const struct entry *entry = (const struct entry *)(const void *)at;

		lru_touch(&cache->lru, at);
		(void)X509_up_ref(entry->certificate);
		*ret_certificate = entry->certificate;
		*ret_root = entry->root;
	}
	(void)pthread_mutex_unlock(&cache->lock);
	return at;
}

/* Without memory, and when another thread was faster, it is as good without. */
static void keep(struct certificate_cache *cache, const uint8_t *sha256, X509 *certificate,
                 bool root)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return;
	memcpy(entry->sha256, sha256, sizeof(entry->sha256));
	entry->certificate = certificate;
	entry->root = root;
	(void)X509_up_ref(certificate);
	(void)pthread_mutex_lock(&cache->lock);
	if (lru_find(&cache->lru, sha256)) {
		X509_free(certificate);
		free(entry);
	} else {
		lru_add(&cache->lru, &entry->at, entry->sha256);
		if (cache->lru.count > CACHED_MAX)
			drop(cache, cache->lru.oldest);
	}
	(void)pthread_mutex_unlock(&cache->lock);
}

int certificate_read(struct certificate_cache *cache, const struct object *object,
                     X509 **ret_certificate, bool *ret_root, struct problem *problem)
{
	const char *pem = json_string_value(json_object_get(object->body, "pem"));
	uint8_t sha256[CERTIFICATE_SHA256_SIZE];
	bool cached =
	        cache && pem && EVP_Digest(pem, strlen(pem), sha256, NULL, EVP_sha256(), NULL) == 1;
	struct stored stored;
	int rc;

	if (cached && find(cache, sha256, ret_certificate, ret_root))
		return 0;
	rc = stored_read(object, &stored, problem);
	if (rc != 0)
		return rc;
	*ret_certificate = stored.certificate;
	*ret_root = chain_is_root(stored.certificate);
	if (cached)
		keep(cache, sha256, *ret_certificate, *ret_root);
	return 0;
}
