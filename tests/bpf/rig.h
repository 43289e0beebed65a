/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF programs in a network namespace of the test's own, run packet by packet with
 * BPF_PROG_TEST_RUN: one segment of two ports, an interest in 10.2.0.0/16 port 443 for clients on
 * side A, a heartbeat that is fresh until told otherwise.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"
#include "tests/bpf/frame.h"
#include "tpsd/port/program.h"

enum { RIG_PASS = 7 /* TC_ACT_REDIRECT */, RIG_STACK = 0, RIG_DROP = 2 };

struct rig {
	struct program program;
	uint64_t *heartbeats;
	uint32_t port[2];       /* ifindex of A and B */
	struct frame_built out; /* of the last run */
	uint32_t mark;
};

void rig_open(struct rig *r);
void rig_close(struct rig *r);

/* A new run of the tables: empties them, sets the defaults again. */
void rig_reset(struct rig *r);

/* Runs a frame that came in on the side its plan says; the program's return code. */
int rig_run(struct rig *r, const struct frame_plan *plan);
/* Runs frame bytes through any of the programs. */
int rig_run_raw(struct rig *r, enum program_hook hook, uint32_t ifindex, const uint8_t *data,
                size_t len);

/* The tables, for the flow of the usual plan. */
struct wire_key rig_key(void);
int rig_flow(struct rig *r, struct wire_flow *ret_flow);
int rig_embryo(struct rig *r, struct wire_embryo *ret_embryo);
int rig_mark(struct rig *r, struct wire_mark *ret_mark);
void rig_set_state(struct rig *r, enum wire_state state, uint32_t synthetic, uint16_t worker);

void rig_segment_flags(struct rig *r, uint32_t flags, uint64_t grace_until_ns);
void rig_switch(struct rig *r, enum wire_switch which, uint32_t value);
uint64_t rig_drops(struct rig *r, enum wire_drop why);
uint64_t rig_counts(struct rig *r, enum wire_count what);

/* Runs a frame, which must end in this verdict; by how much a counter grew. */
uint64_t rig_counted(struct rig *r, enum wire_count what, const struct frame_plan *plan,
                     int verdict);
/* The same of a frame that is dropped. */
uint64_t rig_dropped(struct rig *r, enum wire_drop why, const struct frame_plan *plan);

/* The usual flow. Sequence numbers 1000 and 5000. */
extern const struct frame_plan rig_syn, rig_synack, rig_ack, rig_hello;
/* The first three of them: it is watched then. */
void rig_handshake(struct rig *r);
