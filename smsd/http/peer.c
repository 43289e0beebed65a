/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: its TLS, its source's bound, how long it may take. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "smsd/http/http_priv.h"

static pthread_once_t peer_once = PTHREAD_ONCE_INIT;
static int peer_index = -1; /* in SSL objects; set once */

/* What the peer holds of the server's memory. */
static void set_incoming(struct http_peer *peer, size_t bytes)
{
	peer->server->incoming += bytes - peer->incoming;
	peer->incoming = bytes;
}

static void peer_free(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long argl,
                      void *argp)
{
	struct http_peer *peer = data;

	if (peer && peer->server)
		http_peer_leave(peer);
	free(peer);
}

void http_peer_leave(struct http_peer *peer)
{
	if (peer->stream)
		http_stream_lost(peer->stream);
	peer->stream = NULL;
	set_incoming(peer, 0);
	LIST_REMOVE(peer, link);
	peer->server->peers_count--;
	peer->server = NULL;
	peer->idle = false;
	event_free(peer->deadline);
}

static void make_index(void)
{
	peer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, peer_free);
}

/* Those of one source share a bound: whoever has an IPv6 network has 2^64 addresses of it. */
static struct in6_addr source_of(const struct sockaddr_storage *from)
{
	struct in6_addr source = {0};

	if (from->ss_family == AF_INET) {
		memcpy(source.s6_addr, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else {
		source = ((const struct sockaddr_in6 *)from)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&source)) {
			memmove(source.s6_addr, source.s6_addr + 12, 4);
			memset(source.s6_addr + 4, 0, 12);
		} else {
			memset(source.s6_addr + 8, 0, 8);
		}
	}
	return source;
}

static void name_source(struct http_peer *peer, const struct sockaddr_storage *from)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;

	if (from->ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, peer->from,
		                sizeof(peer->from));
	else if (IN6_IS_ADDR_V4MAPPED(v6))
		(void)inet_ntop(AF_INET, v6->s6_addr + 12, peer->from, sizeof(peer->from));
	else
		(void)inet_ntop(AF_INET6, v6, peer->from, sizeof(peer->from));
}

static unsigned admitted_of(const struct http_server *s, const struct in6_addr *source)
{
	const struct http_peer *peer;
	unsigned n = 0;

	LIST_FOREACH (peer, &s->peers, link)
		n += peer->admitted && memcmp(&peer->source, source, sizeof(*source)) == 0;
	return n;
}

/* Within the bounds? First thing after the socket is known, before a byte of TLS is looked at. */
static bool admit(struct http_peer *peer)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	if (getpeername(bufferevent_getfd(peer->bev), (struct sockaddr *)&from, &len) != 0)
		return false;
	name_source(peer, &from);
	peer->source = source_of(&from);
	peer->admitted =
	        peer->server->peers_count <= peer->server->options.connections_max &&
	        admitted_of(peer->server, &peer->source) < peer->server->options.source_max;
	return peer->admitted;
}

static void deadline_due(evutil_socket_t fd, short what, void *arg)
{
	struct http_peer *peer = arg;

	if (!peer->admitted && admit(peer))
		http_peer_allow(peer, peer->server->options.idle_s);
	else
		(void)shutdown(bufferevent_getfd(peer->bev), SHUT_RDWR);
}

/* A request begins: it has its own time, however long the connection was idle. */
static void bytes_came(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_peer *peer = arg;

	if (!peer->server)
		return;
	set_incoming(peer, peer->incoming + info->n_added);
	/* Nobody who follows has anything to say, and nothing would take it up. */
	if (peer->server->incoming > peer->server->options.incoming_max ||
	    (peer->stream && info->n_added > 0))
		(void)shutdown(bufferevent_getfd(peer->bev), SHUT_RDWR);
	if (peer->idle && peer->admitted && info->n_added > 0) {
		peer->idle = false;
		http_peer_allow(peer, peer->server->options.request_s);
	}
}

void http_peer_allow(struct http_peer *peer, unsigned seconds)
{
	const struct timeval delay = {.tv_sec = seconds};

	if (seconds > 0)
		(void)event_add(peer->deadline, &delay);
	else
		(void)event_del(peer->deadline);
}

void http_peer_idle(struct http_peer *peer)
{
	peer->idle = true;
	set_incoming(peer, 0);
	http_peer_allow(peer, peer->server->options.idle_s);
}

static SSL *tls_of(struct http_server *s)
{
	SSL *ssl = SSL_new(s->options.ctx);

	if (!ssl)
		return NULL;
	(void)SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	if (SSL_get_min_proto_version(ssl) < TLS1_2_VERSION &&
	    SSL_set_min_proto_version(ssl, TLS1_2_VERSION) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

/* The peer belongs to `ssl` from here on. */
static struct http_peer *attach(struct http_server *s, SSL *ssl)
{
	struct http_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->server = s;
	peer->idle = true;
	peer->deadline = evtimer_new(s->base, deadline_due, peer);
	if (!peer->deadline || SSL_set_ex_data(ssl, peer_index, peer) != 1) {
		if (peer->deadline)
			event_free(peer->deadline);
		free(peer);
		return NULL;
	}
	LIST_INSERT_HEAD(&s->peers, peer, link);
	s->peers_count++;
	return peer;
}

struct bufferevent *http_peer_create(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct http_peer *peer;
	SSL *ssl;

	(void)pthread_once(&peer_once, make_index);
	ssl = tls_of(s);
	peer = ssl ? attach(s, ssl) : NULL;
	if (peer)
		peer->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
		                                           BEV_OPT_CLOSE_ON_FREE);
	if (!peer || !peer->bev) {
		SSL_free(ssl);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(peer->bev, 1);
	(void)evbuffer_add_cb(bufferevent_get_input(peer->bev), bytes_came, peer);
	/* Runs when evhttp has given it its socket, and before that is read from. */
	event_active(peer->deadline, EV_TIMEOUT, 0);
	return peer->bev;
}

static SSL *ssl_of(struct bufferevent *bev)
{
	return bev ? bufferevent_openssl_get_ssl(bev) : NULL;
}

struct http_peer *http_peer_of(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	SSL *ssl = connection ? ssl_of(evhttp_connection_get_bufferevent(connection)) : NULL;

	return ssl ? SSL_get_ex_data(ssl, peer_index) : NULL;
}

X509 *http_peer_certificate(struct http_peer *peer)
{
	SSL *ssl = ssl_of(peer->bev);

	return ssl && SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get1_peer_certificate(ssl)
	                                                      : NULL;
}
