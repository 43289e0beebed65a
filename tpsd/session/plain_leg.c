/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/session/plain_leg.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/base/err.h"

static int plain_handshake(struct leg *leg)
{
	leg->wants = LEG_WANTS_NOTHING;
	return 0;
}

/* The socket has failed: a RST, or a peer that is silent for too long, which comes to the same. */
static int failed(struct leg *leg)
{
	leg->end = LEG_RESET;
	leg->reason = leg->side == LEG_CLIENT ? REASON_CLIENT_RESET : REASON_SERVER_RESET;
	return SL_EEOF;
}

static int plain_read(struct leg *leg, uint8_t *data, size_t size, size_t *ret_len)
{
	ssize_t n;

	do
		n = recv(leg->fd, data, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*ret_len = (size_t)n;
		return 0;
	}
	if (n == 0) {
		leg->end = LEG_CLOSED;
		return SL_EEOF;
	}
	if (errno != EAGAIN)
		return failed(leg);
	leg->wants = LEG_WANTS_READ;
	return SL_EAGAIN;
}

static int plain_write(struct leg *leg, const uint8_t *data, size_t len, size_t *ret_len)
{
	ssize_t n;

	*ret_len = 0;
	if (len == 0)
		return 0;
	do
		n = send(leg->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		*ret_len = (size_t)n;
		return 0;
	}
	if (errno != EAGAIN)
		return failed(leg);
	leg->wants = LEG_WANTS_WRITE;
	return SL_EAGAIN;
}

/* It never takes what the socket does not. */
static int plain_flush(struct leg *leg)
{
	return 0;
}

/* The FIN is the session's, and there is nothing to say before it. */
static int plain_shutdown(struct leg *leg, enum leg_end how)
{
	return 0;
}

static bool plain_pending(const struct leg *leg)
{
	return false;
}

static void plain_fini(struct leg *leg)
{
	leg->ops = NULL;
}

static const struct leg_ops plain_ops = {
        .name = "plain",
        .handshake = plain_handshake,
        .read = plain_read,
        .write = plain_write,
        .flush = plain_flush,
        .shutdown = plain_shutdown,
        .pending = plain_pending,
        .fini = plain_fini,
};

void plain_leg_open(struct leg *leg)
{
	leg->ops = &plain_ops;
	leg->wants = LEG_WANTS_NOTHING;
}
