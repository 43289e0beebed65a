/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that relays plainly; see relay.h. */
#include "tests/take/relay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/loop.h"
#include "lib/event/reason.h"
#include "lib/ipc/channel.h"

enum { CHUNK = 65536, MORE_BYTES = 64, BEAT_MS = 100 };

struct session;

/* What one socket has said and the other has not taken yet. */
struct half {
	struct session *session;
	struct loop_source source; /* of fd */
	int fd;
	bool eof, shut;
	size_t at, len;
	uint8_t data[CHUNK];
};

struct session {
	uint64_t flow;
	struct half half[2];
	struct session *next_free;
};

struct relay {
	struct loop *loop;
	struct ipc_channel *wire;
	struct loop_timer beat;
	uint64_t *heartbeat;
	struct session *free;
};

static struct relay relay;

static void set_linger(int fd, bool reset)
{
	struct linger l = {.l_onoff = reset, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static void session_end(struct session *s, bool reset)
{
	struct ipc_message m = {.type = IPC_ENDED,
	                        .ended = {.flow = s->flow, .reason = REASON_CLOSED}};

	for (int i = 0; i < 2; i++) {
		loop_remove(&s->half[i].source);
		set_linger(s->half[i].fd, reset);
		(void)close(s->half[i].fd);
	}
	if (ipc_send(relay.wire, &m))
		exit(1);
	s->next_free = relay.free;
	relay.free = s;
}

/* Moves what can be moved from `from` to `to`; false: the session is over by an error. */
static bool pump(struct half *from, struct half *to)
{
	for (;;) {
		if (from->len == 0 && !from->eof) {
			ssize_t n = recv(from->fd, from->data, CHUNK, 0);

			if (n < 0 && errno == EAGAIN)
				return true;
			if (n < 0)
				return false;
			from->eof = n == 0;
			from->at = 0;
			from->len = (size_t)n;
		}
		if (from->len) {
			ssize_t n = send(to->fd, from->data + from->at, from->len, MSG_NOSIGNAL);

			if (n < 0 && errno == EAGAIN)
				return true;
			if (n < 0)
				return false;
			from->at += (size_t)n;
			from->len -= (size_t)n;
			if (from->len)
				return true;
		}
		if (from->eof) {
			if (!to->shut && shutdown(to->fd, SHUT_WR) < 0)
				return false;
			to->shut = true;
			return true;
		}
	}
}

static uint32_t wanted(const struct half *h, const struct half *peer)
{
	return (h->len || h->eof ? 0 : EPOLLIN) | (peer->len ? EPOLLOUT : 0);
}

static void on_socket(struct loop_source *source, uint32_t events)
{
	struct half *h = (struct half *)((char *)source - offsetof(struct half, source));
	struct session *s = h->session;
	struct half *a = &s->half[0], *b = &s->half[1];
	int error = 0;
	socklen_t len = sizeof(error);

	if (events & EPOLLERR && getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error) {
		session_end(s, true);
		return;
	}
	if (!pump(a, b) || !pump(b, a)) {
		session_end(s, true);
		return;
	}
	if (a->shut && b->shut) {
		session_end(s, false);
		return;
	}
	loop_modify(&a->source, wanted(a, b));
	loop_modify(&b->source, wanted(b, a));
}

static void on_taken(const struct ipc_message *msg, int fds[IPC_FDS_MAX])
{
	struct session *s = relay.free;

	if (s)
		relay.free = s->next_free;
	else
		s = malloc(sizeof(*s));
	if (!s)
		exit(1);
	s->flow = msg->taken.flow;
	for (int i = 0; i < 2; i++) {
		struct half *h = &s->half[i];

		h->session = s;
		h->fd = fds[i];
		fds[i] = -1;
		h->eof = h->shut = false;
		h->at = h->len = 0;
		memset(&h->source, 0, sizeof(h->source));
		if (loop_add(relay.loop, &h->source, h->fd, EPOLLIN, on_socket))
			exit(1);
	}
}

static bool begins(const struct ipc_bytes *b, const char *text)
{
	return b->len >= strlen(text) && !memcmp(b->data, text, strlen(text));
}

static void on_hello(const struct ipc_hello *h)
{
	struct ipc_message m = {.type = IPC_VERDICT,
	                        .verdict = {.flow = h->flow, .action = IPC_TAKE}};

	if (begins(&h->bytes, "FORWARD"))
		m.verdict.action = IPC_FORWARD;
	else if (begins(&h->bytes, "DROP"))
		m.verdict.action = IPC_DROP;
	else if (begins(&h->bytes, "RESET") || h->flags & IPC_HELLO_SILENT)
		m.verdict = (struct ipc_verdict){
		        .flow = h->flow, .action = IPC_DROP, .reset = IPC_RESET_BOTH};
	else if (begins(&h->bytes, "MORE") && h->bytes.len < MORE_BYTES &&
	         !(h->flags & (IPC_HELLO_TIMED_OUT | IPC_HELLO_FIN)))
		m.verdict.action = IPC_MORE;
	if (ipc_send(relay.wire, &m))
		exit(1);
}

static void on_message(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                       void *arg)
{
	if (!msg)
		exit(0);
	if (msg->type == IPC_HELLO)
		on_hello(&msg->hello);
	else if (msg->type == IPC_TAKEN)
		on_taken(msg, fds);
}

static void on_beat(struct loop_timer *timer)
{
	__atomic_store_n(relay.heartbeat, clock_now_ns(), __ATOMIC_RELAXED);
	if (loop_timer_set(relay.loop, timer, BEAT_MS * CLOCK_NS_PER_MS, on_beat))
		exit(1);
}

void relay_run(int fd, unsigned index, uint64_t *heartbeat)
{
	relay.heartbeat = heartbeat;
	relay.loop = loop_create();
	if (!relay.loop)
		exit(1);
	relay.wire =
	        ipc_channel_create(relay.loop, fd, IPC_WORKER, IPC_WIRE, index, on_message, NULL);
	if (!relay.wire)
		exit(1);
	on_beat(&relay.beat);
	exit(loop_run(relay.loop) ? 1 : 0);
}
