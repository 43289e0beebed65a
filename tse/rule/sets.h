/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and ports of rule headers: single values, prefixes, ranges, lists with brackets,
 * negation and variables become sorted, disjoint ranges in the rule set. `control` or a tool.
 */
#pragma once

#include "tse/include/tse.h"
#include "tse/rule/draft.h"

struct builder;

struct sets_ctx {
	struct builder *builder;
	const struct tse_variable *variables;
	size_t nvariables;
};

/* `text` is one word of a rule header. SL_EMALFORMED with `err` (its column untouched), SL_ENOMEM.
 */
int sets_parse_addr(const struct sets_ctx *ctx, const char *text, struct rule_error *err,
                    uint32_t *ret_number) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int sets_parse_port(const struct sets_ctx *ctx, const char *text, struct rule_error *err,
                    uint32_t *ret_number) SL_NONNULL(1, 2, 3, 4) SL_MUST;
