/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reads the plaintext of a session, as the relay sees it: something with a verdict. The engine
 * (engine.h) is one; tests have their own. One inspector serves all sessions of a profile in a
 * worker. Worker's thread.
 */
#pragma once

#include "tse/include/tse.h"

struct inspector;

struct inspector_ops {
	/* A flow of a new session; as tse_flow_begin. */
	int (*begin)(struct inspector *inspector, const struct tse_tuple *tuple,
	             enum tse_service service, void **ret_flow);
	/* As tse_flow_join: `flow` reads the answers to what `requests` (or nobody) reads. NULL: it
	 * needs no such thing. */
	void (*join)(void *flow, void *requests);
	/* As tse_feed. */
	void (*feed)(void *flow, enum tse_direction direction, uint8_t *view, size_t len, bool eof,
	             struct tse_result *ret);
	/* As tse_flow_hide_quic. NULL: it changes nothing of what it reads. */
	void (*hide_quic)(void *flow);
	/* As tse_flow_http; false when it knows nothing. */
	bool (*http)(const void *flow, struct tse_http_info *ret_info);
	/* Bytes inspected so far in both directions. */
	uint64_t (*bytes)(const void *flow);
	void (*end)(void *flow);
	void (*destroy)(struct inspector *inspector);
};

/* The first member of each kind of inspector. */
struct inspector {
	const struct inspector_ops *ops;
};
