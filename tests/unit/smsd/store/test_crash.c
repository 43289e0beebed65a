/* SPDX-License-Identifier: Apache-2.0 */
/* smsd is killed in the middle of writes: nothing that was said to be committed is lost, and no
 * write is there by half. */
#include "tests/unit/smsd/store/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"

enum { THREADS = 4, ROUNDS = 4, SEEN_MIN = 100, NUMBERS_MAX = 1 << 20 };

struct task {
	struct store *store;
	int out; /* a pipe: numbers of the writes that were committed */
	int64_t number;
	pthread_t thread;
};

static int put_pair(void *arg, struct store_tx *tx)
{
	struct task *task = arg;
	struct item item = {.number = task->number, .text = "half"};
	int code = fixture_put_in(&item, tx);

	return code == 0 ? fixture_put_in(&item, tx) : code;
}

/* Until it is killed. */
static void *write_on(void *arg)
{
	struct task *task = arg;

	for (;; task->number++) {
		if (store_write(task->store, put_pair, task) != 0 ||
		    write(task->out, &task->number, sizeof(task->number)) != sizeof(task->number))
			_exit(1);
	}
}

static void be_killed(struct fixture *fx, int round, int out)
{
	struct task tasks[THREADS];

	if (fixture_open(fx) != 0)
		_exit(1);
	for (int i = 0; i < THREADS; i++) {
		tasks[i] = (struct task){.store = fx->store, .out = out};
		tasks[i].number = (round * THREADS + i) * (int64_t)NUMBERS_MAX;
		if (pthread_create(&tasks[i].thread, NULL, write_on, &tasks[i]) != 0)
			_exit(1);
	}
	for (;;)
		(void)pause();
}

static void assert_whole(struct fixture *fx, const int64_t *numbers, size_t count)
{
	int64_t halves = -1;

	assert_int_equal(fixture_open(fx), 0);
	assert_int_equal(fixture_read(fx->store, FX_HALVES, NULL, 0, fixture_first, &halves), 0);
	assert_int_equal(halves, 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fixture_count(fx->store, numbers[i]), 2);
	fixture_close(fx);
}

/* Kills it after some writes, at no moment in particular; adds the numbers it told of. */
static size_t kill_in_the_middle(struct fixture *fx, int round, int64_t *numbers, size_t count)
{
	size_t before = count;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		be_killed(fx, round, ends[1]);
	assert_int_equal(close(ends[1]), 0);
	while (count < NUMBERS_MAX &&
	       read(ends[0], &numbers[count], sizeof(*numbers)) == sizeof(*numbers)) {
		if (++count == before + SEEN_MIN)
			assert_int_equal(kill(child, SIGKILL), 0);
	}
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return count;
}

static void a_kill_loses_no_committed_write_and_shows_no_half_one(void **state)
{
	struct fixture *fx = *state;
	int64_t *numbers = calloc(NUMBERS_MAX, sizeof(*numbers));
	size_t count = 0;

	assert_non_null(numbers);
	for (int round = 0; round < ROUNDS; round++) {
		count = kill_in_the_middle(fx, round, numbers, count);
		assert_true(count >= (size_t)(round + 1) * SEEN_MIN);
		assert_whole(fx, numbers, count);
	}
	free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                a_kill_loses_no_committed_write_and_shows_no_half_one, fixture_setup_empty,
	                fixture_teardown),
	};

	return RUN_TESTS(tests);
}
