/* SPDX-License-Identifier: Apache-2.0 */
/* Threads between two lists: jobs that wait, and jobs whose end the event thread has to hear of. */
#include "smsd/job/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/base/thread.h"

enum { JOB_POOL_MAGIC = 0x4a4f4253 };

struct job_list {
	struct job *first, **last;
};

struct job_pool {
	uint32_t magic;
	int fd; /* an eventfd: not 0 while something is in `ended` */
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	/* Under the mutex: */
	struct job_list waiting[JOB_QUEUES], ended;
	unsigned count[JOB_QUEUES]; /* in `waiting` */
	bool ending;
	/* The event thread's: */
	unsigned threads;
	pthread_t thread[JOB_THREADS_MAX];
};

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->last = job;
	list->last = &job->next;
}

/* NULL when it is empty. */
static struct job *list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job)
		list->first = job->next;
	if (!list->first)
		list->last = &list->first;
	return job;
}

static struct job *next_job(struct job_pool *pool)
{
	struct job *job = NULL;

	for (unsigned i = 0; i < JOB_QUEUES && !job; i++) {
		job = list_take(&pool->waiting[i]);
		if (job)
			pool->count[i]--;
	}
	return job;
}

/* Waits for a job; NULL at the end, when none is left. */
static struct job *wait_for_job(struct job_pool *pool)
{
	struct job *job;

	while (!(job = next_job(pool)) && !pool->ending)
		(void)pthread_cond_wait(&pool->wake, &pool->mutex);
	return job;
}

/* The counter of an eventfd cannot run over here: it is read whenever it is not 0. */
static void tell(struct job_pool *pool)
{
	const uint64_t one = 1;

	while (write(pool->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

static void *run(void *arg)
{
	struct job_pool *pool = arg;
	struct job *job;

	(void)pthread_mutex_lock(&pool->mutex);
	while ((job = wait_for_job(pool))) {
		(void)pthread_mutex_unlock(&pool->mutex);
		job->run(job);
		(void)pthread_mutex_lock(&pool->mutex);
		if (!pool->ended.first)
			tell(pool);
		list_add(&pool->ended, job);
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static int start_threads(struct job_pool *pool, unsigned threads)
{
	int rc = 0;

	while (pool->threads < threads && rc == 0) {
		rc = thread_begin(run, pool, &pool->thread[pool->threads]);
		if (rc == 0)
			pool->threads++;
	}
	return rc;
}

/* What was asked for, or one a core, within the bounds. */
unsigned job_threads(unsigned asked)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked == 0)
		asked = SL_MAX(cores > 0 ? (unsigned)cores : 1, JOB_THREADS_MIN);
	return SL_MIN(asked, JOB_THREADS_MAX);
}

int job_pool_create(unsigned threads, struct job_pool **ret_pool)
{
	struct job_pool *pool = calloc(1, sizeof(*pool));
	int code, error;

	if (!pool)
		return SL_ENOMEM;
	MAGIC_SET(pool, JOB_POOL_MAGIC);
	for (unsigned i = 0; i < JOB_QUEUES; i++)
		list_init(&pool->waiting[i]);
	list_init(&pool->ended);
	(void)pthread_mutex_init(&pool->mutex, NULL);
	(void)pthread_cond_init(&pool->wake, NULL);
	pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = pool->fd < 0 ? SL_ESYS : start_threads(pool, job_threads(threads));
	if (code == 0) {
		*ret_pool = pool;
		return 0;
	}
	error = errno;
	job_pool_destroy(pool);
	errno = error;
	return code;
}

void job_pool_destroy(struct job_pool *pool)
{
	if (!pool)
		return;
	MAGIC_CHECK(pool, JOB_POOL_MAGIC);
	(void)pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	(void)pthread_cond_broadcast(&pool->wake);
	(void)pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads; i++)
		(void)pthread_join(pool->thread[i], NULL);
	job_reap(pool);
	if (pool->fd >= 0)
		(void)close(pool->fd);
	(void)pthread_cond_destroy(&pool->wake);
	(void)pthread_mutex_destroy(&pool->mutex);
	MAGIC_CLEAR(pool);
	free(pool);
}

int job_submit(struct job_pool *pool, enum job_queue queue, struct job *job)
{
	int code = 0;

	MAGIC_CHECK(pool, JOB_POOL_MAGIC);
	(void)pthread_mutex_lock(&pool->mutex);
	if (pool->ending || pool->count[queue] == JOB_QUEUE_MAX) {
		code = SL_EAGAIN;
	} else {
		list_add(&pool->waiting[queue], job);
		pool->count[queue]++;
		(void)pthread_cond_signal(&pool->wake);
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	return code;
}

int job_pool_fd(const struct job_pool *pool)
{
	MAGIC_CHECK(pool, JOB_POOL_MAGIC);
	return pool->fd;
}

/* All that ended so far, and no more: `done` may submit, and other descriptors wait for the loop.
 */
void job_reap(struct job_pool *pool)
{
	struct job *job, *next;
	uint64_t told;

	MAGIC_CHECK(pool, JOB_POOL_MAGIC);
	(void)pthread_mutex_lock(&pool->mutex);
	while (read(pool->fd, &told, sizeof(told)) < 0 && errno == EINTR)
		continue;
	job = pool->ended.first;
	list_init(&pool->ended);
	(void)pthread_mutex_unlock(&pool->mutex);
	for (; job; job = next) {
		next = job->next; /* `done` may free it */
		job->done(job);
	}
}
