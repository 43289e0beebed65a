/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/job/job.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"

/* What `done` does is the event thread's, so nothing here is locked: TSan would tell. */
struct log {
	unsigned done;
	unsigned order[JOB_QUEUE_MAX + JOB_THREADS_MAX];
};

struct task {
	struct job job; /* first, so that a job is its task */
	unsigned number;
	unsigned ran;
	pthread_t by;
	pthread_barrier_t *together; /* what it waits for, each of the three may be NULL */
	sem_t *entered, *open;
	struct log *log;
	struct job_pool *again; /* `done` submits it once more */
	int code;
};

static void run_task(struct job *job)
{
	struct task *task = (struct task *)job;

	if (task->together)
		(void)pthread_barrier_wait(task->together);
	if (task->entered)
		(void)sem_post(task->entered);
	while (task->open && sem_wait(task->open) != 0)
		continue;
	task->by = pthread_self();
	task->ran++;
}

static void task_done(struct job *job)
{
	struct task *task = (struct task *)job;
	struct job_pool *again = task->again;

	task->log->order[task->log->done++] = task->number;
	task->again = NULL;
	if (again)
		task->code = job_submit(again, JOB_PEOPLE, job);
}

static void prepare(struct task *task, struct log *log, unsigned number, sem_t *open)
{
	*task = (struct task){.job = {.run = run_task, .done = task_done},
	                      .number = number,
	                      .log = log,
	                      .open = open};
}

/* As the event loop does it: until `count` are done. */
static void reap_until(struct job_pool *pool, const struct log *log, unsigned count)
{
	struct pollfd waits = {.fd = job_pool_fd(pool), .events = POLLIN};

	while (log->done < count) {
		assert_int_equal(poll(&waits, 1, 30000), 1);
		job_reap(pool);
	}
}

static bool readable(struct job_pool *pool)
{
	struct pollfd waits = {.fd = job_pool_fd(pool), .events = POLLIN};

	return poll(&waits, 1, 0) == 1;
}

static void jobs_run_in_other_threads_and_are_done_in_this_one(void **state)
{
	struct task tasks[100];
	struct log log = {0};
	struct job_pool *pool;

	assert_int_equal(job_pool_create(0, &pool), 0);
	for (unsigned i = 0; i < SL_ARRAY_LEN(tasks); i++) {
		prepare(&tasks[i], &log, i, NULL);
		assert_int_equal(job_submit(pool, JOB_PEOPLE, &tasks[i].job), 0);
	}
	reap_until(pool, &log, SL_ARRAY_LEN(tasks));
	assert_false(readable(pool));
	for (unsigned i = 0; i < SL_ARRAY_LEN(tasks); i++) {
		assert_int_equal(tasks[i].ran, 1);
		assert_false(pthread_equal(tasks[i].by, pthread_self()));
	}
	job_pool_destroy(pool);
}

static void with_one_thread_they_are_done_in_the_order_they_came(void **state)
{
	struct task tasks[50];
	struct log log = {0};
	struct job_pool *pool;

	assert_int_equal(job_pool_create(1, &pool), 0);
	for (unsigned i = 0; i < SL_ARRAY_LEN(tasks); i++) {
		prepare(&tasks[i], &log, i, NULL);
		assert_int_equal(job_submit(pool, JOB_PEOPLE, &tasks[i].job), 0);
	}
	reap_until(pool, &log, SL_ARRAY_LEN(tasks));
	for (unsigned i = 0; i < SL_ARRAY_LEN(tasks); i++)
		assert_int_equal(log.order[i], i);
	job_pool_destroy(pool);
}

/* Whoever came later, and however many there are of the others. */
static void people_come_before_devices(void **state)
{
	enum { EACH = 20 };
	struct task held, devices[EACH], people[EACH];
	sem_t entered, open;
	struct log log = {0};
	struct job_pool *pool;

	assert_int_equal(sem_init(&entered, 0, 0), 0);
	assert_int_equal(sem_init(&open, 0, 0), 0);
	assert_int_equal(job_pool_create(1, &pool), 0);
	prepare(&held, &log, 2 * EACH, &open);
	held.entered = &entered;
	assert_int_equal(job_submit(pool, JOB_DEVICES, &held.job), 0);
	while (sem_wait(&entered) != 0)
		continue;
	for (unsigned i = 0; i < EACH; i++) {
		prepare(&devices[i], &log, EACH + i, NULL);
		assert_int_equal(job_submit(pool, JOB_DEVICES, &devices[i].job), 0);
		prepare(&people[i], &log, i, NULL);
		assert_int_equal(job_submit(pool, JOB_PEOPLE, &people[i].job), 0);
	}
	assert_int_equal(sem_post(&open), 0);
	reap_until(pool, &log, 2 * EACH + 1);
	for (unsigned i = 0; i < 2 * EACH; i++)
		assert_int_equal(log.order[i + 1], i);
	job_pool_destroy(pool);
	(void)sem_destroy(&entered);
	(void)sem_destroy(&open);
}

/* None of them ends before all of them run. */
static void as_many_run_at_once_as_there_are_threads(void **state)
{
	struct task tasks[JOB_THREADS_MAX];
	pthread_barrier_t together;
	struct log log = {0};
	struct job_pool *pool;

	assert_int_equal(pthread_barrier_init(&together, NULL, JOB_THREADS_MAX), 0);
	assert_int_equal(job_pool_create(10 * JOB_THREADS_MAX, &pool), 0);
	for (unsigned i = 0; i < JOB_THREADS_MAX; i++) {
		prepare(&tasks[i], &log, i, NULL);
		tasks[i].together = &together;
		assert_int_equal(job_submit(pool, JOB_PEOPLE, &tasks[i].job), 0);
	}
	reap_until(pool, &log, JOB_THREADS_MAX);
	job_pool_destroy(pool);
	assert_int_equal(pthread_barrier_destroy(&together), 0);
}

/* A pool of one thread that is held, and a full queue behind it. */
struct full {
	struct task held, tasks[JOB_QUEUE_MAX];
	struct log log;
	sem_t entered, open;
	struct job_pool *pool;
};

static int full_setup(void **state)
{
	struct full *full = calloc(1, sizeof(*full));

	if (!full || sem_init(&full->entered, 0, 0) != 0 || sem_init(&full->open, 0, 0) != 0 ||
	    job_pool_create(1, &full->pool) != 0)
		return -1;
	prepare(&full->held, &full->log, JOB_QUEUE_MAX, &full->open);
	full->held.entered = &full->entered;
	if (job_submit(full->pool, JOB_PEOPLE, &full->held.job) != 0)
		return -1;
	while (sem_wait(&full->entered) != 0)
		continue;
	for (unsigned i = 0; i < JOB_QUEUE_MAX; i++) {
		prepare(&full->tasks[i], &full->log, i, NULL);
		if (job_submit(full->pool, JOB_PEOPLE, &full->tasks[i].job) != 0)
			return -1;
	}
	*state = full;
	return 0;
}

static int full_teardown(void **state)
{
	struct full *full = *state;

	job_pool_destroy(full->pool);
	(void)sem_destroy(&full->entered);
	(void)sem_destroy(&full->open);
	free(full);
	return 0;
}

static void a_full_queue_refuses_until_there_is_room(void **state)
{
	struct full *full = *state;
	struct task more, other;

	prepare(&more, &full->log, 0, NULL);
	assert_int_equal(job_submit(full->pool, JOB_PEOPLE, &more.job), SL_EAGAIN);
	assert_false(readable(full->pool));
	/* The other queue has its own room. */
	prepare(&other, &full->log, 0, NULL);
	assert_int_equal(job_submit(full->pool, JOB_DEVICES, &other.job), 0);
	assert_int_equal(sem_post(&full->open), 0);
	reap_until(full->pool, &full->log, JOB_QUEUE_MAX + 2);
	assert_int_equal(job_submit(full->pool, JOB_PEOPLE, &more.job), 0);
	reap_until(full->pool, &full->log, JOB_QUEUE_MAX + 3);
	assert_int_equal(more.ran, 1);
}

/* What a job works on may end with it, or go round again; at the end it may not. */
static void a_done_may_submit_but_not_at_the_end(void **state)
{
	struct full *full = *state;

	full->held.again = full->pool;
	full->held.code = SL_ENOENT;
	assert_int_equal(sem_post(&full->open), 0);
	assert_int_equal(sem_post(&full->open), 0);
	reap_until(full->pool, &full->log, JOB_QUEUE_MAX + 2);
	assert_int_equal(full->held.code, 0);
	assert_int_equal(full->held.ran, 2);
	full->held.again = full->pool;
	assert_int_equal(sem_post(&full->open), 0);
	assert_int_equal(job_submit(full->pool, JOB_PEOPLE, &full->held.job), 0);
	job_pool_destroy(full->pool);
	full->pool = NULL;
	assert_int_equal(full->held.code, SL_EAGAIN);
}

static void the_end_runs_what_waits_and_tells_of_all_of_it(void **state)
{
	struct full *full = *state;

	assert_int_equal(sem_post(&full->open), 0);
	job_pool_destroy(full->pool);
	full->pool = NULL;
	assert_int_equal(full->log.done, JOB_QUEUE_MAX + 1);
	assert_int_equal(full->log.order[0], JOB_QUEUE_MAX);
	assert_int_equal(full->log.order[JOB_QUEUE_MAX], JOB_QUEUE_MAX - 1);
}

#define WITH_FULL(test) cmocka_unit_test_setup_teardown(test, full_setup, full_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(jobs_run_in_other_threads_and_are_done_in_this_one),
	        cmocka_unit_test(with_one_thread_they_are_done_in_the_order_they_came),
	        cmocka_unit_test(people_come_before_devices),
	        cmocka_unit_test(as_many_run_at_once_as_there_are_threads),
	        WITH_FULL(a_full_queue_refuses_until_there_is_room),
	        WITH_FULL(a_done_may_submit_but_not_at_the_end),
	        WITH_FULL(the_end_runs_what_waits_and_tells_of_all_of_it),
	};

	return RUN_TESTS(tests);
}
