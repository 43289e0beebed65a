/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/thread.h"

#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct work {
	sem_t end;
	sigset_t blocked;
};

static void *work(void *arg)
{
	struct work *w = arg;

	(void)pthread_sigmask(SIG_SETMASK, NULL, &w->blocked);
	while (sem_wait(&w->end) != 0)
		continue;
	return NULL;
}

static pthread_t begin(struct work *w)
{
	pthread_t thread;

	assert_int_equal(sem_init(&w->end, 0, 0), 0);
	assert_int_equal(thread_begin(work, w, &thread), 0);
	return thread;
}

static void end(struct work *w, pthread_t thread)
{
	assert_int_equal(sem_post(&w->end), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sem_destroy(&w->end), 0);
}

/* Blocked in the only other thread, it has to stay pending: the new one would die of it. */
static void a_signal_to_the_process_is_not_delivered_to_the_thread(void **state)
{
	sigset_t term, pending;
	struct work w;
	pthread_t thread = begin(&w);

	(void)state;
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &term, NULL), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(sigpending(&pending), 0);
	assert_true(sigismember(&pending, SIGTERM));
	assert_int_equal(sigwaitinfo(&term, NULL), SIGTERM);
	end(&w, thread);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &term, NULL), 0);
	assert_true(sigismember(&w.blocked, SIGINT));
}

static bool is_blocked(int signal)
{
	sigset_t mask;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	return sigismember(&mask, signal);
}

static void whoever_begins_it_keeps_the_signals_that_it_had(void **state)
{
	sigset_t usr1;
	struct work w;

	(void)state;
	(void)sigemptyset(&usr1);
	(void)sigaddset(&usr1, SIGUSR1);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
	end(&w, begin(&w));
	assert_true(is_blocked(SIGUSR1));
	assert_false(is_blocked(SIGTERM));
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_signal_to_the_process_is_not_delivered_to_the_thread),
	        cmocka_unit_test(whoever_begins_it_keeps_the_signals_that_it_had),
	};

	return RUN_TESTS(tests);
}
