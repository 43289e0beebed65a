/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of ranges of 16-byte numbers: union and difference. Ports use the last two bytes. Used by
 * the rule parser only.
 */
#pragma once

#include <stdbool.h>

#include "tse/match/ruleset.h"

struct ranges {
	struct rs_addr_range *items;
	uint32_t n, cap;
};

/* SL_ENOMEM, SL_ELIMIT. */
int ranges_add(struct ranges *r, const uint8_t lo[16], const uint8_t hi[16]) SL_NONNULL(1) SL_MUST;
void ranges_fini(struct ranges *r) SL_NONNULL(1);

/* Sorts and joins what overlaps or touches. */
void ranges_normalise(struct ranges *r) SL_NONNULL(1);

/* `from` less `take`, both normalised. */
int ranges_subtract(const struct ranges *from, const struct ranges *take, struct ranges *out)
        SL_NONNULL(1, 2, 3) SL_MUST;
