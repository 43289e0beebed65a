/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the flows' life (flow.c): what its parts have of each other. flow.c finds, makes and
 * forgets the records and hears what comes; offer.c asks a worker; outcome.c and takeover.c do what
 * was decided. `tpsd: wire`.
 */
#pragma once

#include "tpsd/flow/hold.h"
#include "tpsd/flow/wire.h"

/* ---- flow.c ---- */

struct addr flow_addr(const struct wire_key *key, int side);
/* The flow is looked at again then. */
void flow_set_timer(struct flow *f, uint64_t ms);
void flow_count(struct wire *w, enum counter c);
/* Whether a worker owes its verdict: the age of the oldest question is a limit (R160). */
void flow_set_asked(struct flow *f, bool asked);

/* ---- offer.c ---- */

/* Sends the bytes of `w->bytes` to a worker; without one the flow is not inspected. */
void flow_offer(struct flow *f, bool server_first, const struct hold_stream *s);
/* Offers what is new, if anything is. */
void flow_advance(struct flow *f);

/* ---- outcome.c: each of them settles the flow ---- */

void flow_pass(struct flow *f, enum reason reason);
/*
 * `reset`: which ends get a RST (enum ipc_reset): now, and as that one may be lost, whenever they
 * send something again.
 */
void flow_block(struct flow *f, enum reason reason, unsigned reset);
/* Passed or blocked, and reported. */
void flow_not_inspected(struct flow *f, enum config_action action, enum reason reason);
/* Decided; packets that are in the ring still find the record for a while. */
void flow_settle(struct flow *f, enum flow_phase phase);

void flow_tell_gone(struct flow *f, enum reason reason);
void flow_inject_held(struct flow *f, bool pass);
/* By the segment's setting for when it cannot be inspected. */
enum config_action flow_on_failure(const struct flow *f);
/* One of the two that blocks is enough: the proxy, and the segment. */
enum config_action flow_on_overload(const struct flow *f);

/* ---- takeover.c ---- */

/* As the worker asked; tries again for a while when an end is not ready. */
void flow_take(struct flow *f);
