/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and their responses: a list of requests without a final response, oldest first; a
 * response belongs to the oldest. One engine's thread.
 */
#pragma once

#include <stdbool.h>

struct http_flow;
struct http_half;
struct tse_engine;

/* A head was read: makes the request's transaction, or finds the response's. false: blocked. */
bool tx_begin_message(struct tse_engine *e, struct http_half *half);

/* The message in hand has ended. */
void tx_finish_message(struct tse_engine *e, struct http_half *half);

/* Do bytes from the client come while a CONNECT waits for its answer? */
bool tx_expects_tunnel(const struct tse_engine *e);

void tx_free_all(struct tse_engine *e, struct http_flow *flow);
