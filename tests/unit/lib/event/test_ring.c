/* SPDX-License-Identifier: Apache-2.0 */
/* Rings: order, bounds, losses and wake-ups between two processes, and a producer gone mad. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/event/ring.h"

enum { SIZE = 64 * 1024 };

static uint8_t data[RING_RECORD_MAX];

static struct ring *make_ring(void)
{
	struct ring *ring = ring_create(SIZE);

	assert_non_null(ring);
	return ring;
}

static void records_come_out_in_order_with_their_kind(void **state)
{
	struct ring *ring = make_ring();
	unsigned kind;
	size_t len;

	(void)state;
	for (unsigned round = 0; round < 10000; round++) {
		char text[64];
		int n = snprintf(text, sizeof(text), "%u %.*s", round, (int)(round % 40),
		                 "........................................");

		assert_int_equal(ring_write(ring, round % 7, text, (size_t)n), 0);
		assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), 0);
		assert_int_equal(kind, round % 7);
		assert_int_equal(len, n);
		assert_memory_equal(data, text, len);
	}
	assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), SL_EAGAIN);
	ring_destroy(ring);
}

static void a_full_ring_loses_the_record_and_counts_its_kind(void **state)
{
	struct ring *ring = make_ring();
	unsigned kind, held = 0, lost = 0;
	size_t len;

	(void)state;
	memset(data, 'x', 1000);
	for (unsigned i = 0; i < 100; i++)
		ring_write(ring, 3, data, 1000) == 0 ? held++ : lost++;
	assert_int_equal(held, SIZE / 1008);
	assert_int_equal(ring_lost(ring, 3), lost);
	assert_int_equal(ring_lost(ring, 2), 0);
	assert_int_equal(ring_write(ring, RING_KINDS, data, 1), SL_ERANGE);
	assert_int_equal(ring_write(ring, 1, data, RING_RECORD_MAX + 1), SL_ERANGE);
	while (ring_read(ring, &kind, data, sizeof(data), &len) == 0)
		held--;
	assert_int_equal(held, 0);
	assert_int_equal(ring_write(ring, 3, data, 1000), 0);
	ring_destroy(ring);
}

static bool readable(const struct ring *ring, int timeout_ms)
{
	struct pollfd p = {.fd = ring_event_fd(ring), .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

static void the_eventfd_tells_of_the_first_record_only(void **state)
{
	struct ring *ring = make_ring();
	unsigned kind;
	size_t len;

	(void)state;
	assert_false(readable(ring, 0));
	assert_int_equal(ring_write(ring, 1, "a", 1), 0);
	assert_true(readable(ring, 0));
	assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), 0);
	assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), SL_EAGAIN);
	assert_false(readable(ring, 0));
	assert_int_equal(ring_write(ring, 1, "b", 1), 0);
	assert_true(readable(ring, 0));
	ring_destroy(ring);
}

enum { RECORDS = 200000 };

/* Writes every number once; a full ring is waited for. */
static void produce(struct ring *ring)
{
	for (unsigned i = 0; i < RECORDS;) {
		unsigned record[3] = {i, ~i, i * 2654435761u};

		if (ring_write(ring, 1, record, sizeof(record)) == 0)
			i++;
		else
			(void)usleep(50);
	}
}

static unsigned consume(struct ring *ring)
{
	unsigned expected = 0, kind, record[3];
	size_t len;

	while (expected < RECORDS && readable(ring, 5000)) {
		while (ring_read(ring, &kind, data, sizeof(data), &len) == 0) {
			assert_int_equal(len, sizeof(record));
			memcpy(record, data, sizeof(record));
			assert_int_equal(record[0], expected);
			assert_int_equal(record[1], ~expected);
			expected++;
		}
	}
	return expected;
}

static void another_process_loses_no_record_and_no_wake_up(void **state)
{
	struct ring *ring = make_ring();
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		produce(ring);
		_exit(0);
	}
	assert_int_equal(consume(ring), RECORDS);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ring_destroy(ring);
}

static void *producer_thread(void *arg)
{
	produce(arg);
	return NULL;
}

/* The same with a thread, where ThreadSanitizer looks on. */
static void another_thread_loses_no_record_and_no_wake_up(void **state)
{
	struct ring *ring = make_ring();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, producer_thread, ring), 0);
	assert_int_equal(consume(ring), RECORDS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	ring_destroy(ring);
}

static void a_producer_that_ended_is_followed_by_another(void **state)
{
	struct ring *ring = make_ring();
	unsigned kind;
	size_t len;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(ring_write(ring, i, "life", 4) == 0 ? 0 : 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), 0);
		assert_int_equal(kind, i);
	}
	ring_destroy(ring);
}

/* Finds the shared memory the way a broken-in producer would: it is mapped in its process. */
static uint8_t *shared_memory(size_t *ret_len)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from = 0, to = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "sluice-ring"))
			assert_int_equal(sscanf(line, "%lx-%lx", &from, &to), 2);
	(void)fclose(maps);
	assert_true(to > from);
	*ret_len = to - from;
	return (uint8_t *)from;
}

static void nonsense_in_the_memory_is_refused_and_the_ring_goes_on(void **state)
{
	struct ring *ring = make_ring();
	size_t size, len;
	uint8_t *memory = shared_memory(&size);
	unsigned seed = 1, malformed = 0, kind;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		(void)ring_write(ring, 1, "before", 6);
		for (unsigned i = 0; i < 1 + round % 5; i++) {
			/* Mostly the page of positions and the first records. */
			size_t at = (size_t)rand_r(&seed) % (round % 3 ? 256 : size);

			memory[at] = (uint8_t)rand_r(&seed);
		}
		for (unsigned i = 0; i < 100; i++) {
			int rc = ring_read(ring, &kind, data, sizeof(data), &len);

			if (rc == SL_EAGAIN)
				break;
			malformed += rc == SL_EMALFORMED;
			if (rc == 0) {
				assert_true(kind < RING_KINDS);
				assert_true(len <= RING_RECORD_MAX);
			}
		}
	}
	assert_true(malformed > 100);
	memset(memory, 0, 4096);
	for (unsigned i = 0;
	     i < 100 && ring_read(ring, &kind, data, sizeof(data), &len) != SL_EAGAIN; i++)
		;
	assert_int_equal(ring_write(ring, 1, "after", 5), 0);
	assert_int_equal(ring_read(ring, &kind, data, sizeof(data), &len), 0);
	assert_memory_equal(data, "after", 5);
	ring_destroy(ring);
}

static void a_record_larger_than_the_buffer_stays(void **state)
{
	struct ring *ring = make_ring();
	unsigned kind;
	size_t len;

	(void)state;
	assert_int_equal(ring_write(ring, 1, "0123456789", 10), 0);
	assert_int_equal(ring_read(ring, &kind, data, 9, &len), SL_ERANGE);
	assert_int_equal(ring_read(ring, &kind, data, 10, &len), 0);
	assert_int_equal(len, 10);
	ring_destroy(ring);
}

static void sizes_that_no_ring_can_have_are_refused(void **state)
{
	(void)state;
	assert_null(ring_create(SIZE / 2));
	assert_int_equal(errno, EINVAL);
	assert_null(ring_create(SIZE + 8));
	assert_null(ring_create((size_t)128 * 1024 * 1024));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(records_come_out_in_order_with_their_kind),
	        cmocka_unit_test(a_full_ring_loses_the_record_and_counts_its_kind),
	        cmocka_unit_test(the_eventfd_tells_of_the_first_record_only),
	        cmocka_unit_test(another_process_loses_no_record_and_no_wake_up),
	        cmocka_unit_test(another_thread_loses_no_record_and_no_wake_up),
	        cmocka_unit_test(a_producer_that_ended_is_followed_by_another),
	        cmocka_unit_test(nonsense_in_the_memory_is_refused_and_the_ring_goes_on),
	        cmocka_unit_test(a_record_larger_than_the_buffer_stays),
	        cmocka_unit_test(sizes_that_no_ring_can_have_are_refused),
	};

	return RUN_TESTS(tests);
}
