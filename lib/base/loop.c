/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop: epoll, a binary heap of timers. The header has the contract. */
#include "lib/base/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"

enum {
	LOOP_MAGIC = 0x4c4f4f50,
	/*
	 * Events fetched at once: bounds a turn, so that timers stay punctual. One may be a
	 * handshake's 2 ms, on a machine of which we have a part; 256 of them outlasted a
	 * heartbeat's 2 s.
	 */
	LOOP_BATCH = 32,
	LOOP_FIRST_TIMERS = 64,
};

struct loop {
	uint32_t magic;
	int epoll_fd;
	bool stopped;
	uint64_t now_ns;
	struct loop_timer **heap; /* 1-based; heap[1] is due first */
	size_t heap_len;
	size_t heap_size;
	struct epoll_event batch[LOOP_BATCH]; /* this turn's events */
	int batch_len;
	int batch_at; /* the one being delivered */
	loop_turn_fn *turn_fn;
	void *turn_arg;
};

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	MAGIC_SET(loop, LOOP_MAGIC);
	loop->now_ns = clock_now_ns();
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	MAGIC_CHECK(loop, LOOP_MAGIC);
	MAGIC_CLEAR(loop);
	(void)close(loop->epoll_fd);
	free(loop->heap);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
             loop_source_fn *fn)
{
	struct epoll_event ev = {.events = events, .data.ptr = source};

	MAGIC_CHECK(loop, LOOP_MAGIC);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return SL_ESYS;
	source->fd = fd;
	source->events = events;
	source->fn = fn;
	source->loop = loop;
	return 0;
}

int loop_modify(struct loop_source *source, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = source};

	if (!source->loop)
		return SL_EINVAL;
	if (source->events == events)
		return 0;
	if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &ev) != 0)
		return SL_ESYS;
	source->events = events;
	return 0;
}

void loop_remove(struct loop_source *source)
{
	struct loop *loop = source->loop;

	if (!loop)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	/* Its memory may be gone before this turn ends: forget what was fetched for it. */
	for (int i = loop->batch_at + 1; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
	source->loop = NULL;
	source->events = 0;
}

static bool heap_before(const struct loop *loop, size_t a, size_t b)
{
	return loop->heap[a]->due_ns < loop->heap[b]->due_ns;
}

static void heap_swap(struct loop *loop, size_t a, size_t b)
{
	struct loop_timer *timer = loop->heap[a];

	loop->heap[a] = loop->heap[b];
	loop->heap[b] = timer;
	loop->heap[a]->heap_index = a;
	loop->heap[b]->heap_index = b;
}

static void heap_settle(struct loop *loop, size_t i)
{
	while (i > 1 && heap_before(loop, i, i / 2)) {
		heap_swap(loop, i, i / 2);
		i /= 2;
	}
	for (;;) {
		size_t first = i;

		if (2 * i <= loop->heap_len && heap_before(loop, 2 * i, first))
			first = 2 * i;
		if (2 * i + 1 <= loop->heap_len && heap_before(loop, 2 * i + 1, first))
			first = 2 * i + 1;
		if (first == i)
			return;
		heap_swap(loop, i, first);
		i = first;
	}
}

static int heap_make_room(struct loop *loop)
{
	size_t size = loop->heap_size ? loop->heap_size * 2 : LOOP_FIRST_TIMERS;
	struct loop_timer **heap;

	if (loop->heap_len + 1 < loop->heap_size)
		return 0;
	heap = realloc(loop->heap, size * sizeof(struct loop_timer *));
	if (!heap)
		return SL_ENOMEM;
	loop->heap = heap;
	loop->heap_size = size;
	return 0;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns,
                   loop_timer_fn *fn)
{
	MAGIC_CHECK(loop, LOOP_MAGIC);
	if (!loop_timer_is_set(timer)) {
		int rc = heap_make_room(loop);

		if (rc != 0)
			return rc;
		timer->heap_index = ++loop->heap_len;
		loop->heap[timer->heap_index] = timer;
	}
	timer->loop = loop;
	timer->fn = fn;
	timer->due_ns = clock_now_ns() + delay_ns;
	heap_settle(loop, timer->heap_index);
	return 0;
}

void loop_timer_cancel(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	size_t i = timer->heap_index;

	if (!loop_timer_is_set(timer))
		return;
	assert(loop->heap[i] == timer);
	heap_swap(loop, i, loop->heap_len);
	loop->heap_len--;
	timer->heap_index = 0;
	if (i <= loop->heap_len)
		heap_settle(loop, i);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->heap_index != 0;
}

void loop_set_turn(struct loop *loop, loop_turn_fn *fn, void *arg)
{
	loop->turn_fn = fn;
	loop->turn_arg = arg;
}

uint64_t loop_now_ns(const struct loop *loop)
{
	return loop->now_ns;
}

/* How long epoll may sleep, rounded up, so that a timer is due when it returns. */
static int sleep_ms(const struct loop *loop)
{
	uint64_t now = clock_now_ns();
	uint64_t wait;

	if (loop->heap_len == 0)
		return -1;
	if (loop->heap[1]->due_ns <= now)
		return 0;
	wait = (loop->heap[1]->due_ns - now + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	return wait > 60000 ? 60000 : (int)wait;
}

static void fire_timers(struct loop *loop)
{
	while (loop->heap_len > 0 && loop->heap[1]->due_ns <= loop->now_ns && !loop->stopped) {
		struct loop_timer *timer = loop->heap[1];

		loop_timer_cancel(timer);
		timer->fn(timer);
	}
}

static void deliver(struct loop *loop)
{
	for (loop->batch_at = 0; loop->batch_at < loop->batch_len; loop->batch_at++) {
		struct epoll_event *ev = &loop->batch[loop->batch_at];
		struct loop_source *source = ev->data.ptr;

		if (source && !loop->stopped)
			source->fn(source, ev->events);
	}
	loop->batch_len = 0;
}

int loop_run(struct loop *loop)
{
	MAGIC_CHECK(loop, LOOP_MAGIC);
	loop->stopped = false;
	while (!loop->stopped) {
		int n = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, sleep_ms(loop));

		if (n < 0 && errno != EINTR)
			return SL_ESYS;
		loop->now_ns = clock_now_ns();
		loop->batch_len = n < 0 ? 0 : n;
		deliver(loop);
		fire_timers(loop);
		if (loop->turn_fn)
			loop->turn_fn(loop->turn_arg);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
