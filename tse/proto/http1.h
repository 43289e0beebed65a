/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 on a flow: cuts both directions into messages, holds each header block until it is whole,
 * hands its buffers and the decoded body to the matcher, pairs responses with requests, and ends
 * as a tunnel after 101 and CONNECT. Source: RFC 9110, RFC 9112. One engine's thread.
 */
#pragma once

#include <llhttp.h>

#include "tse/match/stream.h"
#include "tse/proto/altsvc.h"
#include "tse/proto/chunk.h"
#include "tse/proto/head.h"

struct tse_engine;
struct body_decoder;

enum {
	HTTP_PIPELINE_MAX = 64,
	HTTP_EMPTY_LINES_MAX = 8, /* before a message */
};

/* A request and what came of it. */
struct http_tx {
	struct http_tx *next;
	uint32_t id;
	uint16_t status;
	bool is_head, is_connect, asks_upgrade;
	bool passed; /* a pass rule matched: no more matches of this transaction */
	uint16_t method_len, host_len, uri_len, agent_len;
	char text[]; /* the four texts without NUL */
};

struct http_flow {
	struct http_tx *first, *last; /* without a final response yet */
	struct http_tx *done;         /* the last one with, for events */
	unsigned count;
	uint32_t next_id;
	bool tunnel; /* bytes only from here on */
};

enum http_phase { HTTP_PHASE_HEAD, HTTP_PHASE_BODY };

struct http_half {
	uint8_t phase; /* enum http_phase */
	uint8_t empty_lines;
	bool headers_done, message_done; /* said by llhttp */
	bool is_tunnel_head;             /* the message in hand opens a tunnel */
	bool chunked;
	bool body_open;            /* the body is matched */
	bool body_limit;           /* no more of it is */
	struct chunk_reader chunk; /* our own reader of the chunks */
	size_t find_at;            /* how far the head in hand was searched for its end */
	llhttp_t parser;
	struct stream body;
	uint64_t body_in, body_out; /* bytes of the body as sent, decoded */
	uint32_t trailer_len;
	struct altsvc_trailer trailer;
	uint8_t *head; /* copy of the head in hand while its body runs; NULL: not kept */
	size_t head_len;
	struct body_decoder *decoder; /* NULL: the body is as it is */
	struct http_tx *tx;
};

/*
 * Takes the view of the feed in hand; returns how many bytes of it may leave. Blocking is told by
 * the engine's flag.
 */
size_t http1_feed(struct tse_engine *e, const uint8_t *view, size_t len, bool eof)
        SL_NONNULL(1) SL_MUST;

/* Takes QUIC out of the head and trailer in hand, which nothing looks at any more. */
void http1_hide_quic(struct tse_engine *e) SL_NONNULL(1);

/* Is a header block held that is not whole yet? */
bool http1_is_holding(const struct http_half *half, size_t unreleased) SL_NONNULL(1);

/* Gives all memory of a flow back. */
void http1_end(struct tse_engine *e, struct tse_flow *flow) SL_NONNULL(1, 2);
