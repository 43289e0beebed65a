/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule becomes in one direction, in the making: for plan.c, wake.c and add_rule.c only.
 * Runs in the compiler.
 */
#pragma once

#include "tse/match/builder.h"
#include "tse/rule/draft.h"

enum { LITERAL_MAX = 128 }; /* bytes of a content given to the matcher */

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

/* Plans d's rule in p->dir (d, dir, rule, conds, quiet are set) and adds its chains and patterns.
 * SL_EREFUSED with err set; SL_ENOMEM, SL_ELIMIT. */
int plan_direction(struct builder *b, struct plan *p, struct rule_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The content of a chain to look for: the one asked for, else the longest. NULL: none. */
const struct cond *plan_best_content(const struct plan *p, const struct chain_plan *c)
        SL_NONNULL(1, 2);

/* The expression that a chain begins with, not negated, or NULL. */
const struct cond *plan_first_pcre(const struct plan *p, const struct chain_plan *c)
        SL_NONNULL(1, 2);

/* One pattern for all conditions on whole buffers. */
int wake_whole(struct builder *b, struct plan *p) SL_NONNULL(1, 2) SL_MUST;

/* A pattern for a chain of a stream, which is number `index` in the set; `alone`: nothing else
 * wakes the rule. SL_EREFUSED: nothing can. */
int wake_stream(struct builder *b, struct plan *p, const struct chain_plan *c, uint32_t index,
                bool alone) SL_NONNULL(1, 2, 3) SL_MUST;
