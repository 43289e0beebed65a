/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that go on: server-sent events. Nothing runs while nothing comes: the store of events
 * wakes them, and one job of the pool asks all of them, so that however many follow take one thread
 * at most, and what each is given is bounded. Before each part the whole of what a request is asked
 * is asked again (check.h), and once in STREAM_BEAT_S without one: so an answer ends with its
 * session, its token, its person's capability or his groups. Event thread, but for the job.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"
#include "smsd/api/call.h"

struct event_base;
struct job_pool;
struct streams;

enum {
	STREAM_MAX = 64,       /* a quarter of a listener's connections */
	STREAM_PERSON_MAX = 4, /* of one person: two pages and two terminals */
	STREAM_STEP_MS = 250,  /* from one turn to the next, when much comes */
	STREAM_BEAT_S = 15,    /* a comment then, which tells both ends that the other is there */
};

/* All outlive it; `context`'s ingest may be NULL in tests. SL_ENOMEM, SL_ESYS. */
int streams_create(struct event_base *base, struct job_pool *pool,
                   const struct api_context *context, struct streams **ret_streams)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
/* After streams_close, when the pool is gone. */
void streams_destroy(struct streams *streams);

/*
 * The first part is in call->response. Takes `call` and the exchange over, and leaves an empty
 * call; or answers itself: 503 when there are too many, 429 when there are of this person.
 */
void streams_begin(struct streams *streams, struct http_exchange *exchange, struct api_call *call)
        SL_NONNULL(1, 2, 3);

/* Ends all of them, and takes none any more; one that is being asked ends a moment later. */
void streams_close(struct streams *streams) SL_NONNULL(1);
unsigned streams_count(const struct streams *streams) SL_NONNULL(1);
