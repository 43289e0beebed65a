/* SPDX-License-Identifier: Apache-2.0 */
/* SEQPACKET channels with a bounded send queue. channel.h has the contract. */
#include "lib/ipc/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/magic.h"

enum {
	CHANNEL_MAGIC = 0x49504343,
	CHANNEL_BATCH = 64, /* messages read a turn, so that one peer cannot starve the others */
};

struct queued {
	struct queued *next;
	int fds[IPC_FDS_MAX];
	unsigned nfds;
	size_t len;
	uint8_t data[];
};

struct ipc_channel {
	uint32_t magic;
	struct loop_source source;
	struct loop *loop;
	int fd;
	enum ipc_role self, peer;
	unsigned index;
	ipc_channel_fn *fn;
	void *arg;
	struct queued *head, **tail;
	size_t queued_bytes;
	bool dead;
	bool *destroyed; /* set while a callback runs: tells it that the channel went away */
	uint8_t *buffer; /* one encoded message, either way */
};

int ipc_pair(int ret_fds[2])
{
	int size = IPC_SOCKET_BUFFER;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return SL_ESYS;
	for (int i = 0; i < 2; i++) {
		/* FORCE needs a capability that parent has; without it the default must do. */
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
			(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		ret_fds[i] = fds[i];
	}
	return 0;
}

static void on_event(struct loop_source *source, uint32_t events);

struct ipc_channel *ipc_channel_create(struct loop *loop, int fd, enum ipc_role self,
                                       enum ipc_role peer, unsigned index, ipc_channel_fn *fn,
                                       void *arg)
{
	struct ipc_channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	MAGIC_SET(ch, CHANNEL_MAGIC);
	ch->loop = loop;
	ch->fd = fd;
	ch->self = self;
	ch->peer = peer;
	ch->index = index;
	ch->fn = fn;
	ch->arg = arg;
	ch->tail = &ch->head;
	ch->buffer = malloc(IPC_MESSAGE_MAX);
	if (!ch->buffer || loop_add(loop, &ch->source, fd, EPOLLIN, on_event) != 0) {
		free(ch->buffer);
		free(ch);
		return NULL;
	}
	return ch;
}

static void queued_free(struct queued *q)
{
	for (unsigned i = 0; i < q->nfds; i++)
		(void)close(q->fds[i]);
	free(q);
}

void ipc_channel_destroy(struct ipc_channel *ch)
{
	if (!ch)
		return;
	MAGIC_CHECK(ch, CHANNEL_MAGIC);
	if (ch->destroyed)
		*ch->destroyed = true;
	loop_remove(&ch->source);
	while (ch->head) {
		struct queued *q = ch->head;

		ch->head = q->next;
		queued_free(q);
	}
	(void)close(ch->fd);
	MAGIC_CLEAR(ch);
	free(ch->buffer);
	free(ch);
}

enum ipc_role ipc_channel_peer(const struct ipc_channel *ch)
{
	return ch->peer;
}

unsigned ipc_channel_index(const struct ipc_channel *ch)
{
	return ch->index;
}

/* 0, SL_EAGAIN, or SL_ECLOSED. */
static int send_now(struct ipc_channel *ch, const uint8_t *data, size_t len, const int *fds,
                    unsigned nfds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds > 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nfds);
	}
	if (sendmsg(ch->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? SL_EAGAIN : SL_ECLOSED;
}

static int enqueue(struct ipc_channel *ch, size_t len, const int *fds, unsigned nfds)
{
	struct queued *q;

	if (ch->queued_bytes + len > IPC_QUEUE_MAX)
		return SL_ELIMIT;
	q = malloc(sizeof(*q) + len);
	if (!q)
		return SL_ENOMEM;
	q->next = NULL;
	q->len = len;
	q->nfds = 0;
	memcpy(q->data, ch->buffer, len);
	for (unsigned i = 0; i < nfds; i++) {
		q->fds[q->nfds] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (q->fds[q->nfds] < 0) {
			queued_free(q);
			return SL_ESYS;
		}
		q->nfds++;
	}
	*ch->tail = q;
	ch->tail = &q->next;
	ch->queued_bytes += len;
	(void)loop_modify(&ch->source, EPOLLIN | EPOLLOUT);
	return 0;
}

int ipc_send_fds(struct ipc_channel *ch, const struct ipc_message *msg, const int *fds,
                 unsigned nfds)
{
	size_t len;
	int rc;

	MAGIC_CHECK(ch, CHANNEL_MAGIC);
	if (!ipc_may(msg->type, ch->self, ch->peer) || nfds != ipc_fds_of(msg->type))
		return SL_EPERM;
	if (ch->dead)
		return SL_ECLOSED;
	rc = ipc_encode(msg, ch->buffer, IPC_MESSAGE_MAX, &len);
	if (rc != 0)
		return rc;
	if (!ch->head) {
		rc = send_now(ch, ch->buffer, len, fds, nfds);
		if (rc != SL_EAGAIN)
			return rc;
	}
	return enqueue(ch, len, fds, nfds);
}

int ipc_send(struct ipc_channel *ch, const struct ipc_message *msg)
{
	return ipc_send_fds(ch, msg, NULL, 0);
}

size_t ipc_channel_unread(const struct ipc_channel *ch)
{
	int unread = 0;

	MAGIC_CHECK(ch, CHANNEL_MAGIC);
	if (ioctl(ch->fd, SIOCOUTQ, &unread) != 0)
		unread = 0;
	return ch->queued_bytes + (size_t)SL_MAX(unread, 0);
}

static void flush_queue(struct ipc_channel *ch)
{
	while (ch->head) {
		struct queued *q = ch->head;

		if (send_now(ch, q->data, q->len, q->fds, q->nfds) == SL_EAGAIN)
			return;
		/* Sent, or the peer is gone: reading will tell. */
		ch->head = q->next;
		if (!ch->head)
			ch->tail = &ch->head;
		ch->queued_bytes -= q->len;
		queued_free(q);
	}
	(void)loop_modify(&ch->source, EPOLLIN);
}

static void take_fds(struct msghdr *msg, int fds[IPC_FDS_MAX], unsigned *ret_n)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < IPC_FDS_MAX)
				fds[n++] = fd;
			else
				(void)close(fd);
		}
	}
	*ret_n = n;
}

/* A message into ch->buffer: its length, SL_EAGAIN, or SL_ECLOSED. */
static int receive(struct ipc_channel *ch, size_t *ret_len, int fds[IPC_FDS_MAX], unsigned *ret_n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = ch->buffer, .iov_len = IPC_MESSAGE_MAX};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = &control,
	                     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(ch->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? SL_EAGAIN : SL_ECLOSED;
	if (n == 0)
		return SL_ECLOSED;
	take_fds(&msg, fds, ret_n);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return SL_EMALFORMED;
	*ret_len = (size_t)n;
	return 0;
}

static int check_and_decode(struct ipc_channel *ch, size_t len, unsigned nfds,
                            struct ipc_message *msg)
{
	int rc = ipc_decode(ch->buffer, len, msg);

	if (rc != 0)
		return rc;
	if (!ipc_may(msg->type, ch->peer, ch->self) || nfds != ipc_fds_of(msg->type))
		return SL_EPERM;
	return 0;
}

static void channel_fail(struct ipc_channel *ch, int rc)
{
	int none[IPC_FDS_MAX] = {-1, -1};

	if (rc != SL_ECLOSED)
		log_error("a message from another process was refused: %s", err_text(rc));
	ch->dead = true;
	loop_remove(&ch->source);
	ch->fn(ch, NULL, none, ch->arg);
}

/* false when the channel must not be touched any more or has nothing left to read. */
static bool read_one(struct ipc_channel *ch)
{
	int fds[IPC_FDS_MAX] = {-1, -1};
	struct ipc_message msg;
	bool destroyed = false;
	unsigned nfds = 0;
	size_t len = 0;
	int rc = receive(ch, &len, fds, &nfds);

	if (rc == SL_EAGAIN)
		return false;
	if (rc == 0)
		rc = check_and_decode(ch, len, nfds, &msg);
	if (rc == 0) {
		ch->destroyed = &destroyed;
		ch->fn(ch, &msg, fds, ch->arg);
		if (!destroyed)
			ch->destroyed = NULL;
	}
	for (unsigned i = 0; i < IPC_FDS_MAX; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	if (rc != 0)
		channel_fail(ch, rc);
	return rc == 0 && !destroyed;
}

static void on_event(struct loop_source *source, uint32_t events)
{
	struct ipc_channel *ch =
	        (struct ipc_channel *)((char *)source - offsetof(struct ipc_channel, source));

	MAGIC_CHECK(ch, CHANNEL_MAGIC);
	if (events & EPOLLOUT)
		flush_queue(ch);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	for (int i = 0; i < CHANNEL_BATCH; i++)
		if (!read_one(ch))
			return;
}
