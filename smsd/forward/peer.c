/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/forward/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/pki/cert.h"

enum { DROP_MAX = 4096, PORT_TEXT_MAX = 8, KEEP_IDLE_S = 60 };

static int fail(char error[FORWARD_ERROR_MAX], int code, const char *what, const char *why)
{
	(void)snprintf(error, FORWARD_ERROR_MAX, "%.255s: %s", what, why);
	return code;
}

/* ---- waiting ----------------------------------------------------------------------------- */

/* Until the descriptor is ready; SL_ETIMEOUT, or SL_EAGAIN when there are orders. */
static int wait_ready(int fd, short events, int order, uint64_t until_ns)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = order, .events = POLLIN}};

	for (;;) {
		uint64_t now = clock_now_ns();
		int n, ms = now < until_ns ? (int)((until_ns - now) / CLOCK_NS_PER_MS) + 1 : 0;

		n = poll(fds, 2, ms);
		if (n < 0 && errno != EINTR)
			return SL_ESYS;
		if (n > 0 && fds[1].revents)
			return SL_EAGAIN;
		if (n > 0)
			return 0;
		if (n == 0 && clock_now_ns() >= until_ns)
			return SL_ETIMEOUT;
	}
}

/* ---- TCP --------------------------------------------------------------------------------- */

static void set_options(int fd)
{
	const unsigned silent_ms = PEER_SILENT_S * 1000;
	const int on = 1, idle_s = KEEP_IDLE_S;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof(silent_ms));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A code, or 0 with the descriptor; errno says why not. */
static int connect_one(const struct addrinfo *to, int order, uint64_t until_ns, int *ret_fd)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(int);
	int rc = 0, why = 0;

	if (fd < 0)
		return SL_ESYS;
	set_options(fd);
	if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
		why = errno;
		rc = why == EINPROGRESS ? wait_ready(fd, POLLOUT, order, until_ns) : SL_ECLOSED;
	}
	if (rc == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)
		why = errno;
	if (rc == 0 && why != 0)
		rc = SL_ECLOSED;
	if (rc == 0) {
		*ret_fd = fd;
		return 0;
	}
	(void)close(fd);
	errno = rc == SL_ETIMEOUT ? ETIMEDOUT : why;
	return rc;
}

static int connect_tcp(const struct peer_options *o, uint64_t until_ns, int *ret_fd,
                       char error[FORWARD_ERROR_MAX])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char port[PORT_TEXT_MAX];
	int rc, code;

	(void)snprintf(port, sizeof(port), "%u", o->port);
	code = getaddrinfo(o->host, port, &hints, &list);
	if (code != 0)
		return fail(error, SL_ENOENT, o->host, gai_strerror(code));
	rc = SL_ENOENT;
	for (const struct addrinfo *to = list; to && rc != 0 && rc != SL_EAGAIN; to = to->ai_next) {
		rc = connect_one(to, o->order, until_ns, ret_fd);
		if (rc != 0)
			(void)fail(error, rc, o->host, strerror(errno));
	}
	freeaddrinfo(list);
	return rc;
}

/* ---- TLS --------------------------------------------------------------------------------- */

static int trust(SSL_CTX *ctx, const char *ca)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	STACK_OF(X509) * certs;
	struct pki_error err;
	int rc = 0;

	if (ca[0] == '\0')
		return SSL_CTX_set_default_verify_paths(ctx) == 1 ? 0 : SL_ECRYPTO;
	if (pki_certificates_parse("ca", ca, strlen(ca), &certs, &err) != 0)
		return SL_ECRYPTO;
	for (int i = 0; i < sk_X509_num(certs) && rc == 0; i++)
		if (X509_STORE_add_cert(store, sk_X509_value(certs, i)) != 1)
			rc = SL_ECRYPTO;
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

/* The name, or the address, that the certificate must be for; names are told the server, too. */
static bool set_host(SSL *ssl, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int make_tls(const struct peer_options *o, int fd, SSL **ret_ssl)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	int rc = ctx ? trust(ctx, o->ca) : SL_ENOMEM;

	if (rc == 0 && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		rc = SL_ECRYPTO;
	if (rc == 0) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
		                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		ssl = SSL_new(ctx);
		rc = ssl && set_host(ssl, o->host) && SSL_set_fd(ssl, fd) == 1 ? 0 : SL_ECRYPTO;
	}
	SSL_CTX_free(ctx);
	if (rc == 0)
		*ret_ssl = ssl;
	else
		SSL_free(ssl);
	return rc;
}

/* Why TLS failed, in words that say what to do. */
static int tls_failed(const struct peer_options *o, SSL *ssl, int rc, char error[FORWARD_ERROR_MAX])
{
	long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	unsigned long code = ERR_get_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	if (rc == SL_ETIMEOUT)
		return fail(error, rc, o->host, "no TLS handshake in time");
	if (verified != X509_V_OK) {
		(void)snprintf(error, FORWARD_ERROR_MAX,
		               "%.255s: its certificate does not verify: %s", o->host,
		               X509_verify_cert_error_string(verified));
		return SL_ECRYPTO;
	}
	(void)snprintf(error, FORWARD_ERROR_MAX, "%.255s: TLS: %s", o->host,
	               why ? why : "the server ended it");
	return SL_ECRYPTO;
}

static int shake_hands(const struct peer_options *o, SSL *ssl, uint64_t until_ns)
{
	for (;;) {
		int rc, n;

		ERR_clear_error();
		n = SSL_connect(ssl);
		if (n == 1)
			return 0;
		switch (SSL_get_error(ssl, n)) {
		case SSL_ERROR_WANT_READ:
			rc = wait_ready(SSL_get_fd(ssl), POLLIN, o->order, until_ns);
			break;
		case SSL_ERROR_WANT_WRITE:
			rc = wait_ready(SSL_get_fd(ssl), POLLOUT, o->order, until_ns);
			break;
		default:
			rc = SL_ECRYPTO;
		}
		if (rc != 0)
			return rc;
	}
}

/* ---- a connection ------------------------------------------------------------------------ */

int peer_connect(const struct peer_options *o, struct peer *ret_peer, char error[FORWARD_ERROR_MAX])
{
	uint64_t until_ns = clock_now_ns() + PEER_CONNECT_S * CLOCK_NS_PER_S;
	struct peer peer = {.fd = -1};
	int rc = connect_tcp(o, until_ns, &peer.fd, error);

	if (rc == 0 && o->tls) {
		rc = make_tls(o, peer.fd, &peer.ssl);
		if (rc == 0)
			rc = shake_hands(o, peer.ssl, until_ns);
		if (rc != 0 && rc != SL_EAGAIN)
			rc = tls_failed(o, peer.ssl, rc, error);
	}
	if (rc == 0)
		*ret_peer = peer;
	else
		peer_close(&peer);
	return rc;
}

void peer_close(struct peer *peer)
{
	SSL_free(peer->ssl);
	if (peer->fd >= 0)
		(void)close(peer->fd);
	*peer = (struct peer){.fd = -1};
}

static int ended(char error[FORWARD_ERROR_MAX], const char *why)
{
	(void)snprintf(error, FORWARD_ERROR_MAX, "the connection ended: %s", why);
	return SL_ECLOSED;
}

/* 0: it wants to go on later. */
static int tls_code(struct peer *peer, int n, char error[FORWARD_ERROR_MAX])
{
	unsigned long code;
	const char *why;

	switch (SSL_get_error(peer->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return ended(error, "the server closed it");
	default:
		code = ERR_get_error();
		why = code ? ERR_reason_error_string(code) : NULL;
		ERR_clear_error();
		return ended(error, why ? why : "the server closed it");
	}
}

static int write_tls(struct peer *peer, const void *data, size_t len, size_t *ret_written,
                     char error[FORWARD_ERROR_MAX])
{
	int n;

	ERR_clear_error();
	n = SSL_write_ex(peer->ssl, data, len, ret_written);
	peer->writing_reads = n != 1 && SSL_get_error(peer->ssl, n) == SSL_ERROR_WANT_READ;
	if (n == 1)
		return 0;
	*ret_written = 0;
	return tls_code(peer, n, error);
}

int peer_write(struct peer *peer, const void *data, size_t len, size_t *ret_written,
               char error[FORWARD_ERROR_MAX])
{
	ssize_t n;

	if (peer->ssl)
		return write_tls(peer, data, len, ret_written, error);
	n = send(peer->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return ended(error, strerror(errno));
	*ret_written = n < 0 ? 0 : (size_t)n;
	return 0;
}

int peer_read(struct peer *peer, char error[FORWARD_ERROR_MAX])
{
	char dropped[DROP_MAX];
	ssize_t n;

	if (peer->ssl) {
		int got;

		ERR_clear_error();
		got = SSL_read(peer->ssl, dropped, sizeof(dropped));
		return got > 0 ? 0 : tls_code(peer, got, error);
	}
	n = recv(peer->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
	if (n == 0)
		return ended(error, "the server closed it");
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return ended(error, strerror(errno));
	return 0;
}

short peer_events(const struct peer *peer, bool more)
{
	return more && !peer->writing_reads ? POLLIN | POLLOUT : POLLIN;
}

/* ---- what has arrived -------------------------------------------------------------------- */

static uint64_t acknowledged(const struct peer *peer)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return 0;
	return info.tcpi_bytes_acked;
}

/* The bytes of TLS are not ours to count, but the system counts both. */
uint64_t peer_mark(const struct peer *peer)
{
	uint64_t acked = acknowledged(peer);
	int queued = 0;

	(void)ioctl(peer->fd, SIOCOUTQ, &queued);
	return acked + (uint64_t)queued;
}

bool peer_has(const struct peer *peer, uint64_t mark)
{
	return acknowledged(peer) >= mark;
}

bool peer_finish(struct peer *peer)
{
	uint64_t until_ns = clock_now_ns() + PEER_FINISH_S * CLOCK_NS_PER_S;
	char dropped[DROP_MAX];
	ssize_t n = 1;

	ERR_clear_error();
	if (peer->ssl)
		(void)SSL_shutdown(peer->ssl);
	if (shutdown(peer->fd, SHUT_WR) != 0)
		return false;
	while (n > 0 && wait_ready(peer->fd, POLLIN, -1, until_ns) == 0)
		n = recv(peer->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
	return n == 0;
}
