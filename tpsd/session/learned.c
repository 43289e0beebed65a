/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/session/learned.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/clock.h"

enum { PROBES = 8 };

static uint64_t hash_of(const struct learned *l, const struct addr *server, uint16_t port,
                        const char *sni, size_t sni_len)
{
	const uint64_t prime = 0x100000001b3ULL;
	uint64_t hash = (l->seed ^ port) * prime;

	for (size_t i = 0; i < sizeof(server->bytes); i++)
		hash = (hash ^ server->bytes[i]) * prime;
	for (size_t i = 0; i < sni_len; i++)
		hash = (hash ^ (uint64_t)tolower((unsigned char)sni[i])) * prime;
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

void learned_add(struct learned *l, const struct addr *server, uint16_t port, const char *sni,
                 size_t sni_len, enum reason reason, uint64_t now_ns)
{
	uint64_t life =
	        reason == REASON_KEYS_UNAVAILABLE ? LEARNED_KEYS_LIFETIME_S : LEARNED_LIFETIME_S;
	uint64_t hash = hash_of(l, server, port, sni, sni_len);
	struct learned_entry *e = place_of(l, hash);

	l->count += e->hash == 0;
	*e = (struct learned_entry){
	        .hash = hash, .until_ns = now_ns + life * CLOCK_NS_PER_S, .reason = reason};
}

enum reason learned_find(struct learned *l, const struct addr *server, uint16_t port,
                         const char *sni, size_t sni_len, uint64_t now_ns)
{
	struct learned_entry *e;
	uint64_t hash;

	if (l->count == 0)
		return REASON_NONE;
	hash = hash_of(l, server, port, sni, sni_len);
	e = place_of(l, hash);
	if (e->hash != hash)
		return REASON_NONE;
	if (e->until_ns > now_ns)
		return e->reason;
	e->hash = 0;
	l->count--;
	return REASON_NONE;
}

void learned_clear(struct learned *l)
{
	uint64_t seed = l->seed;

	memset(l, 0, sizeof(*l));
	l->seed = seed;
}
