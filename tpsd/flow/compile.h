/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as the eBPF side needs it: interests, bypass rules, QUIC, segment flags.
 * Written to the bank of the maps that is not in use, so that one word makes it count. `tpsd:
 * wire`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lib/base/attr.h"
#include "tpsd/flow/compile_quic.h"
#include "tpsd/port/program.h"

struct config;
struct config_segment;

/* One prefix of one segment and side, before the prefixes are laid over each other. */
struct compile_entry {
	struct wire_interest_key key; /* bank 0 */
	struct wire_interest value;
};

struct compiled {
	struct compile_entry *interests;
	size_t interests_count, interests_size;
	struct wire_bypass bypass[WIRE_BYPASS_MAX];
	uint32_t bypass_count;
	struct compiled_quic quic;
};

/* Builds all of it. SL_ELIMIT when it is more than the maps hold, SL_ENOMEM. */
int compile_config(const struct config *config, struct compiled *ret_compiled)
        SL_NONNULL(1, 2) SL_MUST;
void compile_free(struct compiled *c) SL_NONNULL(1);

/* Empties bank 0 or 1 of the maps and fills it. SL_ESYS. */
int compile_write(const struct compiled *c, const struct program *p, uint32_t bank)
        SL_NONNULL(1, 2) SL_MUST;

/* WIRE_SEG_x of a segment. */
uint32_t compile_segment_flags(const struct config_segment *s) SL_NONNULL(1);

/* Adds a range to a list of at most WIRE_RANGES_MAX; past that the two closest are joined. */
void compile_add_range(struct wire_range *list, uint32_t *count, struct wire_range range)
        SL_NONNULL(1, 2);
