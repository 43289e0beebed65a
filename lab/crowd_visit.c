/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the crowd: its states. Faults are lines on standard error. */
#include "lab/crowd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

enum {
	BODY_PIECE = 64 * 1024,
	WRITES_A_TURN = 16, /* so that one fast connection does not starve the others */
	SMALL = 64,
	MEDIUM = 16 * 1024,
};

enum step { STEP_AGAIN, STEP_WAIT, STEP_OVER };

static const char body[BODY_PIECE];

static void watch(struct visit *v, bool write)
{
	struct epoll_event event = {.events = write ? EPOLLOUT : EPOLLIN, .data.ptr = v};

	if (v->wants_write == write)
		return;
	v->wants_write = write;
	epoll_ctl(v->crowd->epoll_fd, EPOLL_CTL_MOD, v->fd, &event);
}

static void end(struct visit *v)
{
	SSL_set_shutdown(v->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(v->ssl);
	close(v->fd);
	free(v);
}

/* A peer may go away at any moment, as a run does when it is over; what it must not do is to speak
 * another TLS, or to refuse ours. */
static enum step fail(struct visit *v, const char *what)
{
	unsigned long code = ERR_get_error();
	char text[120];

	if (code && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		ERR_error_string_n(code, text, sizeof(text));
		fprintf(stderr, "%s: %s\n", what, text);
	}
	ERR_clear_error();
	return STEP_OVER;
}

static enum step want(struct visit *v, int result, const char *what)
{
	switch (SSL_get_error(v->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		watch(v, false);
		return STEP_WAIT;
	case SSL_ERROR_WANT_WRITE:
		watch(v, true);
		return STEP_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return STEP_OVER;
	default:
		return fail(v, what);
	}
}

void visit_accept(struct crowd *crowd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int one = 1, fd;

	while ((fd = accept4(crowd->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct visit *v = calloc(1, sizeof(*v));

		if (!v)
			exit(1);
		v->crowd = crowd;
		v->fd = fd;
		v->ssl = SSL_new(crowd->ctx);
		if (!v->ssl || !SSL_set_fd(v->ssl, fd))
			exit(1);
		SSL_set_accept_state(v->ssl);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		event.data.ptr = v;
		epoll_ctl(crowd->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static enum step step_handshake(struct visit *v)
{
	int result = SSL_do_handshake(v->ssl);

	if (result != 1)
		return want(v, result, "handshake");
	v->state = VISIT_REQUEST;
	return STEP_AGAIN;
}

/* ---- what is asked, and the answer ---- */

static bool asks_for(const struct visit *v, const char *path)
{
	size_t len = strlen(path);

	return strncmp(v->request, "GET ", 4) == 0 && strncmp(v->request + 4, path, len) == 0 &&
	       strchr(" ?", v->request[4 + len]);
}

static void note_canary(const struct visit *v)
{
	FILE *out = v->crowd->canary ? fopen(v->crowd->canary, "a") : NULL;

	if (!out)
		return;
	fputs("the canary got through\n", out);
	fclose(out);
}

static void answer_text(struct visit *v, const char *status, const char *text)
{
	v->head_len = (unsigned)snprintf(v->head, sizeof(v->head),
	                                 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
	                                 "Content-Length: %zu\r\n%s\r\n%s",
	                                 status, strlen(text),
	                                 v->closes ? "Connection: close\r\n" : "", text);
}

static void answer_bytes(struct visit *v, unsigned long long len)
{
	v->head_len =
	        (unsigned)snprintf(v->head, sizeof(v->head),
	                           "HTTP/1.1 200 OK\r\nContent-Type: "
	                           "application/octet-stream\r\nContent-Length: %llu\r\n%s\r\n",
	                           len, v->closes ? "Connection: close\r\n" : "");
	v->body_left = len;
}

/* The TLS of this leg in words: read by a probe before each sample. */
static void answer_tls(struct visit *v)
{
	char text[100];

	snprintf(text, sizeof(text), "%s %s %s\n", SSL_get_version(v->ssl), SSL_get_cipher(v->ssl),
	         SSL_session_reused(v->ssl) ? "r" : ".");
	answer_text(v, "200 OK", text);
}

static void answer_name(struct visit *v)
{
	char text[CROWD_NAME_MAX + 16];

	snprintf(text, sizeof(text), "This is %s\n",
	         SSL_get_servername(v->ssl, TLSEXT_NAMETYPE_host_name));
	answer_text(v, "200 OK", text);
}

static void answer(struct visit *v)
{
	v->closes = strcasestr(v->request, "\r\nConnection: close\r\n") != NULL;
	v->head_sent = 0;
	v->body_left = 0;
	if (asks_for(v, "/small")) {
		answer_bytes(v, SMALL);
	} else if (asks_for(v, "/16k")) {
		answer_bytes(v, MEDIUM);
	} else if (asks_for(v, "/big")) {
		answer_bytes(v, v->crowd->big);
	} else if (asks_for(v, "/tls")) {
		answer_tls(v);
	} else if (asks_for(v, "/")) {
		answer_name(v);
	} else if (asks_for(v, "/canary")) {
		note_canary(v);
		answer_text(v, "200 OK", "the canary got through\n");
	} else {
		answer_text(v, "404 Not Found", "no such thing\n");
	}
}

static enum step step_request(struct visit *v)
{
	int room = (int)(CROWD_REQUEST_MAX - 1 - v->request_len);
	int len = room > 0 ? SSL_read(v->ssl, v->request + v->request_len, room) : 0;

	if (room <= 0) {
		fprintf(stderr, "a request's header block is too long\n");
		return STEP_OVER;
	}
	if (len <= 0)
		return want(v, len, "read");
	v->request_len += (unsigned)len;
	v->request[v->request_len] = '\0';
	if (!strstr(v->request, "\r\n\r\n"))
		return STEP_AGAIN;
	answer(v);
	v->request_len = 0;
	v->state = VISIT_RESPONSE;
	return STEP_AGAIN;
}

/* A short body goes with the header block, in one record. */
static unsigned add_short_body(struct visit *v, char *out, size_t room)
{
	unsigned len = v->head_len - v->head_sent;
	size_t with = v->body_left < room - len ? (size_t)v->body_left : room - len;

	memcpy(out, v->head + v->head_sent, len);
	memset(out + len, 0, with);
	return len + (unsigned)with;
}

static void count_sent(struct visit *v, unsigned sent)
{
	unsigned head = v->head_len - v->head_sent;

	head = sent < head ? sent : head;
	v->head_sent += head;
	v->body_left -= sent - head;
}

static enum step step_response(struct visit *v)
{
	char piece[2048];
	const char *data = body;
	unsigned len = v->body_left < BODY_PIECE ? (unsigned)v->body_left : BODY_PIECE;
	int sent;

	if (v->head_sent < v->head_len) {
		len = add_short_body(v, piece, sizeof(piece));
		data = piece;
	}
	sent = SSL_write(v->ssl, data, (int)len);
	if (sent <= 0)
		return want(v, sent, "write");
	count_sent(v, (unsigned)sent);
	if (v->head_sent < v->head_len || v->body_left > 0)
		return STEP_AGAIN;
	watch(v, false);
	v->state = VISIT_REQUEST;
	if (v->closes) {
		(void)SSL_shutdown(v->ssl);
		shutdown(v->fd, SHUT_WR);
		v->state = VISIT_CLOSING;
	}
	return STEP_AGAIN;
}

/* Closed only when the other end has: else what it still says would be answered by a reset. */
static enum step step_closing(struct visit *v)
{
	char rest[2048];
	ssize_t len;

	ERR_clear_error();
	while ((len = recv(v->fd, rest, sizeof(rest), 0)) > 0)
		;
	return len < 0 && errno == EAGAIN ? STEP_WAIT : STEP_OVER;
}

void visit_step(struct visit *v)
{
	enum step step = STEP_AGAIN;
	unsigned writes = 0;

	while (step == STEP_AGAIN) {
		switch (v->state) {
		case VISIT_HANDSHAKE:
			step = step_handshake(v);
			break;
		case VISIT_REQUEST:
			step = step_request(v);
			break;
		case VISIT_RESPONSE:
			if (writes++ >= WRITES_A_TURN) {
				watch(v, true);
				return;
			}
			step = step_response(v);
			break;
		case VISIT_CLOSING:
			step = step_closing(v);
			break;
		}
	}
	if (step == STEP_OVER)
		end(v);
}
