/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and their responses: a list of requests without a final response, oldest first; a
 * response belongs to the oldest. One engine's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct http_flow;
struct http_half;
struct tse_engine;

/* What a client waits for. All of a view that was fed before has left, or is a part of a head. */
struct http_awaited {
	unsigned count;   /* requests without a whole final answer */
	uint32_t next_id; /* of the next request */
	bool begun;       /* the head of the oldest one's final answer has left */
	bool is_head;     /* … which was a HEAD */
	bool in_body;     /* the body of the last one is being sent */
};

void tx_look(const struct tse_engine *e, struct http_awaited *ret);

/* After a feed that blocked: may the caller answer what it blocked? e->awaited is what was awaited
 * before it; sets *ret_head when that is a HEAD. */
bool tx_is_answerable(const struct tse_engine *e, bool *ret_head);

/* A head was read: makes the request's transaction, or finds the response's. false: blocked. */
bool tx_begin_message(struct tse_engine *e, struct http_half *half);

/* The message in hand has ended. */
void tx_finish_message(struct tse_engine *e, struct http_half *half);

/* Do bytes from the client come while a CONNECT waits for its answer? */
bool tx_expects_tunnel(const struct tse_engine *e);

void tx_free_all(struct tse_engine *e, struct http_flow *flow);
