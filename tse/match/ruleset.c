/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups in a compiled rule set and its end. Any thread.
 */
#include "tse/match/ruleset.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/magic.h"

bool rs_addr_matches(const struct tse_ruleset *set, uint32_t number, const struct addr *addr)
{
	const struct rs_set *s = &set->addr_sets[number];
	uint32_t lo = 0;
	uint32_t hi = s->count;

	if (number == 0)
		return true;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct rs_addr_range *r = &set->addr_ranges[s->first + mid];

		if (memcmp(addr->bytes, r->lo, 16) < 0)
			hi = mid;
		else if (memcmp(addr->bytes, r->hi, 16) > 0)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

bool rs_port_matches(const struct tse_ruleset *set, uint32_t number, uint16_t port)
{
	const struct rs_set *s = &set->port_sets[number];

	if (number == 0)
		return true;
	for (uint32_t i = 0; i < s->count; i++) {
		const struct rs_port_range *r = &set->port_ranges[s->first + i];

		if (port >= r->lo && port <= r->hi)
			return true;
	}
	return false;
}

void tse_ruleset_destroy(struct tse_ruleset *set)
{
	if (!set)
		return;
	MAGIC_CHECK(set, RS_MAGIC);
	for (uint32_t i = 0; i < set->npcre; i++)
		pcre2_code_free(set->pcre[i]);
	free(set->pcre);
	for (size_t i = 0; i < RS_GROUPS; i++)
		hs_free_database(set->db[i]);
#define X(name, type) free(set->name);
	RS_TABLES(X)
#undef X
	MAGIC_CLEAR(set);
	free(set);
}

void tse_ruleset_info(const struct tse_ruleset *set, struct tse_ruleset_info *ret_info)
{
	MAGIC_CHECK(set, RS_MAGIC);
	*ret_info = set->info;
}
