/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which UDP of clients is dropped, as the eBPF side asks for it: rules of each segment in the order
 * of policy, and which of them name a prefix. By config_match() of a UDP packet to a detection port
 * (R32, R33, R56, R114, R116, R166), exactly: a packet that is dropped here nobody asks about.
 * Part of struct compiled. `tpsd: wire`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lib/base/attr.h"
#include "tpsd/port/program.h"

struct config;
struct config_client_policy;

struct quic_net {
	struct wire_quic_net_key key; /* bank 0 */
	uint64_t rules;
};

struct compiled_quic {
	struct wire_quic_rule *rules; /* WIRE_QUIC_RULES a segment; NULL: no segment has any */
	uint8_t counts[WIRE_SEGMENTS_MAX];
	struct quic_net *nets; /* sorted, each key once */
	size_t nets_count, nets_size;
};

/*
 * `q` is all zero. SL_ELIMIT when a segment needs more rules or all of them more prefixes than
 * there is room for, SL_ENOMEM; compile_quic_free() it then too.
 */
int compile_quic(struct compiled_quic *q, const struct config *config) SL_NONNULL(1, 2) SL_MUST;
void compile_quic_free(struct compiled_quic *q) SL_NONNULL(1);

/* Whether the policy drops at all: one that observes or is off does not. */
bool compile_quic_is_dropped(const struct config_client_policy *p) SL_NONNULL(1);

/* Empties bank 0 or 1 of the maps and fills it. SL_ESYS. */
int compile_quic_write(const struct compiled_quic *q, const struct program *p, uint32_t bank)
        SL_NONNULL(1, 2) SL_MUST;
