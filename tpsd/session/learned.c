/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/session/learned.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "lib/base/clock.h"

enum { PROBES = 8 };

struct learned {
	pthread_mutex_t lock;
	uint64_t seed; /* of the hash: an outsider cannot choose what collides */
	uint64_t revision;
	atomic_size_t count; /* read without the lock: nearly always 0 */
	/* Which client an entry is charged to, as a number that is not 0; 0: none. Beside the
	 * entries, so that all of a client's are found in microseconds. */
	uint32_t owners[LEARNED_MAX];
	struct learned_entry entries[LEARNED_MAX];
};

struct learned *learned_create(void)
{
	struct learned *l =
	        mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;
	int rc;

	if (l == MAP_FAILED)
		return NULL;
	rc = pthread_mutexattr_init(&attr);
	if (rc == 0)
		rc = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (rc == 0)
		rc = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (rc == 0)
		rc = pthread_mutex_init(&l->lock, &attr);
	/* Not OpenSSL's: it is `parent` that is here, and narrow_load() has to come first. */
	if (rc != 0 || getrandom(&l->seed, sizeof(l->seed), 0) != (ssize_t)sizeof(l->seed)) {
		(void)munmap(l, sizeof(*l));
		return NULL;
	}
	return l;
}

void learned_destroy(struct learned *l)
{
	if (l)
		(void)munmap(l, sizeof(*l));
}

/* Entries are whole or half written by a worker that died; neither does harm. */
static bool lock(struct learned *l)
{
	int rc = pthread_mutex_lock(&l->lock);

	if (rc == EOWNERDEAD)
		rc = pthread_mutex_consistent(&l->lock);
	return rc == 0;
}

static void unlock(struct learned *l)
{
	(void)pthread_mutex_unlock(&l->lock);
}

static uint64_t hash_addr(uint64_t hash, const struct addr *a)
{
	for (size_t i = 0; i < sizeof(a->bytes); i++)
		hash = (hash ^ a->bytes[i]) * 0x100000001b3ULL;
	return hash;
}

static uint64_t hash_of(const struct learned *l, const struct learned_key *key, bool counting)
{
	uint64_t hash = (l->seed ^ key->port ^ (uint64_t)counting << 16) * 0x100000001b3ULL;

	hash = hash_addr(hash, key->server);
	if (key->client)
		hash = hash_addr(hash, key->client);
	for (size_t i = 0; key->sni[i] && i < LEARNED_NAME_MAX - 1; i++)
		hash = (hash ^ (uint64_t)tolower((unsigned char)key->sni[i])) * 0x100000001b3ULL;
	return hash | 1;
}

/* The entry of that hash, else the free or oldest one of its few places. */
static struct learned_entry *place_of(struct learned *l, uint64_t hash)
{
	struct learned_entry *best = NULL;

	for (size_t i = 0; i < PROBES; i++) {
		struct learned_entry *e = &l->entries[(hash / 2 + i) % LEARNED_MAX];

		if (e->hash == hash)
			return e;
		if (!best || (best->hash && (!e->hash || e->until_ns < best->until_ns)))
			best = e;
	}
	return best;
}

static void remove_entry(struct learned *l, struct learned_entry *e)
{
	e->hash = 0;
	l->owners[e - l->entries] = 0;
	atomic_fetch_sub(&l->count, 1);
}

static uint32_t owner_of(const struct learned *l, const struct addr *client)
{
	return client ? (uint32_t)(hash_addr(l->seed, client) >> 32) | 1 : 0;
}

/* A client that has as many entries as it may loses the one of them that ends first. */
static void make_room(struct learned *l, uint32_t owner)
{
	struct learned_entry *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < LEARNED_MAX; i++) {
		struct learned_entry *e = &l->entries[i];

		if (l->owners[i] != owner || !e->hash)
			continue;
		count++;
		if (!first || e->until_ns < first->until_ns)
			first = e;
	}
	if (count >= LEARNED_CLIENT_MAX)
		remove_entry(l, first);
}

/* `owner`: whom a new one is charged to; 0: nobody. */
static struct learned_entry *put(struct learned *l, const struct learned_key *key, bool counting,
                                 uint32_t owner, enum reason reason, uint64_t until_ns)
{
	uint64_t hash = hash_of(l, key, counting);
	struct learned_entry *e = place_of(l, hash);

	if (e->hash != hash && owner) {
		make_room(l, owner);
		e = place_of(l, hash);
	}
	if (!e->hash)
		atomic_fetch_add(&l->count, 1);
	if (e->hash != hash) {
		l->owners[e - l->entries] = owner;
		*e = (struct learned_entry){.hash = hash,
		                            .counting = counting,
		                            .server = *key->server,
		                            .port = key->port};
		if (key->client)
			e->client = *key->client;
		for (size_t i = 0; key->sni[i] && i < LEARNED_NAME_MAX - 1; i++)
			e->sni[i] = key->sni[i];
	}
	e->until_ns = until_ns;
	e->reason = reason;
	return e;
}

/* Whether this client is the last one that was missing. */
static bool count_client(struct learned *l, const struct learned_key *key, enum reason reason,
                         uint64_t until_ns)
{
	const struct learned_key site = {.server = key->server, .port = key->port, .sni = key->sni};
	struct learned_entry *e = put(l, &site, true, owner_of(l, key->client), reason, until_ns);
	uint64_t client = hash_addr(l->seed, key->client);

	for (size_t i = 0; i < e->clients; i++)
		if (e->client_hashes[i] == client)
			return false;
	if (e->clients < LEARNED_CLIENTS)
		e->client_hashes[e->clients++] = client;
	return e->clients == LEARNED_CLIENTS;
}

void learned_add(struct learned *l, const struct learned_key *key, enum reason reason,
                 uint64_t now_ns)
{
	uint64_t life =
	        reason == REASON_KEYS_UNAVAILABLE ? LEARNED_KEYS_LIFETIME_S : LEARNED_LIFETIME_S;
	const struct learned_key site = {.server = key->server, .port = key->port, .sni = key->sni};
	uint64_t until_ns = now_ns + life * CLOCK_NS_PER_S;

	if (!lock(l))
		return;
	(void)put(l, key, false, owner_of(l, key->client), reason, until_ns);
	if (key->client && count_client(l, key, reason, until_ns))
		(void)put(l, &site, false, 0, reason, until_ns);
	unlock(l);
}

enum reason learned_find(struct learned *l, const struct learned_key *key, uint64_t now_ns)
{
	enum reason reason = REASON_NONE;
	struct learned_entry *e;
	uint64_t hash;

	if (atomic_load_explicit(&l->count, memory_order_relaxed) == 0 || !lock(l))
		return REASON_NONE;
	hash = hash_of(l, key, false);
	e = place_of(l, hash);
	if (e->hash == hash) {
		if (e->until_ns > now_ns)
			reason = e->reason;
		else
			remove_entry(l, e);
	}
	unlock(l);
	return (unsigned)reason < REASON_END ? reason : REASON_NONE;
}

static bool is_about(const struct learned_entry *e, const char *sni)
{
	return e->hash && (!sni || !sni[0] || strncasecmp(e->sni, sni, LEARNED_NAME_MAX) == 0);
}

/* An entry is counted before it is written. To look through none at all would cost the memory of
 * all: a page that is read is there from then on. */
static bool is_empty(const struct learned *l)
{
	return atomic_load(&l->count) == 0;
}

static size_t clear_locked(struct learned *l, const char *sni)
{
	size_t n = 0;

	if (is_empty(l))
		return 0;
	for (size_t i = 0; i < LEARNED_MAX; i++) {
		if (!is_about(&l->entries[i], sni))
			continue;
		n += !l->entries[i].counting;
		remove_entry(l, &l->entries[i]);
	}
	return n;
}

size_t learned_clear(struct learned *l, const char *sni)
{
	size_t n;

	if (!lock(l))
		return 0;
	n = clear_locked(l, sni);
	unlock(l);
	return n;
}

void learned_begin(struct learned *l, uint64_t revision)
{
	if (!lock(l))
		return;
	if (l->revision != revision)
		(void)clear_locked(l, NULL);
	l->revision = revision;
	unlock(l);
}

void learned_each(struct learned *l, uint64_t now_ns, learned_fn *fn, void *arg)
{
	if (is_empty(l))
		return;
	for (size_t i = 0; i < LEARNED_MAX; i++) {
		struct learned_entry copy;

		if (!lock(l))
			return;
		copy = l->entries[i];
		unlock(l);
		copy.sni[LEARNED_NAME_MAX - 1] = '\0';
		if (copy.hash && !copy.counting && copy.until_ns > now_ns)
			fn(arg, &copy);
	}
}

size_t learned_count(const struct learned *l)
{
	return atomic_load(&l->count);
}
