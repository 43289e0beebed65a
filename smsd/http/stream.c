/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that goes on. evhttp sends what it is given and has no bound of its own, so its buffer
 * is looked at before more is made; a reader who takes nothing is ended by the time limit of the
 * connection's writing, one who is gone by the end of its reading.
 *
 * libevent says later that all is written, and by then there may be more. evhttp takes that for the
 * end of what it has just been given, and would close before an answer's last chunk is out: so that
 * one is given to it when nothing else is on its way.
 */
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/err.h"
#include "smsd/http/http_priv.h"

struct http_stream {
	struct http_exchange *exchange;
	struct evhttp_request *theirs; /* there until its end, whatever becomes of the peer */
	struct http_peer *peer;        /* NULL: gone */
	struct http_stream_calls calls;
	void *arg;
	bool writing; /* something is on its way, or has been and is not said yet */
	bool ended;   /* as soon as it is out; calls nobody any more */
};

static size_t unread(const struct http_stream *stream)
{
	return evbuffer_get_length(bufferevent_get_output(stream->peer->bev));
}

static void finish(struct http_stream *stream)
{
	if (stream->peer)
		stream->peer->stream = NULL;
	evhttp_send_reply_end(stream->theirs);
	http_exchange_free(stream->exchange);
	free(stream);
}

static void drained(struct evhttp_connection *connection, void *arg)
{
	struct http_stream *stream = arg;

	if (!stream->peer || unread(stream) > 0)
		return;
	stream->writing = false;
	if (stream->ended)
		finish(stream);
	else
		stream->calls.drained(stream->arg);
}

static void send_part(struct http_stream *stream, struct evbuffer *part)
{
	if (!stream->peer || evbuffer_get_length(part) == 0)
		return;
	stream->writing = true;
	evhttp_send_reply_chunk_with_cb(stream->theirs, part, drained, stream);
}

int http_stream_write(struct http_stream *stream, const void *data, size_t len)
{
	struct evbuffer *part = evbuffer_new();
	int rc = part && evbuffer_add(part, data, len) == 0 ? 0 : SL_ENOMEM;

	if (rc == 0)
		send_part(stream, part);
	if (part)
		evbuffer_free(part);
	return rc;
}

/* The connection is this answer's from here on: nothing of it is read, and only writing has a time.
 */
static void settle_peer(struct http_peer *peer)
{
	const struct timeval stall = {.tv_sec = peer->server->options.stall_s};

	http_peer_allow(peer, 0);
	bufferevent_set_timeouts(peer->bev, NULL, &stall);
}

int http_stream_begin(struct http_exchange *exchange, const struct http_response *response,
                      const struct http_stream_calls *calls, void *arg,
                      struct http_stream **ret_stream)
{
	struct http_peer *peer = http_peer_of(http_exchange_theirs(exchange));
	struct http_stream *stream = calloc(1, sizeof(*stream));
	struct evbuffer *part = evbuffer_new();

	if (!peer || !stream || !part ||
	    evbuffer_add(part, response->body.data, response->body.len) != 0) {
		if (part)
			evbuffer_free(part);
		free(stream);
		return peer ? SL_ENOMEM : SL_ECLOSED;
	}
	*stream = (struct http_stream){.exchange = exchange,
	                               .theirs = http_exchange_theirs(exchange),
	                               .peer = peer,
	                               .calls = *calls,
	                               .arg = arg};
	http_exchange_head(stream->theirs, response);
	(void)evhttp_add_header(evhttp_request_get_output_headers(stream->theirs), "Connection",
	                        "close");
	evhttp_send_reply_start(stream->theirs, response->status, NULL);
	stream->writing = true;
	peer->stream = stream;
	settle_peer(peer);
	send_part(stream, part);
	evbuffer_free(part);
	*ret_stream = stream;
	return 0;
}

void http_stream_lost(struct http_stream *stream)
{
	stream->peer = NULL;
	if (stream->ended)
		finish(stream);
	else
		stream->calls.gone(stream->arg);
}

void http_stream_drop(struct http_stream *stream)
{
	finish(stream);
}

bool http_stream_ready(const struct http_stream *stream)
{
	return stream->peer && unread(stream) < HTTP_STREAM_UNREAD_MAX;
}

void http_stream_end(struct http_stream *stream, bool whole)
{
	struct http_peer *peer = stream->peer;

	stream->ended = true;
	if (peer)
		http_peer_allow(peer, HTTP_STREAM_END_S);
	if (peer && !whole)
		(void)shutdown(bufferevent_getfd(peer->bev), SHUT_RDWR);
	if (!peer || !whole || !stream->writing)
		finish(stream);
}
