/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of each process: epoll, timers and one hook a turn. libevent serves smsd; here
 * the loop is ours because the worker wants its batches, deferred frees and heartbeat in one
 * visible place. A loop belongs to one thread.
 *
 * Sources and timers are the caller's memory, embedded in what they serve, so that neither costs
 * an allocation on the data path. Removing a source inside any callback is safe: an event already
 * fetched for it is not delivered any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct loop;
struct loop_source;
struct loop_timer;

/* `events` is a set of EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. */
typedef void loop_source_fn(struct loop_source *source, uint32_t events);
typedef void loop_timer_fn(struct loop_timer *timer);
typedef void loop_turn_fn(void *arg);

struct loop_source {
	int fd;          /* not owned */
	uint32_t events; /* asked for now; 0 when not in the loop */
	loop_source_fn *fn;
	struct loop *loop; /* NULL when not in a loop */
};

struct loop_timer {
	uint64_t due_ns;   /* clock_now_ns() time */
	size_t heap_index; /* the loop's; 0: not set */
	loop_timer_fn *fn;
	struct loop *loop;
};

/* NULL when memory or descriptors are short (errno). */
struct loop *loop_create(void) SL_MUST;
void loop_destroy(struct loop *loop);

/*
 * Starts watching `fd` level-triggered (add EPOLLET in `events` for edges). `source` stays the
 * caller's and must live until loop_remove. SL_ESYS with errno.
 */
int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
             loop_source_fn *fn) SL_NONNULL(1, 2, 5) SL_MUST;

/* Changes what is asked for; nothing is done when it is the same. SL_ESYS with errno. */
int loop_modify(struct loop_source *source, uint32_t events) SL_NONNULL(1);

/* No-op for a source that is in no loop. The fd is not closed; remove before you close it. */
void loop_remove(struct loop_source *source) SL_NONNULL(1);

/* (Re)arms a timer `delay_ns` from now. Fires once. SL_ENOMEM. */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns,
                   loop_timer_fn *fn) SL_NONNULL(1, 2, 4);
void loop_timer_cancel(struct loop_timer *timer) SL_NONNULL(1);
bool loop_timer_is_set(const struct loop_timer *timer) SL_NONNULL(1);

/* Called once a turn after all events, before sleeping again; one hook a loop. */
void loop_set_turn(struct loop *loop, loop_turn_fn *fn, void *arg) SL_NONNULL(1);

/* clock_now_ns() as of the start of this turn. */
uint64_t loop_now_ns(const struct loop *loop) SL_NONNULL(1);

/* Runs until loop_stop(). 0, or SL_ESYS when epoll itself fails. */
int loop_run(struct loop *loop) SL_NONNULL(1);
void loop_stop(struct loop *loop) SL_NONNULL(1);
