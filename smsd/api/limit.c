/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/limit.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/lru.h"

#define NS_PER_S UINT64_C(1000000000)

enum { KINDS = LIMIT_CREDENTIAL + 1 };

struct bucket {
	struct lru_entry entry; /* first: lru.h */
	uint8_t key[SHA256_DIGEST_LENGTH];
	uint64_t at_ns; /* when it was looked at */
	double tokens;  /* then */
};

/* A table a kind: invented credentials cannot push addresses out. */
struct limit {
	struct lru tables[KINDS];
};

int limit_create(struct limit **ret_limit)
{
	struct limit *limit = calloc(1, sizeof(*limit));
	int rc = limit ? 0 : SL_ENOMEM;

	for (int i = 0; i < KINDS && rc == 0; i++)
		rc = lru_init(&limit->tables[i], SHA256_DIGEST_LENGTH, LIMIT_ENTRIES);
	if (rc != 0) {
		limit_destroy(limit);
		return rc;
	}
	*ret_limit = limit;
	return 0;
}

static void drop_oldest(struct lru *table)
{
	struct lru_entry *oldest = table->oldest;

	lru_remove(table, oldest);
	free(oldest);
}

void limit_destroy(struct limit *limit)
{
	if (!limit)
		return;
	for (int i = 0; i < KINDS; i++) {
		while (limit->tables[i].count > 0)
			drop_oldest(&limit->tables[i]);
		lru_fini(&limit->tables[i]);
	}
	free(limit);
}

static struct bucket *bucket_of(struct limit *limit, enum limit_kind kind, const char *who,
                                uint64_t now_ns)
{
	struct lru *table = &limit->tables[kind];
	uint8_t key[SHA256_DIGEST_LENGTH];
	struct bucket *bucket;

	(void)SHA256((const unsigned char *)who, strlen(who), key);
	bucket = (struct bucket *)lru_find(table, key);
	if (bucket) {
		lru_touch(table, &bucket->entry);
		return bucket;
	}
	if (table->count >= LIMIT_ENTRIES)
		drop_oldest(table);
	bucket = calloc(1, sizeof(*bucket));
	if (!bucket)
		return NULL;
	memcpy(bucket->key, key, sizeof(key));
	bucket->at_ns = now_ns;
	bucket->tokens = LIMIT_BURST;
	lru_add(table, &bucket->entry, bucket->key);
	return bucket;
}

static bool spend(struct bucket *bucket, double count, uint64_t now_ns)
{
	if (!bucket)
		return true;
	bucket->tokens += (double)(now_ns - bucket->at_ns) * LIMIT_RATE / (double)NS_PER_S;
	if (bucket->tokens > LIMIT_BURST)
		bucket->tokens = LIMIT_BURST;
	bucket->at_ns = now_ns;
	if (bucket->tokens < 1)
		return false;
	bucket->tokens -= count;
	return true;
}

bool limit_take(struct limit *limit, enum limit_kind kind, const char *who, uint64_t now_ns)
{
	return spend(bucket_of(limit, kind, who, now_ns), 1, now_ns);
}

bool limit_look(struct limit *limit, enum limit_kind kind, const char *who, uint64_t now_ns)
{
	return spend(bucket_of(limit, kind, who, now_ns), 0, now_ns);
}
