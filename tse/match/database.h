/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pattern databases of a rule set: compiled by the builder, once a configuration.
 */
#pragma once

#include "tse/match/builder.h"

/* Fills set->patterns, refs and db of all groups. SL_ENOMEM, SL_EMALFORMED. */
int database_compile(struct builder *b) SL_NONNULL(1) SL_MUST;

/* Does the matcher take this expression, as a prefilter? */
bool database_takes(const char *expression, uint32_t flags, bool stream) SL_NONNULL(1);
