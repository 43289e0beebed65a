/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tpsd: wire` keeps: segments, maps, the ring, flows that wait for a decision or were taken.
 * One struct wire a process, in proc->state; each file of flow/ does its part of it. One thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "bpf/abi.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/conf/config.h"
#include "lib/event/reason.h"
#include "tpsd/flow/compile.h"
#include "tpsd/flow/hold.h"
#include "tpsd/flow/inject.h"
#include "tpsd/port/port.h"
#include "tpsd/port/program.h"
#include "tpsd/proc/proc.h"

enum { WIRE_MAGIC = 0x77697265, FLOW_MAGIC = 0x666c6f77 };

/* A flow of which user space knows, from its first held packet to its end. */
enum flow_phase {
	FLOW_HOLDING, /* waits for a verdict, or for the moment to be taken */
	FLOW_PASSED,  /* decided: forward; late packets of the ring go on after it */
	FLOW_TAKEN,   /* a worker has its sockets */
	FLOW_DROPPED, /* decided: drop; late packets of the ring are dropped */
};

struct flow {
	uint32_t magic;
	enum flow_phase phase;
	struct wire_key key;
	uint64_t serial; /* of its entry */
	uint64_t number; /* the flow's number in messages and events */
	uint8_t client;  /* side of the client */
	bool asked;      /* a HELLO waits for its VERDICT */
	bool timed_out;  /* the wait for a whole ClientHello is over */
	bool silent;     /* nobody has spoken (R21) */
	bool taking;     /* verdict: take; not possible yet */
	bool has_worker;
	uint8_t attempts; /* of the take */
	unsigned worker;  /* index */
	uint32_t from[2]; /* sequence number of the first byte of each side */
	size_t sent_len;  /* bytes in the last HELLO */
	uint64_t held_ns; /* when the first packet came up */
	uint64_t asked_ns;
	uint32_t synthetic;
	struct hold hold;
	struct loop_timer timer; /* HOLDING: incomplete hello, take again; else: forget */
	struct wire *wire;
	UT_hash_handle by_key, by_number;
	struct flow *older, *newer; /* of all that are asked, oldest first */
};

struct wire_segment_state {
	struct port port[2];
	bool open;
	char name[64];
	uint64_t down_since_ns[2]; /* link-down synchronisation */
};

/* R145, R160: a threshold that was reached is left only some way below it. */
struct wire_limit {
	uint64_t now, peak, limit;
	bool reached;
};
enum wire_limit_name {
	WIRE_LIMIT_SESSIONS,
	WIRE_LIMIT_HANDSHAKES,
	WIRE_LIMIT_DECISION_AGE,
	WIRE_LIMIT_FLOWS,
	WIRE_LIMIT_HELD_PACKETS,
	WIRE_LIMIT_HELD_BYTES,
	WIRE_LIMIT_END
};

struct wire_worker {
	bool up;
	uint32_t sessions;   /* taken and open */
	uint32_t waiting;    /* held and asked */
	uint64_t lost_ns[3]; /* when it was last lost; the newest first */
};

struct ring_buffer;
struct source_count;

struct wire {
	uint32_t magic;
	struct proc *proc;
	struct program program;
	struct ports ports;
	struct inject inject;
	struct ring_buffer *ring;
	struct loop_source ring_source;
	struct loop_timer tick;
	struct config *config;    /* committed; NULL before the first */
	struct config *pending;   /* prepared */
	struct compiled compiled; /* of pending */
	uint32_t generation;
	struct wire_global global; /* as last written */
	struct wire_segment_state segments[WIRE_SEGMENTS_MAX];
	struct wire_segment_state pending_segments[WIRE_SEGMENTS_MAX];
	struct flow *flows_by_key, *flows_by_number;
	struct flow *oldest, *newest; /* asked */
	uint32_t flows_count;
	struct hold_pool pool;
	struct buf bytes; /* scratch: a flow's first bytes */
	uint64_t next_number;
	uint32_t next_synthetic[WIRE_TUNNELS];
	struct wire_worker workers[PROC_WORKERS_MAX];
	unsigned workers_allowed; /* the first of these get new flows; 0: all (R39) */
	struct wire_limit limits[WIRE_LIMIT_END];
	bool overloaded;
	uint32_t segment_sessions[WIRE_SEGMENTS_MAX];
	struct source_count *sources, *destinations; /* sessions by address */
	struct source_count *suspects; /* flows whose worker crashed: no more of these */
	struct reaper *reaper;
	struct fragments *fragments;
	uint64_t notices_ns; /* start of the current second of log lines */
	uint32_t notices;
	uint64_t reports_ns; /* the same of events */
	uint32_t reports;
	struct event_line line; /* scratch */
	uint64_t flows_in_table;
	unsigned ticks;
	unsigned ring_budget;
	bool was_off; /* fallback, as last seen */
	bool draining;
};

/* flow.c: the life of a flow. */

/* A record of the ring. */
void flow_on_up(struct wire *w, const struct wire_up *up) SL_NONNULL(1, 2);
/* Messages of workers. */
void flow_on_verdict(struct wire *w, unsigned worker, const struct ipc_verdict *v) SL_NONNULL(1, 3);
void flow_on_ended(struct wire *w, unsigned worker, uint64_t number) SL_NONNULL(1);
/* A worker is gone: what waits for it goes to another, its sessions are over. */
void flow_on_worker_lost(struct wire *w, unsigned worker) SL_NONNULL(1);
/* A watched entry in which nobody has spoken for too long. */
void flow_on_silence(struct wire *w, const struct wire_key *key, const struct wire_flow *entry)
        SL_NONNULL(1, 2, 3);
/* Releases everything that waits for a verdict: fallback, or the end of this process. */
void flow_release_all(struct wire *w, enum reason reason) SL_NONNULL(1);
/* Resets both ends of taken flows that match; number 0: all. Returns how many. */
unsigned flow_clear(struct wire *w, uint64_t number) SL_NONNULL(1);
void flow_forget(struct flow *f) SL_NONNULL(1);

/* report.c: the event of a flow that the wire decided itself. `number` 0: it has none. */
void report_flow(struct wire *w, const struct wire_key *key, int client, uint64_t number,
                 enum reason reason, enum reason_outcome outcome) SL_NONNULL(1, 2);

/* limit.c: R145, R160. */

/* Whether a new flow may be inspected; else the reason is OVERLOAD and the action the segment's. */
bool limit_admits(struct wire *w, const struct flow *f) SL_NONNULL(1, 2);
void limit_session_begins(struct wire *w, const struct flow *f) SL_NONNULL(1, 2);
void limit_session_ends(struct wire *w, const struct flow *f) SL_NONNULL(1, 2);
/* Ten times a second: gauges, thresholds, the log line. */
void limit_tick(struct wire *w) SL_NONNULL(1);
void limit_configure(struct wire *w) SL_NONNULL(1);
void limit_suspect(struct wire *w, const struct flow *f) SL_NONNULL(1, 2);
void limit_fini(struct wire *w) SL_NONNULL(1);
const char *limit_name(enum wire_limit_name limit);

/* reaper.c: entries whose flow is over. */
int reaper_init(struct wire *w) SL_NONNULL(1) SL_MUST;
void reaper_fini(struct wire *w) SL_NONNULL(1);
/* A part of the table; called ten times a second. */
void reaper_step(struct wire *w) SL_NONNULL(1);
/* Once at start with an adopted table: what was held is watched again. */
void reaper_adopt(struct wire *w) SL_NONNULL(1);

/* segment.c: ports and configuration. */
int segment_prepare(struct wire *w) SL_NONNULL(1) SL_MUST;
int segment_commit(struct wire *w) SL_NONNULL(1) SL_MUST;
/* Once a second: links, MTU. */
void segment_tick(struct wire *w) SL_NONNULL(1);
int segment_write_global(struct wire *w) SL_NONNULL(1);

/* segment_check.c: R158. A list of {segment, check, result, evidence, remedy}; of one segment with
 * `only`, empty when there is none of that name. The caller's. */
json_t *segment_check(struct wire *w, const char *only) SL_NONNULL(1);

/* switch.c: fallback and stop, set by command or from outside. */
int switch_set(struct wire *w, enum wire_switch which, bool on) SL_NONNULL(1) SL_MUST;
/* Looks at the switches and does what a change asks for. */
void switch_look(struct wire *w) SL_NONNULL(1);

/* fragment.c: IPv4 fragments of watched destinations. */
int fragment_init(struct wire *w) SL_NONNULL(1) SL_MUST;
void fragment_fini(struct wire *w) SL_NONNULL(1);
void fragment_add(struct wire *w, const struct wire_up *up) SL_NONNULL(1, 2);
void fragment_tick(struct wire *w) SL_NONNULL(1);

/* show.c: commands. */
void show_command(struct wire *w, uint64_t id, const char *name, const char *arguments_json)
        SL_NONNULL(1, 3);
