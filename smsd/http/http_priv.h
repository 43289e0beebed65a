/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of smsd/http. All of it is the event thread's. */
#pragma once

#include <netinet/in.h>
#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "smsd/http/http.h"

enum { HTTP_FROM_MAX = 64 };

/*
 * A connection. evhttp has no hook for one that it accepts and none for its end, so a peer is made
 * with the TLS object of the connection and goes with it. One that has to go is shut down at its
 * socket: evhttp sees the end and frees all.
 */
struct http_peer {
	LIST_ENTRY(http_peer) link;
	struct http_server *server; /* NULL: it has left */
	struct bufferevent *bev;
	struct event *deadline;
	bool admitted;              /* counted against its source */
	bool idle;                  /* no byte of a request has come yet */
	struct http_stream *stream; /* its answer goes on; NULL: it does not */
	size_t incoming;            /* its part of the server's */
	struct in6_addr source;     /* who shares a bound: an IPv4 address, a /64 of IPv6 */
	char from[HTTP_FROM_MAX];   /* address as text */
};

struct http_server {
	struct http_options options;
	struct event_base *base;
	struct evhttp *evhttp;
	struct evconnlistener *listener; /* evhttp's from the start on */
	struct event *retry;             /* after descriptors were short */
	uint16_t port;
	unsigned peers_count;
	size_t incoming; /* bytes of requests that have no answer yet */
	LIST_HEAD(, http_peer) peers;
};

/* evhttp's maker of connections; `arg` is the server. NULL (out of memory) makes evhttp take the
 * connection without TLS: then http_peer_of is NULL and what comes on it is refused. */
struct bufferevent *http_peer_create(struct event_base *base, void *arg) SL_NONNULL(1, 2);
struct http_peer *http_peer_of(struct evhttp_request *request) SL_NONNULL(1);

/* Out of its server's list, timer and all: its TLS may live on for a turn of the loop. */
void http_peer_leave(struct http_peer *peer) SL_NONNULL(1);

/* From now on: so long until the connection is shut down; 0: as long as it takes. */
void http_peer_allow(struct http_peer *peer, unsigned seconds) SL_NONNULL(1);
/* The answer is out: waits for the next request. */
void http_peer_idle(struct http_peer *peer) SL_NONNULL(1);
X509 *http_peer_certificate(struct http_peer *peer) SL_NONNULL(1);

/* ---- exchange.c ---- */
struct evhttp_request *http_exchange_theirs(struct http_exchange *exchange) SL_NONNULL(1);
/* The request; evhttp's is its own to free. */
void http_exchange_free(struct http_exchange *exchange) SL_NONNULL(1);
/* Headers of an answer, without its length. */
void http_exchange_head(struct evhttp_request *theirs, const struct http_response *response)
        SL_NONNULL(1, 2);

/* ---- stream.c ---- */
/* The connection is no more. */
void http_stream_lost(struct http_stream *stream) SL_NONNULL(1);
/* Ended already, and its server is no more: what was not out by now is lost. */
void http_stream_drop(struct http_stream *stream) SL_NONNULL(1);

/* evhttp's taker of requests: makes an exchange, or refuses. `arg` is the server. */
void http_exchange_begin(struct evhttp_request *request, void *arg) SL_NONNULL(1, 2);
