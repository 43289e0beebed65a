/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that every index in the tables of an opened rule set names something.
 */
#pragma once

#include "tse/match/ruleset.h"

/* SL_EMALFORMED. */
int image_check(const struct tse_ruleset *set) SL_NONNULL(1) SL_MUST;
