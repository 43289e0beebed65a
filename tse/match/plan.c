/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule becomes: its conditions are cut into chains, each chain of a stream gets a pattern
 * that wakes it, and the conditions on whole buffers share one pattern. Also here: the police of
 * slow rules. Runs in the compiler, once a rule and direction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/match/builder.h"
#include "tse/match/database.h"
#include "tse/match/table.h"
#include "tse/rule/draft.h"

enum {
	LITERAL_MAX = 128, /* bytes of a content given to the matcher */
	SHORT_LITERAL = 2, /* as short as this, it wakes its rule all the time */
	WINDOW_RAW_MAX = 4096,
	WINDOW_BODY_MAX = 16384,
};

struct chain_plan {
	uint8_t buffer;
	uint8_t group;
	uint8_t n;
	uint8_t flags;
	uint8_t cond[DRAFT_CONDS_MAX];
};

struct plan {
	const struct draft *d;
	unsigned dir;
	uint32_t rule;
	bool body_wakes, raw_wakes;
	bool quiet; /* warnings were given for the other direction */
	unsigned n;
	struct cond conds[DRAFT_CONDS_MAX]; /* the draft's, with their places in the set */
	struct chain_plan chains[DRAFT_CONDS_MAX];
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

/* The content of a chain to look for: the one asked for, else the longest. NULL: none. */
static const struct cond *best_content(const struct plan *p, const struct chain_plan *c)
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

static void literal_of(const struct plan *p, const struct cond *k, const uint8_t **ret_data,
                       uint32_t *ret_len)
{
	*ret_data = p->d->bytes + k->data + (k->fast_len ? k->fast_offset : 0);
	*ret_len = SL_MIN(k->fast_len ? k->fast_len : k->len, (uint32_t)LITERAL_MAX);
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
	} else if (!best_content(p, c)) {
		c->flags = RS_CHAIN_LAZY;
	} else if (c->n == 1 && decided) {
		c->flags = RS_CHAIN_SIMPLE;
	}
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

static const struct cond *first_pcre(const struct plan *p, const struct chain_plan *c)
{
	const struct cond *k = &p->d->conds[c->cond[0]];

	return k->kind == COND_PCRE && !(k->flags & COND_NEGATED) ? k : NULL;
}

/* One pattern for all conditions on whole buffers: the content asked for, the longest, a pcre. */
static int wake_whole(struct builder *b, struct plan *p)
{
	const struct chain_plan *chain = NULL;
	const struct cond *best = NULL;
	bool taken = false;
	int rc = 0;

	for (unsigned i = 0; i < p->n; i++) {
		const struct cond *k;

		if (rs_group_is_stream(p->chains[i].group))
			continue;
		k = best_content(p, &p->chains[i]);
		if (k && (!best || (k->flags & COND_FAST) ||
		          (!(best->flags & COND_FAST) && k->len > best->len))) {
			best = k;
			chain = &p->chains[i];
		}
	}
	if (best)
		return wake_by_content(b, p, chain, best, p->rule);
	for (unsigned i = 0; rc == 0 && !taken && i < p->n; i++) {
		const struct cond *k = first_pcre(p, &p->chains[i]);

		if (k && !rs_group_is_stream(p->chains[i].group))
			rc = wake_by_pcre(b, p, &p->chains[i], k, p->rule, &taken);
	}
	if (rc != 0 || taken)
		return rc;
	say_slow(b, p, "slow: no content wakes it, it is tried with each message", "add a content");
	return builder_add_to_list(b, RS_LIST_ALWAYS + p->dir, p->rule);
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

/* A chain of a stream gets its pattern; one without content only if nothing else wakes the rule. */
static int wake_stream(struct builder *b, struct plan *p, struct chain_plan *c, uint32_t index,
                       bool alone)
{
	const struct cond *k = best_content(p, c);
	bool taken;
	int rc;

	if (c->flags & RS_CHAIN_AT_END)
		return 0;
	if ((c->flags & RS_CHAIN_NEGATED) && (c->flags & RS_CHAIN_SIMPLE))
		return wake_by_content(b, p, c, &p->d->conds[c->cond[0]], index);
	if (k)
		return wake_by_content(b, p, c, k, index);
	k = first_pcre(p, c);
	if (!alone || !k)
		return 0;
	rc = wake_by_pcre(b, p, c, k, index, &taken);
	if (rc == 0 && taken)
		b->set->chains[index].flags &= ~(uint32_t)RS_CHAIN_LAZY;
	return rc != 0 || taken ? rc : SL_EREFUSED;
}

static void note_wakers(struct plan *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct chain_plan *c = &p->chains[i];

		classify(p, c);
		if (!rs_group_is_stream(c->group) || (c->flags & RS_CHAIN_NEGATED) ||
		    !best_content(p, c))
			continue;
		p->body_wakes |= c->group >= RS_GROUP_BODY;
		p->raw_wakes |= c->group < RS_GROUP_BODY;
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
		s.positive_pcre |= stream && first_pcre(p, c) != NULL;
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

/* The rule in one direction. */
static int plan_direction(struct builder *b, struct plan *p, struct rule_error *err)
{
	struct plan_shape s;
	uint32_t index = 0;
	uint32_t first = b->set->nchains;
	bool woken;
	int rc;

	plan_chains(p);
	note_wakers(p);
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

/* Directions and services that the buffers leave. */
static int narrow(const struct draft *d, struct rs_rule *r, struct rule_error *err)
{
	r->dirs = d->dirs ? d->dirs : BUFFER_BOTH;
	r->services = d->services;
	for (unsigned i = 0; i < d->nconds; i++) {
		const struct buffer_info *info = &buffer_table[d->conds[i].buffer];

		r->dirs &= info->dirs;
		if (info->kind != BUFFER_RAW) {
			r->services &= 1 << TSE_SERVICE_HTTP;
			r->flags |= RS_RULE_TX;
		}
		err->column = d->columns[i];
		if (r->dirs == 0)
			return rule_error_set(
			        err, SL_EREFUSED,
			        "split it in a rule for requests and one for responses",
			        "%s is not in the direction of the rule's others", info->sticky);
		if (r->services == 0)
			return rule_error_set(err, SL_EREFUSED, "use http as the protocol",
			                      "%s with a protocol other than HTTP", info->sticky);
	}
	return 0;
}

static int add_texts(struct builder *b, const struct draft *d, struct rs_rule *r)
{
	int rc = builder_add_bytes(b, d->msg, strlen(d->msg) + 1, &r->msg);

	if (rc == 0)
		rc = builder_add_bytes(b, d->classtype, strlen(d->classtype) + 1, &r->classtype);
	if (rc == 0)
		rc = builder_add_bytes(b, d->metadata, strlen(d->metadata) + 1, &r->metadata);
	return rc;
}

static int add_pcre(struct builder *b, const struct draft *d, struct cond *c)
{
	void *p = b->set->pcre;
	int code;
	PCRE2_SIZE at;
	pcre2_code *re;
	int rc = table_grow(&p, b->set->npcre, &b->cap_pcre, sizeof(*b->set->pcre), 1);

	if (rc != 0)
		return rc;
	b->set->pcre = p;
	re = pcre2_compile(d->bytes + c->data, c->len, c->pcre_options, &code, &at, NULL);
	if (!re)
		return SL_ENOMEM;                        /* it compiled when it was read */
	(void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without JIT it is interpreted */
	c->pcre = b->set->npcre;
	b->set->pcre[b->set->npcre++] = re;
	return 0;
}

/* Moves the draft's bytes to the set: conditions then name places there. */
static int move_conds(struct builder *b, const struct draft *d, struct cond *conds)
{
	uint32_t base;
	int rc = builder_add_bytes(b, d->bytes, d->nbytes, &base);

	for (unsigned i = 0; rc == 0 && i < d->nconds; i++) {
		conds[i] = d->conds[i];
		if (conds[i].kind == COND_PCRE)
			rc = add_pcre(b, d, &conds[i]);
		conds[i].data += base;
	}
	return rc;
}

static int add_row(struct builder *b, const struct draft *d, const struct tse_action *action,
                   struct rs_rule *r)
{
	void *rules = b->set->rules;
	int rc = table_grow(&rules, b->set->nrules, &b->cap_rules, sizeof(*r), 1);

	if (rc != 0)
		return rc;
	b->set->rules = rules;
	r->gid = d->gid;
	r->sid = d->sid;
	r->rev = d->rev;
	r->priority = (uint8_t)d->priority;
	r->action = *action;
	r->src_addr = d->src_addr;
	r->dst_addr = d->dst_addr;
	r->src_port = d->src_port;
	r->dst_port = d->dst_port;
	r->flags |= (d->pass ? RS_RULE_PASS : 0) | (d->bidirectional ? RS_RULE_BIDIRECTIONAL : 0) |
	            (d->noalert ? RS_RULE_NOALERT : 0);
	b->set->rules[b->set->nrules] = *r;
	return 0;
}

static int plan_rule(struct builder *b, const struct draft *d, uint8_t dirs, struct rule_error *err)
{
	struct plan *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return SL_ENOMEM;
	rc = move_conds(b, d, p->conds);
	for (unsigned dir = 0; rc == 0 && dir < 2; dir++) {
		if (!(dirs & (1u << dir)))
			continue;
		p->d = d;
		p->dir = dir;
		p->rule = b->set->nrules;
		p->n = 0;
		p->body_wakes = p->raw_wakes = false;
		rc = plan_direction(b, p, err);
		p->quiet = true;
	}
	free(p);
	return rc;
}

int builder_add_rule(struct builder *b, const struct draft *d, const struct tse_action *action,
                     struct rule_error *err)
{
	struct rs_rule r = {0};
	struct rs_rule *row;
	int rc = narrow(d, &r, err);

	if (rc == 0)
		rc = add_texts(b, d, &r);
	if (rc == 0)
		rc = add_row(b, d, action, &r);
	if (rc != 0)
		return rc;
	rc = plan_rule(b, d, r.dirs, err);
	row = &b->set->rules[b->set->nrules++];
	if (rc != 0) { /* what was added names the row: it stays, and matches nothing */
		row->dirs = row->services = 0;
		row->nchains[0] = row->nchains[1] = 0;
	}
	return rc;
}
