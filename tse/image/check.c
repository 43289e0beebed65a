/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that every index in the tables of an opened rule set names something.
 */
#include "tse/image/check.h"

#include "lib/base/err.h"

/* Do `count` elements from `first` lie in a table of `n`? */
static bool within(uint64_t first, uint64_t count, uint64_t n)
{
	return first <= n && count <= n - first;
}

static bool rule_fits(const struct tse_ruleset *set, const struct rs_rule *r)
{
	for (unsigned d = 0; d < 2; d++) {
		if (!within(r->chain[d], r->nchains[d], set->nchains))
			return false;
	}
	return r->msg < set->nbytes && r->classtype < set->nbytes && r->metadata < set->nbytes &&
	       r->src_addr < set->naddr_sets && r->dst_addr < set->naddr_sets &&
	       r->src_port < set->nport_sets && r->dst_port < set->nport_sets;
}

static bool chain_fits(const struct tse_ruleset *set, const struct rs_chain *c)
{
	return c->rule < set->nrules && c->nconds > 0 && within(c->cond, c->nconds, set->nconds) &&
	       c->buffer < TSE_BUF_COUNT && c->group < RS_GROUPS &&
	       c->bit < set->groups[c->group].nchains;
}

static bool cond_fits(const struct tse_ruleset *set, const struct cond *c)
{
	return c->kind <= COND_BSIZE && within(c->data, c->len, set->nbytes) &&
	       (c->kind != COND_PCRE || c->pcre < set->npcre) &&
	       (c->kind != COND_CONTENT || c->len > 0);
}

static bool pattern_fits(const struct tse_ruleset *set, const struct rs_pattern *p)
{
	uint32_t n = rs_group_is_stream(p->group) ? set->nchains : set->nrules;

	if (p->group >= RS_GROUPS || !within(p->ref, p->nrefs, set->nrefs))
		return false;
	for (uint32_t i = 0; i < p->nrefs; i++) {
		if (set->refs[p->ref + i] >= n)
			return false;
	}
	return true;
}

static bool addr_set_fits(const struct tse_ruleset *set, const struct rs_set *s)
{
	return within(s->first, s->count, set->naddr_ranges);
}

static bool port_set_fits(const struct tse_ruleset *set, const struct rs_set *s)
{
	return within(s->first, s->count, set->nport_ranges);
}

static bool list_fits(const struct tse_ruleset *set, const struct rs_set *s)
{
	return within(s->first, s->count, set->nlist_items);
}

static bool item_fits(const struct tse_ruleset *set, const uint32_t *rule)
{
	return *rule < set->nrules;
}

#define ALL(set, table, fits)                                                                      \
	for (uint32_t i_ = 0; i_ < (set)->n##table; i_++) {                                        \
		if (!fits((set), &(set)->table[i_]))                                               \
			return SL_EMALFORMED;                                                      \
	}

int image_check(const struct tse_ruleset *set)
{
	if (set->ngroups != RS_GROUPS || set->nlists != RS_LISTS || set->naddr_sets == 0 ||
	    set->nport_sets == 0 || set->nbytes == 0 || set->bytes[set->nbytes - 1] != 0)
		return SL_EMALFORMED;
	ALL(set, rules, rule_fits);
	ALL(set, chains, chain_fits);
	ALL(set, conds, cond_fits);
	ALL(set, patterns, pattern_fits);
	ALL(set, addr_sets, addr_set_fits);
	ALL(set, port_sets, port_set_fits);
	ALL(set, lists, list_fits);
	ALL(set, list_items, item_fits);
	return 0;
}
