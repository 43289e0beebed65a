/* SPDX-License-Identifier: Apache-2.0 */
/* smsd is killed in the middle of batches: nothing is lost that a device was answered for, nothing
 * is there twice when it sends again what it was not, and no gap is said. */
#include "tests/unit/smsd/ingest/yard.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"

enum { DEVICES = 2, ROUNDS = 4, ANSWERS = 12, NUMBERS_MAX = 1 << 16 };

static const char *const names[DEVICES] = {"one", "two"};

/* What a device was answered, told through a pipe. */
struct told {
	unsigned device;
	uint64_t next;
};

struct sender {
	struct yard *yard;
	struct told told;
	unsigned batch;
	int out;
};

/* Until it is killed. */
static void *send_on(void *arg)
{
	const struct sender *s = arg;
	struct told told = s->told;
	struct ingest_answer answer;

	for (;;) {
		if (yard_send(s->yard, names[told.device], told.next, s->batch, &answer) != 0)
			_exit(1);
		told.next = answer.next;
		if (write(s->out, &told, sizeof(told)) != sizeof(told))
			_exit(1);
	}
}

static void be_killed(struct yard *yard, const uint64_t *next, unsigned round, int out)
{
	struct sender senders[DEVICES];
	pthread_t threads[DEVICES];

	yard_open(yard);
	for (unsigned i = 0; i < DEVICES; i++) {
		senders[i] = (struct sender){yard, {i, next[i]}, 20 + round * 7, out};
		if (pthread_create(&threads[i], NULL, send_on, &senders[i]) != 0)
			_exit(1);
	}
	for (;;)
		(void)pause();
}

/* At no moment in particular; what was told goes to `next`. */
static void kill_in_the_middle(struct yard *yard, uint64_t *next, unsigned round)
{
	struct told told;
	unsigned count = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		be_killed(yard, next, round, ends[1]);
	assert_int_equal(close(ends[1]), 0);
	while (read(ends[0], &told, sizeof(told)) == sizeof(told)) {
		next[told.device] = told.next;
		if (++count == ANSWERS)
			assert_int_equal(kill(child, SIGKILL), 0);
	}
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_true(count >= ANSWERS);
}

static void no_event_is_lost_and_none_is_there_twice(void **state)
{
	uint64_t next[DEVICES] = {0};
	struct ingest_answer answer;
	struct yard yard;

	yard_make(&yard);
	for (unsigned round = 0; round < ROUNDS; round++)
		kill_in_the_middle(&yard, next, round);
	yard_open(&yard);
	for (unsigned i = 0; i < DEVICES; i++) {
		assert_true(next[i] > 0);
		(void)yard_assert_whole(&yard, names[i], next[i], NUMBERS_MAX);
		assert_int_equal(yard_send(&yard, names[i], next[i], 500, &answer), 0);
		assert_int_equal(answer.next, next[i] + 500);
		assert_int_equal(answer.stored + answer.repeated, 500);
		assert_int_equal(yard_assert_whole(&yard, names[i], answer.next, NUMBERS_MAX),
		                 answer.next);
	}
	assert_int_equal(yard_assert_whole(&yard, "sms", 0, NUMBERS_MAX), 0);
	yard_close(&yard);
	yard_remove(&yard);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(no_event_is_lost_and_none_is_there_twice),
	};

	return RUN_TESTS(tests);
}
