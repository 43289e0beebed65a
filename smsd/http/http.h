/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS for people and devices: listeners, requests and answers. libevent's evhttp is behind it,
 * and nothing outside this folder includes it. Everything here is the event thread's, but a request
 * may be read and an answer be filled in by the one thread that a job runs in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct event_base;
struct problem;

/* X(NAME): what is served; other methods get 405 or 501. */
#define HTTP_METHODS(X) X(GET) X(POST) X(PUT) X(PATCH) X(DELETE)

enum http_method {
#define X(NAME) HTTP_##NAME,
	HTTP_METHODS(X)
#undef X
	        HTTP_METHOD_END
};

enum {
	HTTP_PATH_MAX = 2048,
	HTTP_QUERY_MAX = 4096,
	HTTP_HEADERS_MAX = 16 * 1024, /* bytes of a request's header block */
	HTTP_ANSWER_MAX = 64 * 1024 * 1024,
	/* Bytes of requests that a listener holds at once, whoever they are from: 16 imports.
	 * Bodies are read before it is known whether their sender may send one. */
	HTTP_INCOMING_MAX = 256 * 1024 * 1024,
	HTTP_CONNECTIONS_MAX = 256, /* of a listener */
	HTTP_SOURCE_MAX = 32,       /* of them from one address */
	HTTP_IDLE_S = 60,           /* a connection without a request, its handshake too */
	HTTP_REQUEST_S = 60,        /* from a request's first byte to its last */
	HTTP_SEND_S = 600,          /* an answer: HTTP_ANSWER_MAX at 1 Mbit/s */
	/* Of an answer that goes on: what its reader has not read yet, beyond which nothing more is
	 * made for him (beside what the kernel has, some 200 events); how long he may read nothing
	 * while something waits; and what he has to read the rest once it has ended. */
	HTTP_STREAM_UNREAD_MAX = 64 * 1024,
	HTTP_STREAM_STALL_S = 30,
	HTTP_STREAM_END_S = 5,
};

struct http_request {
	enum http_method method;
	char *path;  /* decoded once; no "//", "." or ".." segment, no NUL, valid UTF-8 */
	char *query; /* as it came, "" without one; http_query_value decodes */
	const uint8_t *body;
	size_t body_len;
	char from[64]; /* the peer's address */
	X509 *peer;    /* the client's certificate, verified; NULL without one */
	/* Headers that anything here asks for; "" when not sent. A header that may come once and
	 * came twice is refused before this is made. */
	const char *authorization, *cookie, *csrf_token, *if_match, *content_type, *accept, *origin;
	const char *last_event_id;
};

struct http_response {
	int status;
	struct buf body;          /* maximum HTTP_ANSWER_MAX; wiped when it has been sent */
	const char *content_type; /* static; NULL without a body */
	char etag[40];            /* quoted; "" without */
	char location[HTTP_PATH_MAX];
	char set_cookie[256];   /* "" without */
	char filename[160];     /* Content-Disposition: attachment; "" without */
	char allow[64];         /* of a 405; "" without */
	unsigned retry_after_s; /* 0: not said */
};

void http_response_init(struct http_response *response) SL_NONNULL(1);
void http_response_fini(struct http_response *response) SL_NONNULL(1);

/* The first value of a query parameter, decoded, to be freed; NULL when it is not there. */
char *http_query_value(const struct http_request *request, const char *name) SL_NONNULL(1, 2);

/* One request and its answer. Lives until http_reply, whatever becomes of the connection. */
struct http_exchange;

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
        SL_NONNULL(1);

/* Sends the answer (or drops it when the peer is gone) and frees the exchange; `response` stays
 * the caller's. Event thread. */
void http_reply(struct http_exchange *exchange, const struct http_response *response)
        SL_NONNULL(1, 2);

/* ---- answers that go on ------------------------------------------------------------------ */

struct http_stream;

/* What is called by a stream, when it began and before it is ended. `gone`: the reader is gone, or
 * read nothing for HTTP_STREAM_STALL_S, or sent something; it has still to be ended, which may be
 * done in there. `drained`: he has read all that was written. */
typedef void http_stream_fn(void *arg);

struct http_stream_calls {
	http_stream_fn *gone, *drained;
};

/*
 * Begins an answer without an end (chunks of HTTP/1.1, the connection's end in 1.0): status and
 * headers of `response`, its body the first part, which is never empty. Takes the exchange over,
 * whose request is there until http_stream_end. SL_ENOMEM, SL_ECLOSED (there is no reader any
 * more): nothing was sent, and the exchange is the caller's to answer. Event thread, as all of
 * these.
 */
int http_stream_begin(struct http_exchange *exchange, const struct http_response *response,
                      const struct http_stream_calls *calls, void *arg,
                      struct http_stream **ret_stream) SL_NONNULL(1, 2, 3, 5) SL_MUST;

/* Whether the reader follows: less than HTTP_STREAM_UNREAD_MAX waits for him. */
bool http_stream_ready(const struct http_stream *stream) SL_NONNULL(1);

/* Sends a part, however much waits: bounded by who asks http_stream_ready first. SL_ENOMEM:
 * nothing of it was sent. */
int http_stream_write(struct http_stream *stream, const void *data, size_t len)
        SL_NONNULL(1, 2) SL_MUST;

/* Ends the answer and its connection. `whole`: by the end of an answer, once what waits is read, in
 * HTTP_STREAM_END_S at most; else that is dropped, and the reader sees that it was cut. The stream
 * and its request are the caller's no more, and nobody is called. Before http_server_destroy. */
void http_stream_end(struct http_stream *stream, bool whole);

/* ---- listeners --------------------------------------------------------------------------- */

typedef void http_request_fn(void *arg, struct http_exchange *exchange);

struct http_options {
	const char *address; /* "::" both families */
	uint16_t port;       /* 0: any; http_server_port tells which */
	SSL_CTX *ctx;        /* the server keeps a reference; TLS 1.2 and later, whatever it says */
	size_t body_max;     /* bytes; beyond it 413 */
	size_t incoming_max; /* 0: HTTP_INCOMING_MAX */
	unsigned idle_s;     /* 0: HTTP_IDLE_S */
	unsigned connections_max; /* 0: HTTP_CONNECTIONS_MAX */
	unsigned source_max;      /* 0: HTTP_SOURCE_MAX */
	unsigned request_s;       /* 0: HTTP_REQUEST_S */
	unsigned stall_s;         /* 0: HTTP_STREAM_STALL_S */
	http_request_fn *fn;      /* once for each whole request */
	void *arg;
};

struct http_server;

/* SL_ESYS (`problem`: which address and why). http_server_destroy drops connections; exchanges
 * that are out must have been replied to. */
int http_server_create(struct event_base *base, const struct http_options *options,
                       struct http_server **ret_server, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
void http_server_destroy(struct http_server *server);
uint16_t http_server_port(const struct http_server *server) SL_NONNULL(1);

/* Takes no connection any more; those that are there go on. */
void http_server_close(struct http_server *server) SL_NONNULL(1);
/* Connections on which a request or its answer is under way. */
unsigned http_server_busy(const struct http_server *server) SL_NONNULL(1);
