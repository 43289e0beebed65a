/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of threads that does what the event thread may not wait for. There are two queues, and
 * both are bounded: who comes beyond it is told to come again (503). A thread takes from the first
 * as long as there is something, so nobody waits for a page because a thousand devices fetch their
 * documents. A job's `done` runs in the event thread, by way of a descriptor that its loop watches.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

struct job;
struct job_pool;

enum job_queue {
	JOB_PEOPLE, /* and smsd's own work: little, and somebody waits for it */
	JOB_DEVICES,
	JOB_QUEUES
};

enum {
	JOB_QUEUE_MAX = 1024, /* jobs of each */
	JOB_THREADS_MIN = 4,
	JOB_THREADS_MAX = 16
};

/* Embedded in what it works on; the pool allocates nothing a job. */
struct job {
	void (*run)(struct job *job);  /* in a thread of the pool */
	void (*done)(struct job *job); /* in the event thread, in the order in which they ended */
	struct job *next;              /* the pool's */
};

/* How many threads there are when so many are asked for: 0 is one a core, at least JOB_THREADS_MIN;
 * never more than JOB_THREADS_MAX. */
unsigned job_threads(unsigned asked);

/* `threads` as in job_threads. SL_ENOMEM, SL_ESYS. */
int job_pool_create(unsigned threads, struct job_pool **ret_pool) SL_NONNULL(2) SL_MUST;

/* Runs what waits, ends the threads, calls `done` for all that ended; a `done` that submits
 * meanwhile gets SL_EAGAIN. Event thread. */
void job_pool_destroy(struct job_pool *pool);

/* Event thread. SL_EAGAIN when JOB_QUEUE_MAX jobs wait in that queue; `job` is the caller's until
 * then, and again from its `done` on. */
int job_submit(struct job_pool *pool, enum job_queue queue, struct job *job)
        SL_NONNULL(1, 3) SL_MUST;

/* Readable when a job has ended: then job_reap calls `done` of those. The pool's descriptor. */
int job_pool_fd(const struct job_pool *pool) SL_NONNULL(1);
void job_reap(struct job_pool *pool) SL_NONNULL(1);
