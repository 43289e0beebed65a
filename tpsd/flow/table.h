/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table in the kernel, from user space: look up, decide, remove. An entry is only changed
 * when it is still the one that was meant (`serial`), under its lock. `tpsd: wire`.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"
#include "lib/base/attr.h"
#include "lib/event/counter.h"
#include "tpsd/port/program.h"

/* A copy of an entry. SL_ENOENT; SL_EMISMATCH when it is another flow's of the same tuple. */
int table_get(const struct program *p, const struct wire_key *key, uint64_t serial,
              struct wire_flow *ret_flow) SL_NONNULL(1, 2, 4) SL_MUST;

/* What a decision writes. */
struct table_decision {
	enum wire_state state;
	uint64_t flow;      /* its number */
	uint32_t synthetic; /* network order; of DIVERT */
	uint16_t worker;    /* heartbeat slot; of DIVERT */
	uint16_t reason;
	uint32_t revision;
	uint16_t ended; /* WIRE_FIN_x, WIRE_RST that were among the held packets */
	uint8_t resets; /* of BLOCK, bits 1 << side: ends whose packets get a RST */
};

/*
 * Writes a decision into an entry that is HELD (or WATCH, when it is decided before anyone spoke).
 * SL_ENOENT, SL_EMISMATCH; SL_EBUSY when it is decided already.
 */
int table_decide(const struct program *p, const struct wire_key *key, uint64_t serial,
                 const struct table_decision *d) SL_NONNULL(1, 2, 4) SL_MUST;

/* From WATCH to HELD without a packet (R21), or back (`state`). Errors as table_decide. */
int table_set_undecided(const struct program *p, const struct wire_key *key, uint64_t serial,
                        enum wire_state state) SL_NONNULL(1, 2) SL_MUST;

/* Removes the entry if it still is the one meant. */
void table_remove(const struct program *p, const struct wire_key *key, uint64_t serial)
        SL_NONNULL(1, 2);

/* A synthetic address for a flow. SL_EEXIST when it is in use, SL_ELIMIT when the map is full. */
int table_pair_add(const struct program *p, uint32_t synthetic, const struct wire_key *key,
                   uint64_t serial) SL_NONNULL(1, 3) SL_MUST;
void table_pair_remove(const struct program *p, uint32_t synthetic) SL_NONNULL(1);
/* SL_ENOENT. */
int table_pair_get(const struct program *p, uint32_t synthetic, struct wire_leg_pair *ret_pair)
        SL_NONNULL(1, 3) SL_MUST;

/* Sum over CPUs of a counter. */
uint64_t table_count(const struct program *p, enum wire_count what) SL_NONNULL(1);
uint64_t table_dropped(const struct program *p, enum wire_drop why) SL_NONNULL(1);

const char *table_count_name(enum wire_count what);
const char *table_drop_name(enum wire_drop why);

/* Copies all of them into the process's slab; returns the sum of what was dropped. */
uint64_t table_copy_counters(const struct program *p, struct counter_slab *slab) SL_NONNULL(1, 2);
