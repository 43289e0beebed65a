/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow that was taken and needs no decryption after all goes on by splice(2): nothing was read
 * off its sockets yet. Ends are passed on as FIN or RST. Pipes are made here and live as long as
 * the flow.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

enum { SPLICE_MAX = 256 * 1024, SPLICE_ROUNDS = 8 };

static int open_pipes(struct session *s)
{
	for (int d = 0; d < 2; d++)
		if (s->pipes[d][0] < 0 && pipe2(s->pipes[d], O_NONBLOCK | O_CLOEXEC) != 0)
			return SL_ESYS;
	s->directions[TSE_TO_SERVER].from = s->directions[TSE_TO_CLIENT].to = &s->legs[LEG_CLIENT];
	s->directions[TSE_TO_SERVER].to = s->directions[TSE_TO_CLIENT].from = &s->legs[LEG_SERVER];
	return 0;
}

void splice_fini(struct session *s)
{
	for (int d = 0; d < 2; d++)
		for (int i = 0; i < 2; i++)
			if (s->pipes[d][i] >= 0) {
				(void)close(s->pipes[d][i]);
				s->pipes[d][i] = -1;
			}
}

/* Moves bytes; -1 with errno, 0 at the end. */
static ssize_t move(int from, int to, size_t max)
{
	ssize_t n;

	do
		n = splice(from, NULL, to, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	return n;
}

static int drain(struct session *s, int d)
{
	struct direction *dir = &s->directions[d];

	while (s->piped[d] > 0) {
		ssize_t n = move(s->pipes[d][0], dir->to->fd, s->piped[d]);

		if (n > 0) {
			s->piped[d] -= (size_t)n;
			dir->bytes += (uint64_t)n;
			continue;
		}
		if (n < 0 && errno == EAGAIN) {
			dir->write_wants = LEG_WANTS_WRITE;
			return SL_EAGAIN;
		}
		return SL_ESYS;
	}
	return 0;
}

static int pump(struct session *s, int d)
{
	struct direction *dir = &s->directions[d];
	int rc = 0;

	dir->read_wants = dir->write_wants = LEG_WANTS_NOTHING;
	for (int round = 0; !dir->finished && round < SPLICE_ROUNDS; round++) {
		ssize_t n;

		rc = drain(s, d);
		if (rc != 0)
			return rc;
		n = move(dir->from->fd, s->pipes[d][1], SPLICE_MAX);
		if (n == 0) {
			(void)shutdown(dir->to->fd, SHUT_WR);
			dir->finished = true;
			return 0;
		}
		if (n < 0 && errno != EAGAIN)
			return SL_ESYS;
		if (n < 0)
			break;
		s->piped[d] = (size_t)n;
		s->active_ns = loop_now_ns(s->host->loop);
	}
	if (dir->finished)
		return 0;
	rc = drain(s, d);
	if (rc == 0 || rc == SL_EAGAIN)
		dir->read_wants = s->piped[d] ? LEG_WANTS_NOTHING : LEG_WANTS_READ;
	return rc == 0 ? SL_EAGAIN : rc;
}

int splice_run(struct session *s)
{
	int rc[2] = {0, 0};

	if (!s->directions[0].from) {
		if (open_pipes(s) != 0) {
			session_close(s, REASON_INTERNAL);
			return SL_EREFUSED;
		}
		s->active_ns = clock_now_ns();
		session_arm(s, s->setup->config->ssl_inspection.idle_timeout_ms * CLOCK_NS_PER_MS);
	}
	for (int d = 0; d < 2; d++) {
		rc[d] = pump(s, d);
		if (rc[d] != 0 && rc[d] != SL_EAGAIN) {
			session_close(s, s->legs[LEG_CLIENT].reason);
			return SL_EREFUSED;
		}
	}
	if (rc[0] == SL_EAGAIN || rc[1] == SL_EAGAIN)
		return SL_EAGAIN;
	session_close_orderly(s, s->legs[LEG_CLIENT].reason);
	return SL_EREFUSED;
}
