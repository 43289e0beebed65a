/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the load program: its states, and the check of what it was served.
 */
#include "bench/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

enum {
	READS_A_TURN = 32, /* so that one fast connection does not starve the others */
};

enum step { STEP_AGAIN, STEP_WAIT, STEP_DONE };

static void watch(struct conn *conn, bool write)
{
	struct epoll_event event = {.events = write ? EPOLLOUT : EPOLLIN, .data.ptr = conn};

	if (conn->wants_write == write)
		return;
	conn->wants_write = write;
	epoll_ctl(conn->load->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

void conn_close(struct conn *conn)
{
	if (conn->ssl) {
		/* Said to have been closed in order: else OpenSSL thinks the ticket is spoilt. */
		SSL_set_shutdown(conn->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(conn->ssl);
	}
	conn->ssl = NULL;
	if (conn->state != CONN_CLOSED)
		close(conn->fd);
	conn->state = CONN_CLOSED;
}

void conn_free(struct conn *conn)
{
	conn_close(conn);
	SSL_SESSION_free(conn->session);
}

static enum step fail(struct conn *conn, const char *what)
{
	unsigned long code = ERR_get_error();
	char text[120] = "";
	int error = errno;

	if (code)
		ERR_error_string_n(code, text, sizeof(text));
	else if (error)
		snprintf(text, sizeof(text), "%s", strerror(error));
	ERR_clear_error();
	stat_fault(&conn->load->stat, "%s%s%s", what, text[0] ? ": " : "", text);
	conn_close(conn);
	return STEP_DONE;
}

static enum step fault(struct conn *conn, const char *what)
{
	ERR_clear_error();
	errno = 0;
	return fail(conn, what);
}

static void start_response(struct conn *conn)
{
	conn->header_len = 0;
	conn->body_left = -1;
}

static void open_socket(struct conn *conn)
{
	struct load *load = conn->load;
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = conn};
	int one = 1;

	load_site_choose(conn);
	conn->start_ns = load_now_ns();
	conn->responses = 0;
	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0) {
		fail(conn, "socket");
		return;
	}
	conn->state = CONN_CONNECTING;
	conn->wants_write = true;
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
	if (connect(conn->fd, (const struct sockaddr *)&load->opt.server,
	            sizeof(load->opt.server)) < 0 &&
	    errno != EINPROGRESS)
		fail(conn, "connect");
}

void conn_begin(struct conn *conn)
{
	if (conn->state == CONN_CLOSED) {
		open_socket(conn);
		return;
	}
	conn->state = CONN_REQUEST;
	conn->start_ns = load_now_ns();
	conn_step(conn);
}

static enum step begin_tls(struct conn *conn)
{
	struct load *load = conn->load;

	conn->ssl = SSL_new(load->ctx);
	if (!conn->ssl || !SSL_set_fd(conn->ssl, conn->fd) ||
	    !SSL_set_tlsext_host_name(conn->ssl, conn->name) ||
	    (load->opt.trust && !SSL_set1_host(conn->ssl, conn->name)))
		return fail(conn, "SSL_new");
	SSL_set_app_data(conn->ssl, conn);
	conn->offered = load->opt.mode == LOAD_RESUMED && conn->session;
	if (conn->offered && !SSL_set_session(conn->ssl, conn->session))
		return fail(conn, "SSL_set_session");
	SSL_set_connect_state(conn->ssl);
	conn->state = CONN_HANDSHAKE;
	return STEP_AGAIN;
}

static enum step step_connecting(struct conn *conn)
{
	struct load *load = conn->load;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		errno = error ? error : errno;
		return fail(conn, "connect");
	}
	if (load->opt.plain) {
		conn->state = CONN_REQUEST;
		return STEP_AGAIN;
	}
	if (!load->opt.tunnel)
		return begin_tls(conn);
	if (load_tunnel_ask(conn) < 0)
		return fail(conn, "CONNECT");
	watch(conn, false);
	conn->state = CONN_TUNNEL;
	return STEP_WAIT;
}

static enum step step_tunnel(struct conn *conn)
{
	const char *wrong = NULL;
	int rc;

	errno = 0;
	rc = load_tunnel_answer(conn, &wrong);
	if (rc < 0)
		return fail(conn, wrong);
	if (rc == 0)
		return STEP_WAIT;
	conn->start_ns = load_now_ns();
	return begin_tls(conn);
}

/* NULL when the session is as demanded, else what is not. */
static const char *wrong_session(struct conn *conn)
{
	const struct load_options *opt = &conn->load->opt;
	X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
	bool reused = SSL_session_reused(conn->ssl);

	if (SSL_version(conn->ssl) != TLS1_3_VERSION)
		return "not TLS 1.3";
	if (strcmp(SSL_get_cipher_name(conn->ssl), opt->suite) != 0)
		return "another suite";
	if (SSL_get_negotiated_group(conn->ssl) != NID_X9_62_prime256v1)
		return "another group than P-256";
	if (reused && !conn->offered)
		return "resumed though nothing was offered";
	if (!reused && conn->offered)
		return "the ticket was not taken";
	if (!reused && opt->certificate && (!leaf || X509_cmp(leaf, opt->certificate) != 0))
		return "another certificate";
	return NULL;
}

static enum step want(struct conn *conn, int result, const char *what)
{
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		watch(conn, false);
		return STEP_WAIT;
	case SSL_ERROR_WANT_WRITE:
		watch(conn, true);
		return STEP_WAIT;
	default:
		return fail(conn, what);
	}
}

static enum step step_handshake(struct conn *conn)
{
	const char *wrong;
	int result;

	errno = 0;
	result = SSL_do_handshake(conn->ssl);
	if (result != 1)
		return want(conn, result, "handshake");
	wrong = wrong_session(conn);
	if (wrong)
		return fault(conn, wrong);
	if (SSL_session_reused(conn->ssl))
		conn->load->stat.resumed++;
	else
		conn->load->stat.full++;
	conn->state = CONN_REQUEST;
	return STEP_AGAIN;
}

static enum step step_request(struct conn *conn)
{
	int len = (int)conn->request_len;
	int done;

	errno = 0;
	done = conn->ssl ? SSL_write(conn->ssl, conn->request, len)
	                 : (int)send(conn->fd, conn->request, conn->request_len, MSG_NOSIGNAL);
	if (done != len)
		return conn->ssl ? want(conn, done, "write") : fail(conn, "send");
	watch(conn, false);
	conn->state = CONN_RESPONSE;
	start_response(conn);
	return STEP_AGAIN;
}

/* Reads the header block's status and length; NULL, or what is wrong. */
static const char *read_header(struct conn *conn)
{
	const char *length;

	if (strncmp(conn->header, "HTTP/1.1 200 ", 13) != 0)
		return "status is not 200";
	length = strcasestr(conn->header, "\r\nContent-Length:");
	if (!length)
		return "response without Content-Length";
	conn->body_left = strtoll(length + 17, NULL, 10);
	return NULL;
}

/* Collects the header block; the bytes of `data` that were part of it, or -1. */
static int take_header(struct conn *conn, const char *data, unsigned len, const char **ret_wrong)
{
	unsigned had = conn->header_len;
	unsigned room = LOAD_HEADER_MAX - 1 - had;
	unsigned take = len < room ? len : room;
	char *end;

	memcpy(conn->header + had, data, take);
	conn->header[had + take] = '\0';
	end = strstr(conn->header, "\r\n\r\n");
	if (!end) {
		conn->header_len += take;
		*ret_wrong = take < len ? "header block too long" : NULL;
		return *ret_wrong ? -1 : (int)take;
	}
	end[2] = '\0';
	*ret_wrong = read_header(conn);
	return *ret_wrong ? -1 : (int)(end + 4 - conn->header - had);
}

static void count_body(struct conn *conn, unsigned len)
{
	struct load_stat *stat = &conn->load->stat;

	conn->body_left -= len;
	stat->all_bytes += len;
	if (stat->measuring)
		stat->bytes += len;
}

static enum step end_response(struct conn *conn)
{
	struct load *load = conn->load;

	conn->responses++;
	stat_op(&load->stat, conn->start_ns);
	if (load_closes(load)) {
		conn->state = CONN_CLOSING;
		return STEP_AGAIN;
	}
	if (load->opt.mode == LOAD_HOLD || load->stopping) {
		conn->state = CONN_IDLE;
		return STEP_DONE;
	}
	conn->state = CONN_REQUEST;
	conn->start_ns = load_now_ns();
	return STEP_AGAIN;
}

static enum step take_data(struct conn *conn, const char *data, unsigned len)
{
	const char *wrong = NULL;
	int used = 0;

	if (conn->state != CONN_RESPONSE)
		return fault(conn, "bytes after the response");
	if (conn->body_left < 0)
		used = take_header(conn, data, len, &wrong);
	if (used < 0)
		return fault(conn, wrong);
	if (conn->body_left < 0)
		return STEP_AGAIN;
	if (conn->body_left < (int64_t)len - used)
		return fault(conn, "response longer than its Content-Length");
	count_body(conn, len - (unsigned)used);
	return conn->body_left == 0 ? end_response(conn) : STEP_AGAIN;
}

static enum step end_of_stream(struct conn *conn, bool clean)
{
	if (conn->state != CONN_CLOSING)
		return fault(conn, "closed before the end of the response");
	if (!clean)
		conn->load->stat.unclean++;
	ERR_clear_error();
	conn_close(conn);
	return STEP_DONE;
}

static enum step step_read(struct conn *conn)
{
	char *data = conn->load->data;
	int len, error;

	errno = 0;
	if (!conn->ssl) {
		len = (int)recv(conn->fd, data, LOAD_READ_SIZE, 0);
		if (len < 0)
			return errno == EAGAIN ? STEP_WAIT : fail(conn, "recv");
		return len ? take_data(conn, data, (unsigned)len) : end_of_stream(conn, true);
	}
	len = SSL_read(conn->ssl, data, LOAD_READ_SIZE);
	if (len > 0)
		return take_data(conn, data, (unsigned)len);
	error = SSL_get_error(conn->ssl, len);
	if (error == SSL_ERROR_ZERO_RETURN)
		return end_of_stream(conn, true);
	if (conn->state == CONN_CLOSING && (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL))
		return end_of_stream(conn, false);
	return want(conn, len, "read");
}

void conn_step(struct conn *conn)
{
	enum step step = STEP_AGAIN;
	unsigned reads = 0;

	while (step == STEP_AGAIN) {
		switch (conn->state) {
		case CONN_CONNECTING:
			step = step_connecting(conn);
			break;
		case CONN_TUNNEL:
			step = step_tunnel(conn);
			break;
		case CONN_HANDSHAKE:
			step = step_handshake(conn);
			break;
		case CONN_REQUEST:
			step = step_request(conn);
			break;
		case CONN_RESPONSE:
		case CONN_CLOSING:
			/* Bytes that OpenSSL holds do not wake epoll: read them before leaving. */
			if (reads++ >= READS_A_TURN && !(conn->ssl && SSL_has_pending(conn->ssl)))
				return;
			step = step_read(conn);
			break;
		case CONN_IDLE:
			fault(conn, "closed while idle");
			return;
		default:
			return;
		}
	}
}
