/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/api/check.h"
#include "smsd/api/route.h"
#include "smsd/http/refusal.h"
#include "smsd/ingest/event_store.h"
#include "smsd/ingest/ingest.h"
#include "smsd/job/job.h"

enum { TOO_MANY_REQUESTS = 429, RETRY_S = 30 };

struct stream {
	LIST_ENTRY(stream) link;
	struct streams *streams;
	struct api_call call; /* the job's while `asked` */
	struct http_stream *http;
	bool due;          /* there is something for it, or may be */
	bool asked, ready; /* in the turn that is out; its reader follows */
	bool gone;         /* its reader */
	int rc;            /* of the last part */
};

struct streams {
	struct job job; /* first: asks those of `turn` */
	struct job_pool *pool;
	const struct api_context *context;
	struct event *woken, *soon, *beat;
	int wake; /* an eventfd: the store of events writes, woken reads */
	LIST_HEAD(, stream) all;
	unsigned count;
	struct stream *turn[STREAM_MAX]; /* the job's while it is out */
	unsigned turn_count;
	uint64_t turn_ns; /* when the last one began */
	bool asking;      /* the job is out */
	bool beating;     /* all are to say something, with the next turn */
	bool closed;
};

/* ---- in the pool ------------------------------------------------------------------------- */

/* The request is what it was; who asks may not be. */
static int ask(struct stream *stream)
{
	struct api_call *call = &stream->call;
	int rc;

	call->items_known = false;
	call->response.body.len = 0;
	call->going.more = false;
	rc = check_call(call);
	if (rc == 0 && stream->ready)
		rc = call->route->handler(call);
	return rc;
}

static void run(struct job *job)
{
	struct streams *streams = (struct streams *)job;

	for (unsigned i = 0; i < streams->turn_count; i++)
		streams->turn[i]->rc = ask(streams->turn[i]);
}

/* ---- in the event thread ----------------------------------------------------------------- */

static void call_fini(struct api_call *call)
{
	json_decref(call->body);
	problem_fini(&call->problem);
	http_response_fini(&call->response);
}

static void end(struct stream *stream, bool whole)
{
	LIST_REMOVE(stream, link);
	stream->streams->count--;
	http_stream_end(stream->http, whole);
	call_fini(&stream->call);
	free(stream);
}

static void gone(void *arg)
{
	struct stream *stream = arg;

	stream->gone = true;
	if (!stream->asked)
		end(stream, false);
}

/* What was made goes out. */
static void tell(struct stream *stream)
{
	const struct buf *body = &stream->call.response.body;
	int rc = stream->rc;

	stream->asked = false;
	stream->due |= stream->call.going.more;
	if (rc == 0 && !stream->gone && !stream->streams->closed && stream->ready && body->len > 0)
		rc = http_stream_write(stream->http, body->data, body->len);
	if (rc != 0 || stream->gone || stream->streams->closed)
		end(stream, true);
}

/* Those that follow and have something to ask for; all, when they are to say something. */
static bool takes_part(const struct stream *stream)
{
	return stream->streams->beating || (stream->due && http_stream_ready(stream->http));
}

/* When the next turn is, if there is to be one. One that left off goes on at once. */
static void plan(struct streams *streams)
{
	uint64_t gone_ms = (clock_now_ns() - streams->turn_ns) / CLOCK_NS_PER_MS;
	bool urgent = streams->beating, due = false;
	const struct stream *stream;
	struct timeval delay = {0};

	if (streams->asking || streams->closed)
		return;
	LIST_FOREACH (stream, &streams->all, link)
		if (takes_part(stream)) {
			due = true;
			urgent |= stream->call.going.more;
		}
	if (!due)
		return;
	if (!urgent && gone_ms < STREAM_STEP_MS)
		delay.tv_usec = (suseconds_t)(STREAM_STEP_MS - gone_ms) * 1000;
	(void)event_add(streams->soon, &delay);
}

static void done(struct job *job)
{
	struct streams *streams = (struct streams *)job;

	streams->asking = false;
	for (unsigned i = 0; i < streams->turn_count; i++)
		tell(streams->turn[i]);
	plan(streams);
}

/* One whose reader does not follow is asked whether he may, and gets nothing. */
static void soon_due(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval step = {.tv_usec = STREAM_STEP_MS * 1000};
	struct streams *streams = arg;
	struct stream *stream;

	if (streams->asking || streams->closed)
		return;
	streams->turn_count = 0;
	streams->turn_ns = clock_now_ns();
	LIST_FOREACH (stream, &streams->all, link)
		if (takes_part(stream)) {
			streams->turn[streams->turn_count++] = stream;
			stream->asked = true;
			stream->ready = http_stream_ready(stream->http);
			stream->call.going.beat = streams->beating;
		}
	if (streams->turn_count == 0)
		return;
	streams->asking = job_submit(streams->pool, JOB_PEOPLE, &streams->job) == 0;
	for (unsigned i = 0; i < streams->turn_count; i++) {
		streams->turn[i]->asked = streams->asking;
		streams->turn[i]->due &= !(streams->asking && streams->turn[i]->ready);
	}
	if (streams->asking)
		streams->beating = false;
	else
		(void)event_add(streams->soon, &step);
}

static void beat_due(evutil_socket_t fd, short what, void *arg)
{
	struct streams *streams = arg;

	streams->beating = true;
	plan(streams);
}

static void woken_due(evutil_socket_t fd, short what, void *arg)
{
	struct streams *streams = arg;
	struct stream *stream;
	uint64_t times;

	(void)!read(streams->wake, &times, sizeof(times));
	LIST_FOREACH (stream, &streams->all, link)
		stream->due = true;
	plan(streams);
}

static void drained(void *arg)
{
	plan(((struct stream *)arg)->streams);
}

/* In the thread that stored it. A full counter wakes as well. */
static void came(void *arg)
{
	const uint64_t one = 1;

	(void)!write(((struct streams *)arg)->wake, &one, sizeof(one));
}

/* ---- beginning --------------------------------------------------------------------------- */

static unsigned count_of(const struct streams *streams, const struct actor *actor)
{
	const struct stream *stream;
	unsigned count = 0;

	LIST_FOREACH (stream, &streams->all, link)
		count += strcmp(stream->call.identity.actor.name, actor->name) == 0;
	return count;
}

/* Status to refuse with, or 0. */
static int refusal_of(struct streams *streams, struct api_call *call)
{
	call->problem.retry_s = RETRY_S;
	if (streams->closed)
		return refusal_status(problem_add(&call->problem, SL_EAGAIN, "", "",
		                                  "this smsd is about to end"));
	if (streams->count >= STREAM_MAX)
		return refusal_status(problem_add(&call->problem, SL_EAGAIN, "", "end another one",
		                                  "%d streams are open already", STREAM_MAX));
	if (count_of(streams, &call->identity.actor) < STREAM_PERSON_MAX)
		return 0;
	(void)problem_add(&call->problem, SL_EAGAIN, "", "end another one",
	                  "%s has %d streams open already", call->identity.actor.name,
	                  STREAM_PERSON_MAX);
	return TOO_MANY_REQUESTS;
}

static void refuse(struct http_exchange *exchange, struct api_call *call, int status)
{
	refusal_answer(&call->response, &call->problem, status);
	http_reply(exchange, &call->response);
}

/* Whatever the outcome, the call is empty afterwards, so that its owner frees nothing twice. */
static void take(struct streams *streams, struct stream *stream, struct api_call *call)
{
	stream->streams = streams;
	stream->call = *call;
	*call = (struct api_call){.context = call->context, .route = call->route};
	http_response_init(&call->response);
	LIST_INSERT_HEAD(&streams->all, stream, link);
	streams->count++;
}

void streams_begin(struct streams *streams, struct http_exchange *exchange, struct api_call *call)
{
	static const struct http_stream_calls calls = {.gone = gone, .drained = drained};
	struct stream *stream = calloc(1, sizeof(*stream));
	int status = refusal_of(streams, call);
	int rc = stream ? 0 : SL_ENOMEM;

	if (rc == 0 && status == 0)
		rc = http_stream_begin(exchange, &call->response, &calls, stream, &stream->http);
	if (rc != 0 || status != 0) {
		if (rc != 0)
			(void)problem_add(&call->problem, rc, "", "", "%s", err_text(rc));
		refuse(exchange, call, status);
		free(stream);
		return;
	}
	take(streams, stream, call);
	/* What came between the first part and now. */
	stream->due = true;
	plan(streams);
}

void streams_close(struct streams *streams)
{
	struct stream *stream, *next;

	streams->closed = true;
	if (streams->context->ingest)
		event_store_on_came(ingest_events(streams->context->ingest), NULL, NULL);
	for (stream = LIST_FIRST(&streams->all); stream; stream = next) {
		next = LIST_NEXT(stream, link);
		if (!stream->asked)
			end(stream, true);
	}
}

unsigned streams_count(const struct streams *streams)
{
	return streams->count;
}

/* ---- the whole --------------------------------------------------------------------------- */

int streams_create(struct event_base *base, struct job_pool *pool,
                   const struct api_context *context, struct streams **ret_streams)
{
	static const struct timeval beat = {.tv_sec = STREAM_BEAT_S};
	struct streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return SL_ENOMEM;
	streams->job = (struct job){.run = run, .done = done};
	streams->pool = pool;
	streams->context = context;
	LIST_INIT(&streams->all);
	streams->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	streams->soon = evtimer_new(base, soon_due, streams);
	streams->beat = event_new(base, -1, EV_PERSIST, beat_due, streams);
	streams->woken = streams->wake < 0 ? NULL
	                                   : event_new(base, streams->wake, EV_READ | EV_PERSIST,
	                                               woken_due, streams);
	if (!streams->soon || !streams->beat || !streams->woken ||
	    event_add(streams->beat, &beat) != 0 || event_add(streams->woken, NULL) != 0) {
		streams_destroy(streams);
		return SL_ENOMEM;
	}
	if (context->ingest)
		event_store_on_came(ingest_events(context->ingest), came, streams);
	*ret_streams = streams;
	return 0;
}

static void event_drop(struct event *event)
{
	if (event)
		event_free(event);
}

void streams_destroy(struct streams *streams)
{
	if (!streams)
		return;
	event_drop(streams->woken);
	event_drop(streams->soon);
	event_drop(streams->beat);
	if (streams->wake >= 0)
		(void)close(streams->wake);
	free(streams);
}
