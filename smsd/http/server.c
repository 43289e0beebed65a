/* SPDX-License-Identifier: Apache-2.0 */
/* A listener, and evhttp behind it. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/http/http_priv.h"

enum { BACKLOG = 128 };

static socklen_t address_of(const struct http_options *options, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, options->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(options->port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, options->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(options->port);
		return sizeof(*v6);
	}
	return 0;
}

/* Accepted sockets inherit TCP_NODELAY: else each answer waits for the peer's delayed ACK. */
static int bound_socket(const struct sockaddr_storage *address, socklen_t len)
{
	const int on = 1, off = 0;
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	    (address->ss_family != AF_INET6 ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0) &&
	    bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		return 0;
	return ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
	                                     : ((struct sockaddr_in6 *)&at)->sin6_port);
}

/* Descriptors or memory are short: the loop would spin on a socket that it cannot accept. */
static void accept_failed(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = {.tv_usec = 200 * 1000};
	struct http_server *s = arg;

	(void)evconnlistener_disable(listener);
	(void)event_add(s->retry, &pause);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)evconnlistener_enable(s->listener);
}

static int listen_at(struct http_server *s, struct problem *problem)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(&s->options, &address);
	int fd;

	if (len == 0)
		return problem_add(problem, SL_EINVAL, "", "write an address: 127.0.0.1, ::",
		                   "\"%.64s\" is no address to listen at", s->options.address);
	fd = bound_socket(&address, len);
	if (fd < 0)
		return problem_add(problem, SL_ESYS, "",
		                   "choose another address or port, or end what has it",
		                   "cannot listen at %.64s port %u: %s", s->options.address,
		                   s->options.port, strerror(errno));
	s->port = port_of(fd);
	s->listener = evconnlistener_new(s->base, NULL, NULL,
	                                 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!s->listener) {
		(void)close(fd);
		return problem_add(problem, SL_ENOMEM, "", "", "out of memory");
	}
	if (!evhttp_bind_listener(s->evhttp, s->listener)) {
		evconnlistener_free(s->listener);
		return problem_add(problem, SL_ENOMEM, "", "", "out of memory");
	}
	evconnlistener_set_error_cb(s->listener, accept_failed);
	return 0;
}

/* All that evhttp has a name for come to http_exchange_begin, which says 405; of others it says 501
 * itself. */
static void set_up(struct http_server *s)
{
	evhttp_set_allowed_methods(s->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
	                                              EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE |
	                                              EVHTTP_REQ_HEAD | EVHTTP_REQ_OPTIONS |
	                                              EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT);
	evhttp_set_max_headers_size(s->evhttp, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(s->evhttp, (ev_ssize_t)s->options.body_max);
	/* Reads what is too much and drops it, so that the answer is not lost with a reset. */
	evhttp_set_flags(s->evhttp, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(s->evhttp, HTTP_IDLE_S);
	evhttp_set_bevcb(s->evhttp, http_peer_create, s);
	evhttp_set_gencb(s->evhttp, http_exchange_begin, s);
}

int http_server_create(struct event_base *base, const struct http_options *options,
                       struct http_server **ret_server, struct problem *problem)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return problem_add(problem, SL_ENOMEM, "", "", "out of memory");
	s->options = *options;
	s->options.idle_s = options->idle_s ? options->idle_s : HTTP_IDLE_S;
	s->options.incoming_max = options->incoming_max ? options->incoming_max : HTTP_INCOMING_MAX;
	s->options.connections_max =
	        options->connections_max ? options->connections_max : HTTP_CONNECTIONS_MAX;
	s->options.source_max = options->source_max ? options->source_max : HTTP_SOURCE_MAX;
	s->options.request_s = options->request_s ? options->request_s : HTTP_REQUEST_S;
	s->options.stall_s = options->stall_s ? options->stall_s : HTTP_STREAM_STALL_S;
	s->base = base;
	LIST_INIT(&s->peers);
	(void)SSL_CTX_up_ref(s->options.ctx);
	s->retry = evtimer_new(base, accept_again, s);
	s->evhttp = evhttp_new(base);
	if (s->retry && s->evhttp) {
		set_up(s);
		rc = listen_at(s, problem);
	} else {
		rc = problem_add(problem, SL_ENOMEM, "", "", "out of memory");
	}
	if (rc != 0) {
		http_server_destroy(s);
		return rc;
	}
	*ret_server = s;
	return 0;
}

void http_server_destroy(struct http_server *s)
{
	struct http_peer *peer;

	if (!s)
		return;
	LIST_FOREACH (peer, &s->peers, link)
		if (peer->stream)
			http_stream_drop(peer->stream);
	if (s->evhttp)
		evhttp_free(s->evhttp);
	/* libevent frees a connection's buffers when the loop turns next. */
	while (!LIST_EMPTY(&s->peers))
		http_peer_leave(LIST_FIRST(&s->peers));
	if (s->retry)
		event_free(s->retry);
	SSL_CTX_free(s->options.ctx);
	free(s);
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_close(struct http_server *server)
{
	(void)event_del(server->retry);
	(void)evconnlistener_disable(server->listener);
}

unsigned http_server_busy(const struct http_server *server)
{
	const struct http_peer *peer;
	unsigned n = 0;

	LIST_FOREACH (peer, &server->peers, link)
		n += peer->admitted && !peer->idle;
	return n;
}
