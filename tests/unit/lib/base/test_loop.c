/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/loop.h"
#include "tests/unit/unit.h"

struct timed {
	struct loop_timer timer;
	struct loop *loop;
	char name;
	char *log;
	bool last;
};

static void note(struct loop_timer *timer)
{
	struct timed *t = (struct timed *)timer;

	t->log[strlen(t->log)] = t->name;
	if (t->last)
		loop_stop(t->loop);
}

static void timers_fire_in_the_order_of_their_times_and_cancelled_ones_do_not(void **state)
{
	struct loop *loop = loop_create();
	char log[8] = "";
	struct timed a = {.loop = loop, .name = 'a', .log = log};
	struct timed b = {.loop = loop, .name = 'b', .log = log};
	struct timed c = {.loop = loop, .name = 'c', .log = log, .last = true};
	struct timed d = {.loop = loop, .name = 'd', .log = log};

	assert_int_equal(loop_timer_set(loop, &c.timer, 9000000, note), 0);
	assert_int_equal(loop_timer_set(loop, &a.timer, 1000000, note), 0);
	assert_int_equal(loop_timer_set(loop, &d.timer, 2000000, note), 0);
	assert_int_equal(loop_timer_set(loop, &b.timer, 20000000, note), 0);
	assert_int_equal(loop_timer_set(loop, &b.timer, 4000000, note), 0);
	loop_timer_cancel(&d.timer);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(log, "abc");
	loop_destroy(loop);
}

struct busy_source {
	struct loop_source source;
	int *calls;
};

static void be_busy(struct loop_source *source, uint32_t events)
{
	(*((struct busy_source *)source)->calls)++;
	usleep(1000);
}

static void stop_loop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

/* A worker was taken for hung because its heartbeat waited for 256 handshakes. */
static void a_timer_does_not_wait_for_all_that_is_ready(void **state)
{
	enum { SOURCES = 200 };
	struct loop *loop = loop_create();
	static struct busy_source sources[SOURCES];
	struct loop_timer timer = {0};
	int ends[2], calls = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	for (int i = 0; i < SOURCES; i++) {
		sources[i].calls = &calls;
		assert_int_equal(loop_add(loop, &sources[i].source, dup(ends[0]), EPOLLIN, be_busy),
		                 0);
	}
	assert_int_equal(loop_timer_set(loop, &timer, 1, stop_loop), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_in_range(calls, 0, 64);
	for (int i = 0; i < SOURCES; i++) {
		loop_remove(&sources[i].source);
		close(sources[i].source.fd);
	}
	close(ends[0]);
	close(ends[1]);
	loop_destroy(loop);
}

struct reader_source {
	struct loop_source source;
	struct reader_source *other;
	struct reader_source **survivor;
	struct loop *loop;
	int *calls;
};

static void remove_other(struct loop_source *source, uint32_t events)
{
	struct reader_source *r = (struct reader_source *)source;
	struct reader_source *other = r->other;

	(*r->calls)++;
	*r->survivor = r;
	loop_remove(&other->source);
	loop_stop(r->loop);
	free(other); /* the loop must not touch it in what is left of this turn */
}

static void a_source_removed_and_freed_by_another_gets_no_event(void **state)
{
	struct loop *loop = loop_create();
	struct reader_source *r[2], *survivor = NULL;
	int calls = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	for (int i = 0; i < 2; i++)
		r[i] = calloc(1, sizeof(*r[i]));
	for (int i = 0; i < 2; i++) {
		r[i]->other = r[1 - i];
		r[i]->loop = loop;
		r[i]->calls = &calls;
		r[i]->survivor = &survivor;
		assert_int_equal(loop_add(loop, &r[i]->source, dup(fds[0]), EPOLLIN, remove_other),
		                 0);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(calls, 1);
	free(survivor);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(timers_fire_in_the_order_of_their_times_and_cancelled_ones_do_not),
	        cmocka_unit_test(a_timer_does_not_wait_for_all_that_is_ready),
	        cmocka_unit_test(a_source_removed_and_freed_by_another_gets_no_event),
	};

	return RUN_TESTS(tests);
}
