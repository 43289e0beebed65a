/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a rule's conditions into chains and decides how each is told: by its pattern's hit, on a
 * window, at the end of a body. Runs in the compiler, once a rule and direction.
 */
#include "tse/match/plan.h"

#include "lib/base/err.h"
#include "tse/match/table.h"

enum {
	WINDOW_RAW_MAX = 4096,
	WINDOW_BODY_MAX = 16384,
	STRONG_LITERAL = 4, /* bytes of a content that is not met all the time */
};

static unsigned group_of(uint8_t buffer, unsigned dir)
{
	switch (buffer_table[buffer].kind) {
	case BUFFER_RAW:
		return RS_GROUP_RAW + dir;
	case BUFFER_BODY:
		return RS_GROUP_BODY + dir;
	default:
		return RS_GROUP_WHOLE + buffer;
	}
}

static struct chain_plan *new_chain(struct plan *p, uint8_t buffer)
{
	struct chain_plan *c = &p->chains[p->n++];

	c->buffer = buffer;
	c->group = (uint8_t)group_of(buffer, p->dir);
	c->n = 0;
	c->flags = 0;
	return c;
}

/* A negated condition without a relative place stands alone: what follows is relative to the
 * positive one before it. */
static void plan_buffer(struct plan *p, uint8_t buffer)
{
	struct chain_plan *current = NULL;

	for (unsigned i = 0; i < p->d->nconds; i++) {
		const struct cond *c = &p->d->conds[i];
		struct chain_plan *to = current;

		if (c->buffer != buffer)
			continue;
		if (!cond_is_relative(c) || !current)
			to = new_chain(p, buffer);
		to->cond[to->n++] = (uint8_t)i;
		if (!cond_is_relative(c) && ((c->flags & COND_NEGATED) || c->kind == COND_BSIZE))
			continue;
		current = to;
	}
}

static void plan_chains(struct plan *p)
{
	bool done[TSE_BUF_COUNT] = {false};

	for (unsigned i = 0; i < p->d->nconds; i++) {
		uint8_t buffer = p->d->conds[i].buffer;

		if (!done[buffer])
			plan_buffer(p, buffer);
		done[buffer] = true;
	}
}

const struct cond *plan_best_content(const struct plan *p, const struct chain_plan *c)
{
	const struct cond *best = NULL;

	for (unsigned i = 0; i < c->n; i++) {
		const struct cond *k = &p->d->conds[c->cond[i]];

		if (k->kind != COND_CONTENT || (k->flags & COND_NEGATED))
			continue;
		if (k->flags & COND_FAST)
			return k;
		if (!best || k->len > best->len)
			best = k;
	}
	return best;
}

const struct cond *plan_first_pcre(const struct plan *p, const struct chain_plan *c)
{
	const struct cond *k = &p->d->conds[c->cond[0]];

	return k->kind == COND_PCRE && !(k->flags & COND_NEGATED) ? k : NULL;
}

static uint32_t chain_span(const struct plan *p, const struct chain_plan *c)
{
	uint64_t span = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct cond *k = &p->d->conds[c->cond[i]];

		if (k->kind == COND_PCRE)
			return UINT32_MAX;
		if (k->kind == COND_ISDATAAT)
			span += (uint32_t)k->offset;
		else if (i == 0)
			span += k->len;
		else if (k->flags & COND_WITHIN)
			span += (uint32_t)(k->within + SL_MAX(k->distance, 0));
		else
			return UINT32_MAX;
	}
	return span > UINT32_MAX ? UINT32_MAX : (uint32_t)span;
}

/* Flags of a chain of a stream; those of whole buffers need none. */
static void classify(const struct plan *p, struct chain_plan *c)
{
	const struct cond *first = &p->d->conds[c->cond[0]];
	bool body = c->group >= RS_GROUP_BODY;
	bool decided = first->kind == COND_CONTENT && !(first->flags & COND_ENDSWITH) &&
	               !first->fast_len && first->len <= LITERAL_MAX;

	if (!rs_group_is_stream(c->group))
		return;
	if (c->n == 1 && (first->flags & COND_NEGATED)) {
		c->flags = RS_CHAIN_NEGATED;
		c->flags |= decided ? RS_CHAIN_SIMPLE : body ? RS_CHAIN_AT_END : RS_CHAIN_LAZY;
	} else if (first->kind == COND_BSIZE) {
		c->flags = RS_CHAIN_AT_END;
	} else if (!plan_best_content(p, c)) {
		c->flags = RS_CHAIN_LAZY;
	} else if (c->n == 1 && decided) {
		c->flags = RS_CHAIN_SIMPLE;
	}
}

static int add_chain(struct builder *b, const struct plan *p, const struct chain_plan *c,
                     uint32_t *ret_index)
{
	struct tse_ruleset *set = b->set;
	struct rs_group *group = &set->groups[c->group];
	void *conds = set->conds;
	void *chains = set->chains;
	uint32_t span = chain_span(p, c);
	uint32_t cap = c->group >= RS_GROUP_BODY ? WINDOW_BODY_MAX : WINDOW_RAW_MAX;
	int rc = table_grow(&conds, set->nconds, &b->cap_conds, sizeof(*set->conds), c->n);

	if (rc != 0)
		return rc;
	set->conds = conds;
	rc = table_grow(&chains, set->nchains, &b->cap_chains, sizeof(*set->chains), 1);
	if (rc != 0)
		return rc;
	set->chains = chains;
	set->chains[set->nchains] = (struct rs_chain){.rule = p->rule,
	                                              .cond = set->nconds,
	                                              .nconds = c->n,
	                                              .buffer = c->buffer,
	                                              .group = c->group,
	                                              .flags = c->flags,
	                                              .bit = group->nchains++,
	                                              .span = span};
	for (unsigned i = 0; i < c->n; i++)
		set->conds[set->nconds++] = p->conds[c->cond[i]];
	if (rs_group_is_stream(c->group) && !(c->flags & RS_CHAIN_SIMPLE))
		group->window = SL_MAX(group->window, SL_MIN(span, cap));
	*ret_index = set->nchains++;
	return 0;
}

static void note_wakers(struct plan *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct chain_plan *c = &p->chains[i];

		classify(p, c);
		if (!rs_group_is_stream(c->group) || (c->flags & RS_CHAIN_NEGATED) ||
		    !plan_best_content(p, c))
			continue;
		p->body_wakes |= c->group >= RS_GROUP_BODY;
		p->raw_wakes |= c->group < RS_GROUP_BODY;
	}
}

static uint32_t literal_len(const struct plan *p, const struct chain_plan *c)
{
	const struct cond *k = plan_best_content(p, c);

	return !k || (c->flags & RS_CHAIN_NEGATED) ? 0 : k->fast_len ? k->fast_len : k->len;
}

/* A chain of several conditions whose contents are all short would be woken all the time: where
 * the rule has a better one in the same stream, it waits for that. */
static void spare_weak_chains(struct plan *p)
{
	bool strong[RS_STREAM_GROUPS] = {false};

	for (unsigned i = 0; i < p->n; i++) {
		if (rs_group_is_stream(p->chains[i].group) &&
		    literal_len(p, &p->chains[i]) >= STRONG_LITERAL)
			strong[p->chains[i].group] = true;
	}
	for (unsigned i = 0; i < p->n; i++) {
		struct chain_plan *c = &p->chains[i];

		if (rs_group_is_stream(c->group) && strong[c->group] && c->flags == 0 &&
		    literal_len(p, c) < STRONG_LITERAL)
			c->flags = RS_CHAIN_LAZY;
	}
}

struct plan_shape {
	bool whole, body, raw, at_end;
	bool positive_pcre; /* a pcre that could wake it in a stream */
};

static struct plan_shape shape_of(const struct plan *p)
{
	struct plan_shape s = {0};

	for (unsigned i = 0; i < p->n; i++) {
		const struct chain_plan *c = &p->chains[i];
		bool stream = rs_group_is_stream(c->group);
		bool body = stream && c->group >= RS_GROUP_BODY;

		s.whole |= !stream;
		s.body |= body;
		s.raw |= stream && !body;
		s.at_end |=
		        body && (c->flags & (RS_CHAIN_AT_END | RS_CHAIN_NEGATED | RS_CHAIN_LAZY));
		s.positive_pcre |= stream && plan_first_pcre(p, c) != NULL;
	}
	return s;
}

static int refuse(struct rule_error *err, const char *text, const char *remedy)
{
	err->column = 0;
	return rule_error_set(err, SL_EREFUSED, remedy, "%s", text);
}

/* All that must hold before anything is added. */
static int check_plan(const struct plan *p, const struct plan_shape *s, struct rule_error *err)
{
	if (s->raw && !s->whole && !s->body && !p->raw_wakes && !s->positive_pcre)
		return refuse(err,
		              "nothing in the byte stream wakes it: its conditions are all "
		              "negative",
		              "add a content that must be there");
	for (unsigned i = 0; i < p->d->nconds; i++) {
		if ((p->d->conds[i].flags & (COND_FAST | COND_NEGATED)) ==
		    (COND_FAST | COND_NEGATED))
			return refuse(err, "fast_pattern on a negated content cannot wake a rule",
			              "move it to a content that must be there");
	}
	return 0;
}

int plan_direction(struct builder *b, struct plan *p, struct rule_error *err)
{
	struct plan_shape s;
	uint32_t index = 0;
	uint32_t first = b->set->nchains;
	bool woken;
	int rc;

	plan_chains(p);
	note_wakers(p);
	spare_weak_chains(p);
	s = shape_of(p);
	rc = check_plan(p, &s, err);
	if (rc != 0)
		return rc;
	if (p->n == 0)
		return p->dir == 0 || !(b->set->rules[p->rule].dirs & BUFFER_TS)
		               ? builder_add_to_list(b, RS_LIST_HEADER, p->rule)
		               : 0;
	if (s.whole && !p->body_wakes)
		rc = wake_whole(b, p);
	woken = s.whole || p->body_wakes || p->raw_wakes || s.at_end;
	for (unsigned i = 0; rc == 0 && i < p->n; i++) {
		rc = add_chain(b, p, &p->chains[i], &index);
		if (rc == 0 && rs_group_is_stream(p->chains[i].group))
			rc = wake_stream(b, p, &p->chains[i], index, !woken);
	}
	if (rc == SL_EREFUSED)
		return refuse(err, "its pcre cannot be looked for by itself",
		              "add a content that the expression implies");
	if (rc == 0 && s.at_end)
		rc = builder_add_to_list(b, RS_LIST_END + p->dir, p->rule);
	b->set->rules[p->rule].chain[p->dir] = first;
	b->set->rules[p->rule].nchains[p->dir] = (uint16_t)(b->set->nchains - first);
	return rc;
}
