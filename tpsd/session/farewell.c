/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/session/farewell.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/loop.h"

enum {
	FAREWELLS_MAX = 256,
	FAREWELL_MS = 2000,
	FAREWELL_READS = 256, /* of FAREWELL_READ_MAX: no peer keeps us reading */
	FAREWELL_READ_MAX = 16 * 1024,
};

struct farewell {
	struct loop_source source;
	struct loop_timer timer;
	struct farewells *all;
	struct farewell *next, **at; /* of the list; what points here */
	unsigned reads;
};

struct farewells {
	struct loop *loop;
	struct farewell *first;
	unsigned count;
};

struct farewells *farewells_create(struct loop *loop)
{
	struct farewells *all = calloc(1, sizeof(*all));

	if (all)
		all->loop = loop;
	return all;
}

static void end(struct farewell *f)
{
	int fd = f->source.fd;

	loop_remove(&f->source);
	loop_timer_cancel(&f->timer);
	(void)close(fd);
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	f->all->count--;
	free(f);
}

void farewells_destroy(struct farewells *all)
{
	if (!all)
		return;
	while (all->first)
		end(all->first);
	free(all);
}

static void on_bytes(struct loop_source *source, uint32_t events)
{
	struct farewell *f = (struct farewell *)source;
	char dropped[FAREWELL_READ_MAX];
	ssize_t n = recv(source->fd, dropped, sizeof(dropped), MSG_DONTWAIT);

	if (n > 0 && ++f->reads < FAREWELL_READS)
		return;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	end(f);
}

static void on_timer(struct loop_timer *timer)
{
	end((struct farewell *)((char *)timer - offsetof(struct farewell, timer)));
}

int farewell_begin(struct farewells *all, int fd)
{
	struct linger off = {0, 0};
	struct farewell *f;
	int rc;

	if (all->count >= FAREWELLS_MAX)
		return SL_ELIMIT;
	f = calloc(1, sizeof(*f));
	if (!f)
		return SL_ENOMEM;
	rc = loop_add(all->loop, &f->source, fd, EPOLLIN, on_bytes);
	if (rc == 0)
		rc = loop_timer_set(all->loop, &f->timer, FAREWELL_MS * CLOCK_NS_PER_MS, on_timer);
	if (rc != 0) {
		loop_remove(&f->source);
		free(f);
		return rc;
	}
	f->all = all;
	f->next = all->first;
	f->at = &all->first;
	if (f->next)
		f->next->at = &f->next;
	all->first = f;
	all->count++;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	(void)shutdown(fd, SHUT_WR);
	return 0;
}
