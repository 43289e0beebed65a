/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one rule: action, protocol, ends, options. The keywords do the options.
 */
#pragma once

#include "tse/rule/draft.h"
#include "tse/rule/sets.h"

/*
 * `text` is one rule without line ends. Fills `d` (which need not be set up). On error `err` has
 * column (from 1, within text), text and remedy; d->sid is what was read so far. SL_EMALFORMED,
 * SL_EUNSUPPORTED, SL_ELIMIT, SL_ERANGE; SL_ENOMEM.
 */
int rule_parse(const struct sets_ctx *sets, const char *text, size_t len, struct draft *d,
               struct rule_error *err) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* Does the text begin with the action word of a rule? */
bool rule_begins(const char *text, size_t len) SL_NONNULL(1);

/* What a draft does by its own action word. */
struct tse_action rule_own_action(const struct draft *d) SL_NONNULL(1);
