/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog over UDP and TCP. The header has the contract. */
#include "lib/event/syslog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"

enum {
	SYSLOG_MAGIC = 0x53595347,
	FACILITY_LOCAL0 = 16,
	HEADER_MAX = 256,
	HOSTNAME_MAX = 64,
};

struct syslog_target {
	uint32_t magic;
	struct loop_source source; /* first: callbacks get it */
	struct loop_timer retry;
	struct loop *loop;
	int fd;
	bool tcp;
	bool connected;
	uint32_t kinds;
	uint64_t lost;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	char hostname[HOSTNAME_MAX];
	struct buf queue; /* TCP: not sent yet */
};

/* RFC 5424 6.2.1: how much a kind matters. */
static unsigned severity_of(enum event_kind kind)
{
	switch (kind) {
	case EVENT_IPS_BLOCK:
	case EVENT_QUARANTINE:
	case EVENT_REPUTATION:
	case EVENT_IPS_ALERT:
		return 4; /* warning */
	case EVENT_AUDIT:
	case EVENT_SYSTEM:
		return 5; /* notice */
	default:
		return 6; /* informational */
	}
}

static void set_peer(struct syslog_target *t, const struct syslog_options *o)
{
	if (o->address.family == ADDR_V4) {
		struct sockaddr_in *in = (struct sockaddr_in *)&t->peer;

		in->sin_family = AF_INET;
		in->sin_port = htons(o->port);
		in->sin_addr.s_addr = addr_to_v4(&o->address);
		t->peer_len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&t->peer;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(o->port);
		memcpy(&in6->sin6_addr, o->address.bytes, sizeof(in6->sin6_addr));
		t->peer_len = sizeof(*in6);
	}
}

/* RFC 5424 6: printable ASCII without spaces, "-" for nothing. */
static void set_hostname(struct syslog_target *t, const char *hostname)
{
	size_t n = 0;

	for (const char *p = hostname; *p && n < sizeof(t->hostname) - 1; p++)
		t->hostname[n++] = *p > 0x20 && *p < 0x7f ? *p : '_';
	if (n == 0)
		t->hostname[n++] = '-';
	t->hostname[n] = '\0';
}

static void on_ready(struct loop_source *source, uint32_t events);
static void on_retry(struct loop_timer *timer);

static void disconnect(struct syslog_target *t)
{
	loop_remove(&t->source);
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
	t->connected = false;
	/* The server cannot tell where half a message ends: it is sent again whole or not at all.
	 */
	t->lost += t->queue.len > 0;
	buf_consume(&t->queue, t->queue.len);
	(void)loop_timer_set(t->loop, &t->retry, SYSLOG_RETRY_S * CLOCK_NS_PER_S, on_retry);
}

static int connect_tcp(struct syslog_target *t)
{
	t->fd = socket(t->peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return SL_ESYS;
	if (connect(t->fd, (struct sockaddr *)&t->peer, t->peer_len) != 0 && errno != EINPROGRESS)
		return SL_ESYS;
	return loop_add(t->loop, &t->source, t->fd, EPOLLOUT | EPOLLIN, on_ready);
}

static void on_retry(struct loop_timer *timer)
{
	struct syslog_target *t =
	        (struct syslog_target *)(void *)((char *)timer -
	                                         offsetof(struct syslog_target, retry));

	if (t->fd < 0 && connect_tcp(t) != 0)
		disconnect(t);
}

static void flush(struct syslog_target *t)
{
	while (t->queue.len > 0) {
		ssize_t n = send(t->fd, t->queue.data, t->queue.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			disconnect(t);
			return;
		}
		buf_consume(&t->queue, (size_t)n);
	}
	(void)loop_modify(&t->source, t->queue.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct syslog_target *t =
	        (struct syslog_target *)(void *)((char *)source -
	                                         offsetof(struct syslog_target, source));
	char ignored[512];
	ssize_t n = 1;

	if (events & EPOLLIN) /* servers say nothing; an end or an error shows here */
		n = recv(t->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	if ((events & (EPOLLERR | EPOLLHUP)) || n == 0 || (n < 0 && errno != EAGAIN)) {
		disconnect(t);
		return;
	}
	t->connected = true;
	flush(t);
}

int syslog_open(struct loop *loop, const struct syslog_options *options,
                struct syslog_target **ret_target)
{
	struct syslog_target *t = calloc(1, sizeof(*t));

	if (!t)
		return SL_ENOMEM;
	MAGIC_SET(t, SYSLOG_MAGIC);
	t->loop = loop;
	t->tcp = options->tcp;
	t->kinds = options->kinds;
	t->fd = -1;
	buf_init(&t->queue, SYSLOG_QUEUE_MAX);
	set_peer(t, options);
	set_hostname(t, options->hostname);
	if (t->tcp) {
		if (connect_tcp(t) != 0)
			disconnect(t);
	} else {
		t->fd = socket(t->peer.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (t->fd < 0) {
			syslog_close(t);
			return SL_ESYS;
		}
	}
	*ret_target = t;
	return 0;
}

void syslog_close(struct syslog_target *target)
{
	if (!target)
		return;
	MAGIC_CHECK(target, SYSLOG_MAGIC);
	MAGIC_CLEAR(target);
	loop_remove(&target->source);
	loop_timer_cancel(&target->retry);
	if (target->fd >= 0)
		(void)close(target->fd);
	buf_fini(&target->queue);
	free(target);
}

static size_t build_header(const struct syslog_target *t, enum event_kind kind,
                           char text[HEADER_MAX])
{
	char stamp[CLOCK_TEXT_MAX];
	int n;

	(void)clock_format_us(clock_wall_us(), stamp);
	stamp[26] = 'Z'; /* RFC 3339 instead of EVE's +0000 */
	stamp[27] = '\0';
	n = snprintf(text, HEADER_MAX, "<%u>1 %s %s sluice %d %s - ",
	             FACILITY_LOCAL0 * 8 + severity_of(kind), stamp, t->hostname, (int)getpid(),
	             event_kind_name(kind));
	return (size_t)n;
}

static bool send_datagram(struct syslog_target *t, char *header, size_t header_len,
                          const char *line, size_t len)
{
	struct iovec parts[2] = {{header, header_len}, {(void *)(uintptr_t)line, len}};
	struct msghdr msg = {.msg_name = &t->peer,
	                     .msg_namelen = t->peer_len,
	                     .msg_iov = parts,
	                     .msg_iovlen = 2};

	return sendmsg(t->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static bool queue_frame(struct syslog_target *t, const char *header, size_t header_len,
                        const char *line, size_t len)
{
	uint8_t *room;

	if (t->fd < 0 || buf_reserve(&t->queue, header_len + len + 16, &room) != 0)
		return false;
	if (buf_printf(&t->queue, "%zu ", header_len + len) != 0 ||
	    buf_add(&t->queue, header, header_len) != 0 || buf_add(&t->queue, line, len) != 0)
		return false;
	if (t->connected)
		flush(t);
	return true;
}

bool syslog_send(struct syslog_target *target, enum event_kind kind, const char *line, size_t len)
{
	char header[HEADER_MAX];
	size_t header_len;
	bool sent;

	MAGIC_CHECK(target, SYSLOG_MAGIC);
	if (!(target->kinds >> (unsigned)kind & 1))
		return true;
	header_len = build_header(target, kind, header);
	sent = target->tcp ? queue_frame(target, header, header_len, line, len)
	                   : send_datagram(target, header, header_len, line, len);
	target->lost += !sent;
	return sent;
}

uint64_t syslog_lost(const struct syslog_target *target)
{
	return target->lost;
}
