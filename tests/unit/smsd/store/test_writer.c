/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads: groups of writes, and readers meanwhile. */
#include "tests/unit/smsd/store/fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/err.h"

enum { THREADS = 12 };

/* A write that says when it runs and waits to be let go, so that others gather behind it. */
struct gate {
	sem_t entered, open;
};

static int hold(void *arg, struct store_tx *tx)
{
	struct gate *gate = arg;

	(void)tx;
	(void)sem_post(&gate->entered);
	while (sem_wait(&gate->open) != 0)
		continue;
	return 0;
}

struct task {
	struct store *store;
	store_tx_fn *fn;
	int64_t number;
	int code;
	bool refuse; /* after its row is written */
	int runs;
	bool alone; /* it saw no row of the first's that was not committed yet */
	pthread_t thread;
};

static void *write_task(void *arg)
{
	struct task *task = arg;

	task->code = store_write(task->store, task->fn, task);
	return NULL;
}

static void *hold_task(void *arg)
{
	struct task *task = arg;

	task->code = store_write(task->store, hold, (void *)(intptr_t)task->number);
	return NULL;
}

/* Holds the writer, has `tasks` wait behind it for a while, and lets all go. */
static void run_behind_gate(struct fixture *fx, struct task *tasks, size_t count)
{
	struct gate gate;
	struct task holder = {.store = fx->store, .number = (intptr_t)&gate};
	struct timespec while_they_gather = {.tv_nsec = 100 * 1000 * 1000};

	assert_int_equal(sem_init(&gate.entered, 0, 0), 0);
	assert_int_equal(sem_init(&gate.open, 0, 0), 0);
	assert_int_equal(pthread_create(&holder.thread, NULL, hold_task, &holder), 0);
	assert_int_equal(sem_wait(&gate.entered), 0);
	for (size_t i = 0; i < count; i++) {
		tasks[i].store = fx->store;
		assert_int_equal(pthread_create(&tasks[i].thread, NULL, write_task, &tasks[i]), 0);
	}
	(void)nanosleep(&while_they_gather, NULL);
	assert_int_equal(sem_post(&gate.open), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_join(tasks[i].thread, NULL), 0);
	assert_int_equal(pthread_join(holder.thread, NULL), 0);
	assert_int_equal(holder.code, 0);
	assert_int_equal(sem_destroy(&gate.entered), 0);
	assert_int_equal(sem_destroy(&gate.open), 0);
}

static int put_or_refuse(void *arg, struct store_tx *tx)
{
	struct task *task = arg;
	struct item item = {.number = task->number, .text = "in a group"};
	int code = fixture_put_in(&item, tx);

	return code == 0 && task->refuse ? SL_ECONFLICT : code;
}

static void a_write_that_fails_in_a_group_undoes_itself_alone(void **state)
{
	struct fixture *fx = *state;
	struct task tasks[THREADS] = {0};

	for (int i = 0; i < THREADS; i++)
		tasks[i] =
		        (struct task){.fn = put_or_refuse, .number = 100 + i, .refuse = i % 3 == 1};
	run_behind_gate(fx, tasks, THREADS);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(tasks[i].code, i % 3 == 1 ? SL_ECONFLICT : 0);
		assert_int_equal(fixture_count(fx->store, 100 + i), i % 3 == 1 ? 0 : 1);
	}
}

/* Rows that this transaction has and readers do not see are an earlier write's of the group. */
static int put_and_look(void *arg, struct store_tx *tx)
{
	struct task *task = arg;
	int64_t here = 0;

	assert_int_equal(fixture_run(tx, FX_TOTAL, NULL, 0, fixture_first, &here), 0);
	task->alone = here == 0 || fixture_count(task->store, 200) == here;
	return put_or_refuse(task, tx);
}

static void writes_that_wait_are_committed_together(void **state)
{
	struct fixture *fx = *state;
	struct task tasks[THREADS] = {0};
	int together = 0;

	for (int i = 0; i < THREADS; i++)
		tasks[i] = (struct task){.fn = put_and_look, .number = 200};
	run_behind_gate(fx, tasks, THREADS);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(tasks[i].code, 0);
		together += !tasks[i].alone;
	}
	assert_int_equal(fixture_count(fx->store, 200), THREADS);
	assert_true(together > 0);
}

enum { TOO_MUCH = 1024 * 1024 };

/* The first one's row has no room on the disk, which shows at the commit only. */
static int put_too_much(void *arg, struct store_tx *tx)
{
	static const uint8_t bytes[TOO_MUCH];
	struct task *task = arg;
	struct item item = {task->number, "a lot", bytes, task->refuse ? TOO_MUCH : 1};

	task->runs++;
	return fixture_put_in(&item, tx);
}

/* No file may grow by `room` bytes beyond the log as it is. */
static void limit_files(struct fixture *fx, rlim_t room)
{
	struct rlimit limit;
	struct stat st;

	assert_int_equal(stat(fixture_path(fx, "sms.db-wal"), &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = room > 0 ? (rlim_t)st.st_size + room : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_group_that_has_no_room_is_tried_again_one_by_one(void **state)
{
	struct fixture *fx = *state;
	struct task tasks[THREADS] = {0};
	int again = 0;

	ONLY_WITH_SQLITE(fx, "the server has the disk");
	for (int i = 0; i < THREADS; i++)
		tasks[i] = (struct task){
		        .fn = put_too_much, .number = 300 + i, .refuse = i == THREADS / 2};
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	limit_files(fx, TOO_MUCH / 2);
	run_behind_gate(fx, tasks, THREADS);
	limit_files(fx, 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(tasks[i].code, tasks[i].refuse ? SL_EFULL : 0);
		assert_int_equal(fixture_count(fx->store, 300 + i), tasks[i].refuse ? 0 : 1);
		again += tasks[i].runs > 1;
	}
	assert_true(again > 1);
	assert_int_equal(store_write(fx->store, put_too_much, &tasks[THREADS / 2]), 0);
}

/* Each write is a pair of rows, so a reader that sees an odd number saw half a write. */
static int put_pair(void *arg, struct store_tx *tx)
{
	int code = put_or_refuse(arg, tx);

	return code == 0 ? put_or_refuse(arg, tx) : code;
}

enum { ROUNDS = 40 };

static void *write_pairs(void *arg)
{
	struct task *task = arg;
	int64_t number = task->number;

	for (int i = 0; i < ROUNDS && task->code == 0; i++, task->number++) {
		task->code = store_write(task->store, put_pair, task);
		if (task->code == 0 && fixture_count(task->store, task->number) != 2)
			task->code = SL_EMISMATCH; /* back, and not to be read */
	}
	task->number = number;
	return NULL;
}

static void *read_pairs(void *arg)
{
	struct task *task = arg;

	for (int i = 0; i < 4 * ROUNDS && task->code == 0; i++) {
		int64_t total = -1;

		task->code = fixture_read(task->store, FX_TOTAL, NULL, 0, fixture_first, &total);
		if (task->code == 0 && total % 2 != 0)
			task->code = SL_EMISMATCH;
	}
	return NULL;
}

static void readers_see_whole_writes_and_writers_their_own(void **state)
{
	struct fixture *fx = *state;
	struct task tasks[THREADS] = {0};
	int64_t total = 0;

	for (int i = 0; i < THREADS; i++) {
		tasks[i] = (struct task){.store = fx->store, .number = 1000 * i};
		assert_int_equal(pthread_create(&tasks[i].thread, NULL,
		                                i % 3 == 2 ? read_pairs : write_pairs, &tasks[i]),
		                 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(tasks[i].thread, NULL), 0);
		assert_int_equal(tasks[i].code, 0);
	}
	assert_int_equal(fixture_read(fx->store, FX_TOTAL, NULL, 0, fixture_first, &total), 0);
	assert_int_equal(total, 2 * ROUNDS * (THREADS - THREADS / 3));
}

/* A backup while others write is one moment: no half of a pair in it. */
static void a_backup_under_load_has_whole_writes(void **state)
{
	struct fixture *fx = *state, *copy = NULL;
	struct task writer = {.store = fx->store, .number = 0};
	char path[128];
	int64_t halves = -1;

	ONLY_WITH_SQLITE(fx, "pg_dump copies the other");
	assert_int_equal(fixture_setup_empty((void **)&copy), 0);
	(void)strncpy(path, fixture_path(copy, "sms.db"), sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(pthread_create(&writer.thread, NULL, write_pairs, &writer), 0);
	assert_int_equal(store_backup(fx->store, path, &fx->problem), 0);
	assert_int_equal(pthread_join(writer.thread, NULL), 0);
	assert_int_equal(writer.code, 0);
	assert_int_equal(fixture_open(copy), 0);
	assert_int_equal(fixture_read(copy->store, FX_HALVES, NULL, 0, fixture_first, &halves), 0);
	assert_int_equal(halves, 0);
	assert_int_equal(fixture_teardown((void **)&copy), 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_STORE(a_write_that_fails_in_a_group_undoes_itself_alone),
	        WITH_STORE(writes_that_wait_are_committed_together),
	        WITH_STORE(a_group_that_has_no_room_is_tried_again_one_by_one),
	        WITH_STORE(readers_see_whole_writes_and_writers_their_own),
	        WITH_STORE(a_backup_under_load_has_whole_writes),
	};

	return RUN_TESTS(tests);
}
