/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing over names. Clients choose what is looked up, never what is in the table, so a
 * plain hash will do: the longest walk is fixed by the administrator's own names.
 */
#include "lib/pki/name_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/pki/cert.h"

enum { INDEX_MAGIC = 0x4e494458, FIRST_SLOTS = 64 };

struct entry {
	char *name; /* NULL: free */
	uint64_t hash;
	uint32_t *items;
	size_t count;
};

struct pki_name_index {
	uint32_t magic;
	struct entry *slots;
	size_t size; /* a power of two, at least twice `names` */
	size_t names;
	size_t pairs;
};

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	return hash ^ hash >> 32;
}

/* The entry of the name, or the free slot where it belongs. */
static struct entry *slot_of(struct entry *slots, size_t size, const char *name, uint64_t hash)
{
	size_t at = hash & (size - 1);

	while (slots[at].name && (slots[at].hash != hash || strcmp(slots[at].name, name) != 0))
		at = (at + 1) & (size - 1);
	return &slots[at];
}

struct pki_name_index *pki_name_index_create(void)
{
	struct pki_name_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->slots = calloc(FIRST_SLOTS, sizeof(*index->slots));
	if (!index->slots) {
		free(index);
		return NULL;
	}
	index->size = FIRST_SLOTS;
	MAGIC_SET(index, INDEX_MAGIC);
	return index;
}

void pki_name_index_destroy(struct pki_name_index *index)
{
	if (!index)
		return;
	MAGIC_CHECK(index, INDEX_MAGIC);
	for (size_t i = 0; i < index->size; i++) {
		free(index->slots[i].name);
		free(index->slots[i].items);
	}
	free(index->slots);
	MAGIC_CLEAR(index);
	free(index);
}

static int grow(struct pki_name_index *index)
{
	size_t size = index->size * 2;
	struct entry *slots;

	if (2 * (index->names + 1) <= index->size)
		return 0;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return SL_ENOMEM;
	for (size_t i = 0; i < index->size; i++)
		if (index->slots[i].name)
			*slot_of(slots, size, index->slots[i].name, index->slots[i].hash) =
			        index->slots[i];
	free(index->slots);
	index->slots = slots;
	index->size = size;
	return 0;
}

static int add_item(struct pki_name_index *index, struct entry *e, uint32_t item)
{
	uint32_t *items;

	for (size_t i = 0; i < e->count; i++)
		if (e->items[i] == item)
			return 0;
	if (index->pairs >= PKI_NAMES_MAX)
		return SL_ELIMIT;
	items = reallocarray(e->items, e->count + 1, sizeof(*items));
	if (!items)
		return SL_ENOMEM;
	e->items = items;
	e->items[e->count++] = item;
	index->pairs++;
	return 0;
}

int pki_name_index_add(struct pki_name_index *index, const char *name, uint32_t item)
{
	char key[PKI_NAME_MAX];
	struct entry *e;
	uint64_t hash;
	int rc;

	MAGIC_CHECK(index, INDEX_MAGIC);
	rc = pki_name_normalise(name, strlen(name), true, key);
	if (rc == 0)
		rc = grow(index);
	if (rc != 0)
		return rc;
	hash = hash_of(key);
	e = slot_of(index->slots, index->size, key, hash);
	if (!e->name) {
		e->name = strdup(key);
		if (!e->name)
			return SL_ENOMEM;
		e->hash = hash;
		index->names++;
	}
	return add_item(index, e, item);
}

struct add_names {
	struct pki_name_index *index;
	uint32_t item;
	int rc;
};

static void add_name(void *arg, const char *name)
{
	struct add_names *a = arg;

	if (a->rc == 0)
		a->rc = pki_name_index_add(a->index, name, a->item);
}

int pki_name_index_add_cert(struct pki_name_index *index, const X509 *cert, uint32_t item)
{
	struct add_names a = {index, item, 0};

	(void)pki_cert_names(cert, add_name, &a);
	return a.rc;
}

static struct pki_name_set find(const struct pki_name_index *index, const char *key)
{
	const struct entry *e = slot_of(index->slots, index->size, key, hash_of(key));

	return (struct pki_name_set){e->items, e->count};
}

struct pki_name_match pki_name_index_find(const struct pki_name_index *index, const char *name,
                                          size_t len)
{
	struct pki_name_match match = {0};
	char key[PKI_NAME_MAX + 1];
	char *dot;

	MAGIC_CHECK(index, INDEX_MAGIC);
	if (pki_name_normalise(name, len, false, key) != 0)
		return match;
	match.exact = find(index, key);
	dot = strchr(key, '.');
	if (!dot || dot == key)
		return match;
	*--dot = '*';
	match.wildcard = find(index, dot);
	return match;
}

size_t pki_name_index_count(const struct pki_name_index *index)
{
	MAGIC_CHECK(index, INDEX_MAGIC);
	return index->names;
}
