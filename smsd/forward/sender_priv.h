/* SPDX-License-Identifier: Apache-2.0 */
/* Between sender.c, which is the thread, and pass.c, which has what it sends. */
#pragma once

#include "lib/base/buf.h"
#include "smsd/forward/forward_priv.h"
#include "smsd/forward/peer.h"

enum {
	SENDER_LOT = 256,             /* events that are read at a time */
	SENDER_IDLE_MS = 10 * 1000,   /* the longest wait */
	SENDER_LOOK_S = 10,           /* from one look at how much waits to the next */
	SENDER_STEP_MS = 250,         /* while it is not known what has arrived */
	SENDER_NO_DATABASE_MS = 1000, /* before it is asked again */
};

/*
 * TCP says what the server's system has, not what the server has read: what lies there is gone with
 * a server that is killed. So a place that one comes to is `confirmed` only when the server's
 * system has all before it and the connection has been up for FORWARD_SETTLE_MS since; a new
 * connection goes on from the place that was confirmed last. What was sent since comes a second
 * time.
 */
struct sender {
	struct forward *forward;
	struct sender *next;
	int64_t id;
	pthread_t thread;
	int news, order; /* eventfd: something came; look at the row, or end */
	/* Under forward->mutex: */
	bool ended;
	struct sender_status status;
	/* Of its thread: */
	bool loaded; /* `target` is the row; its `at` is the place that is confirmed */
	struct target_row target;
	bool unsaved;
	struct message_filter filter;
	const char *kinds[FORWARD_KINDS_MAX];
	struct peer peer;
	unsigned delay_s; /* before the next try; 0: at once */
	uint64_t retry_ns, looked_ns, connected_ns;
	struct message_maker *maker;
	struct buf lot; /* of which the first `written` bytes are on their way */
	size_t written;
	bool tests;              /* the lot begins with a test */
	bool unread;             /* what is next cannot be read */
	struct arrival_place at; /* behind the lot */
	int64_t sent;            /* by then */
	struct {
		bool on;
		struct arrival_place at;
		int64_t sent;
		uint64_t mark,
		        had_ns; /* had_ns: since when the server's system has it; 0: not yet */
	} unconfirmed;
};

/* ---- pass.c ------------------------------------------------------------------------------ */

/* A new connection goes on from what is confirmed. */
void pass_begin(struct sender *s) SL_NONNULL(1);
/* Sends what is there as far as it goes without waiting, and what that confirms. *ret_wait_ms: how
 * long there is nothing to do but what poll tells; *ret_news: something that comes is such a thing.
 * SL_ECLOSED with why. */
int pass_on(struct sender *s, int *ret_wait_ms, bool *ret_news, char error[FORWARD_ERROR_MAX])
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
/* What waits beyond what may is skipped. */
void pass_look(struct sender *s) SL_NONNULL(1);
/* The server has read all. */
void pass_confirm(struct sender *s) SL_NONNULL(1);
/* Writes where it is, if that changed. */
void pass_save(struct sender *s) SL_NONNULL(1);
/* A test is in the lot and out, or was not to be sent. */
void pass_tested(struct sender *s, bool sent) SL_NONNULL(1);
