/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an engine and of a flow, for the files of the engine only. The way of a feed:
 * flow.c (raw scan, release) -> proto/http1.c (heads and bodies) -> match/ (patterns) ->
 * decide/ (which rules hold, what is done). One engine's thread.
 */
#pragma once

#include "tse/match/stream.h"
#include "tse/pool.h"
#include "tse/proto/anomaly.h"
#include "tse/proto/head.h"
#include "tse/proto/http1.h"
#include "tse/proto/tx.h"

enum {
	ENGINE_MAGIC = 0x5453450a,
	FLOW_MAGIC = 0x5453460a,
	ENGINE_STREAMS_KEPT = 32, /* a group */
	FLOW_WAITING_MAX = 16,    /* rules that wait for the end of a head */
};

struct slice {
	const uint8_t *data; /* NULL: the buffer is not there */
	size_t len;
};

struct tse_engine {
	uint32_t magic;
	const struct tse_ruleset *set;
	struct tse_limits limits;
	hs_scratch_t *scratch;
	struct inspect_tools tools;
	pcre2_jit_stack *jit_stack;
	struct pool pool;
	hs_stream_t *streams[RS_STREAM_GROUPS][ENGINE_STREAMS_KEPT];
	unsigned nstreams[RS_STREAM_GROUPS];
	uint32_t *bit_chain[RS_STREAM_GROUPS]; /* chain of each bit */
	bool buffer_used[TSE_BUF_COUNT];
	bool body_used[2]; /* any chain on the body of a direction */
	bool head_kept[2]; /* a rule joins head and stream: heads are kept while the body runs */
	/* rules to be decided */
	uint32_t *queue;
	uint32_t nqueue;
	uint64_t *queued; /* bit a rule */
	/* windows of the pieces in hand */
	uint8_t *raw_window, *body_window;
	/* the head in hand */
	struct http_head head;
	struct slice buffers[TSE_BUF_COUNT];
	const struct http_half *buffers_of; /* whose head they are; NULL: nobody's */
	uint8_t *work;                      /* memory of normalised buffers */
	size_t work_len;
	uint8_t *decoded; /* output of body decoders */
	/* the feed in hand */
	struct tse_flow *flow;
	enum tse_direction dir;
	uint8_t *view;
	size_t view_len;
	size_t raw_at; /* bytes of the view that were scanned as a stream */
	struct stream_piece raw_piece, body_piece;
	bool body_in_hand; /* body_piece is valid */
	struct tse_result *result;
	uint64_t feed_offset;
	struct http_awaited awaited; /* before the feed in hand */
	bool blocked;                /* something in this feed blocks */
	bool passed_flow;
	bool head_open; /* a header block is held that is not whole yet */
	bool hide_head; /* the head in hand has an Alt-Svc, from which QUIC is to go */
	size_t trailer_at, trailer_len; /* of the view; from which it is to go, too */
};

struct tse_half {
	struct stream raw;
	size_t scanned;  /* bytes at the front of the view that were scanned */
	uint64_t offset; /* of the view's front in the direction's stream */
	struct http_half http;
	uint32_t *waiting; /* rules that wait until the head in hand is whole; FLOW_WAITING_MAX */
	uint8_t nwaiting;
	bool headers_tried; /* the rules of addresses alone were decided */
	bool ended;
};

struct tse_flow {
	uint32_t magic;
	uint8_t service;
	uint8_t verdict;     /* enum tse_verdict */
	uint8_t last_dir;    /* of the last feed */
	const char *anomaly; /* that blocked, or NULL */
	struct tse_engine *engine;
	struct tse_flow *requests; /* the flow that sees the requests; NULL: this one */
	bool blind;                /* no flow sees them */
	bool hide_quic;
	struct tse_tuple tuple;
	struct tse_half half[2];
	struct http_flow http;
};

/* Queues a rule for decide_queue; once however often it is called. */
static inline void engine_queue_rule(struct tse_engine *e, uint32_t rule)
{
	if (e->queued[rule / 64] & (1ULL << (rule % 64)))
		return;
	e->queued[rule / 64] |= 1ULL << (rule % 64);
	e->queue[e->nqueue++] = rule;
}

/* The flow that the requests of `flow` are read by. */
static inline struct tse_flow *flow_of_requests(struct tse_flow *flow)
{
	return flow->requests ? flow->requests : flow;
}

/* Reports an anomaly with its action of the table. Returns true when it blocks. */
bool engine_report_anomaly(struct tse_engine *e, enum tse_anomaly anomaly) SL_NONNULL(1);

/* The same with another action than the table's. */
bool engine_report_as(struct tse_engine *e, enum tse_anomaly anomaly, enum anomaly_action action)
        SL_NONNULL(1);

/* Scans the view up to byte `upto` as a stream, what was not scanned yet; `eof`: it ends there. */
void flow_scan_raw(struct tse_engine *e, size_t upto, bool eof) SL_NONNULL(1);

/* A message ends where was scanned to: its rules are decided, the next byte begins a new stream. */
void flow_restart_raw(struct tse_engine *e) SL_NONNULL(1);
