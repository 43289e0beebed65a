/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a draft into the rule set: its row, its texts, its expressions, and per direction its plan.
 * Runs in the compiler, once a rule.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/match/plan.h"
#include "tse/match/table.h"

/* The host is in lower case: a content with capitals would never match. */
static bool is_hopeless(const struct draft *d, const struct cond *c)
{
	if (c->buffer != TSE_BUF_HOST || c->kind != COND_CONTENT || (c->flags & COND_NOCASE))
		return false;
	for (uint32_t i = 0; i < c->len; i++) {
		if (d->bytes[c->data + i] >= 'A' && d->bytes[c->data + i] <= 'Z')
			return true;
	}
	return false;
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
		if (is_hopeless(d, &d->conds[i]))
			return rule_error_set(err, SL_EREFUSED,
			                      "write it in lower case, or use http.host.raw",
			                      "a content with capitals in http.host");
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
