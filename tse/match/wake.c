/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the patterns that wake a rule, and is the police of slow ones. Runs in the compiler.
 */
#include <string.h>

#include "lib/base/err.h"
#include "tse/match/database.h"
#include "tse/match/plan.h"

enum { SHORT_LITERAL = 2 }; /* as short as this, it wakes its rule all the time */

static void literal_of(const struct plan *p, const struct cond *k, const uint8_t **ret_data,
                       uint32_t *ret_len)
{
	*ret_data = p->d->bytes + k->data + (k->fast_len ? k->fast_offset : 0);
	*ret_len = SL_MIN(k->fast_len ? k->fast_len : k->len, (uint32_t)LITERAL_MAX);
}

static void say_slow(struct builder *b, const struct plan *p, const char *text, const char *remedy)
{
	if (b->warn && !p->quiet)
		b->warn(b->warn_arg, p->d, text, remedy);
}

static int wake_by_content(struct builder *b, struct plan *p, const struct chain_plan *c,
                           const struct cond *k, uint32_t target)
{
	const uint8_t *data;
	uint32_t len;
	bool single = (c->flags & RS_CHAIN_SIMPLE) && !(k->flags & (COND_OFFSET | COND_DEPTH));

	literal_of(p, k, &data, &len);
	if (len <= SHORT_LITERAL && !(c->flags & RS_CHAIN_NEGATED))
		say_slow(b, p, "slow: it is woken by a content of one or two bytes",
		         "add a longer content, or name one with fast_pattern");
	return builder_add_literal(b, c->group, data, len, (k->flags & COND_NOCASE) != 0, single,
	                           target);
}

/* Does an expression repeat a class or the dot without bound? */
static bool repeats_freely(const char *text)
{
	for (const char *s = text; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if ((*s == '*' || *s == '+') && s > text && (s[-1] == '.' || s[-1] == ']'))
			return true;
	}
	return false;
}

/* An expression without any content wakes its rule itself, if the matcher takes it. */
static int wake_by_pcre(struct builder *b, struct plan *p, const struct chain_plan *c,
                        const struct cond *k, uint32_t target, bool *ret_taken)
{
	uint32_t flags = HS_FLAG_PREFILTER;
	char text[1024];

	*ret_taken = false;
	if (k->len >= sizeof(text) || (k->pcre_options & PCRE2_EXTENDED))
		return 0;
	memcpy(text, p->d->bytes + k->data, k->len);
	text[k->len] = '\0';
	flags |= k->pcre_options & PCRE2_CASELESS ? HS_FLAG_CASELESS : 0;
	flags |= k->pcre_options & PCRE2_DOTALL ? HS_FLAG_DOTALL : 0;
	flags |= k->pcre_options & PCRE2_MULTILINE ? HS_FLAG_MULTILINE : 0;
	if (strlen(text) != k->len || !database_takes(text, flags, rs_group_is_stream(c->group)))
		return 0;
	*ret_taken = true;
	say_slow(b, p,
	         repeats_freely(text)
	                 ? "slow: a pcre without a content, with an unbounded repeat of a class"
	                 : "slow: a pcre without a content wakes it",
	         "add a content that the expression implies");
	return builder_add_expression(b, c->group, text, flags, target);
}

int wake_whole(struct builder *b, struct plan *p)
{
	const struct chain_plan *chain = NULL;
	const struct cond *best = NULL;
	bool taken = false;
	int rc = 0;

	for (unsigned i = 0; i < p->n; i++) {
		const struct cond *k;

		if (rs_group_is_stream(p->chains[i].group))
			continue;
		k = plan_best_content(p, &p->chains[i]);
		if (k && (!best || (k->flags & COND_FAST) ||
		          (!(best->flags & COND_FAST) && k->len > best->len))) {
			best = k;
			chain = &p->chains[i];
		}
	}
	if (best)
		return wake_by_content(b, p, chain, best, p->rule);
	for (unsigned i = 0; rc == 0 && !taken && i < p->n; i++) {
		const struct cond *k = plan_first_pcre(p, &p->chains[i]);

		if (k && !rs_group_is_stream(p->chains[i].group))
			rc = wake_by_pcre(b, p, &p->chains[i], k, p->rule, &taken);
	}
	if (rc != 0 || taken)
		return rc;
	say_slow(b, p, "slow: no content wakes it, it is tried with each message", "add a content");
	return builder_add_to_list(b, RS_LIST_ALWAYS + p->dir, p->rule);
}

int wake_stream(struct builder *b, struct plan *p, const struct chain_plan *c, uint32_t index,
                bool alone)
{
	const struct cond *k = plan_best_content(p, c);
	bool taken;
	int rc;

	if (c->flags & RS_CHAIN_AT_END)
		return 0;
	if ((c->flags & RS_CHAIN_NEGATED) && (c->flags & RS_CHAIN_SIMPLE))
		return wake_by_content(b, p, c, &p->d->conds[c->cond[0]], index);
	if (k)
		return c->flags & RS_CHAIN_LAZY ? 0 : wake_by_content(b, p, c, k, index);
	k = plan_first_pcre(p, c);
	if (!alone || !k)
		return 0;
	rc = wake_by_pcre(b, p, c, k, index, &taken);
	if (rc == 0 && taken)
		b->set->chains[index].flags &= ~(uint32_t)RS_CHAIN_LAZY;
	return rc != 0 || taken ? rc : SL_EREFUSED;
}
