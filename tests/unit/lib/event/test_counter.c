/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: slabs add up, histograms put times where they belong, another build's file is refused.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/event/counter.h"

static char path[64];

static int make_path(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/test_counter.%d", (int)getpid());
	(void)unlink(path);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static void slabs_of_several_processes_add_up(void **state)
{
	struct counter_file *file, *reader;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(counter_file_create(path, &file), 0);
	pid = fork();
	if (pid == 0) {
		counter_add(counter_file_slab(file, 5), COUNTER_accepted, 40);
		counter_add_reason(counter_file_slab(file, 5), REASON_RULE);
		_exit(0);
	}
	counter_add(counter_file_slab(file, 4), COUNTER_accepted, 2);
	counter_add(counter_file_slab(file, 4), COUNTER_active, 3);
	counter_sub(counter_file_slab(file, 4), COUNTER_active, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(counter_file_open(path, &reader), 0);
	assert_int_equal(counter_sum(reader, COUNTER_accepted), 42);
	assert_int_equal(counter_sum(reader, COUNTER_active), 2);
	assert_int_equal(counter_sum_reason(reader, REASON_RULE), 1);
	assert_int_equal(counter_sum_reason(reader, REASON_END), 0);
	counter_file_close(reader);
	counter_file_close(file);
}

static void a_new_run_starts_from_zero(void **state)
{
	struct counter_file *file;
	struct stat st;

	(void)state;
	assert_int_equal(counter_file_create(path, &file), 0);
	counter_add(counter_file_slab(file, 0), COUNTER_taken, 7);
	counter_file_close(file);
	assert_int_equal(counter_file_create(path, &file), 0);
	assert_int_equal(counter_sum(file, COUNTER_taken), 0);
	counter_file_close(file);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void a_file_of_another_build_is_refused(void **state)
{
	struct counter_file *file;
	uint64_t other = 1;
	int fd;

	(void)state;
	assert_int_equal(counter_file_open(path, &file), SL_ESYS);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(counter_file_create(path, &file), 0);
	counter_file_close(file);
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, &other, sizeof(other), 8), sizeof(other));
	assert_int_equal(counter_file_open(path, &file), SL_EMISMATCH);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(counter_file_open(path, &file), SL_EMISMATCH);
	(void)close(fd);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct counter_file *file;
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/tmp/test_counter_target", path), 0);
	assert_int_equal(counter_file_create(path, &file), 0);
	counter_file_close(file);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_not_equal(access("/tmp/test_counter_target", F_OK), 0);
}

static void times_fall_into_the_bucket_that_bounds_them(void **state)
{
	struct counter_histogram sum;
	struct counter_file *file;
	struct counter_slab *slab;

	(void)state;
	for (uint64_t us = 0; us < 200000; us += 7) {
		unsigned b = histogram_bucket(us);

		assert_true(us <= histogram_bound_us(b));
		assert_true(b == 0 || us > histogram_bound_us(b - 1));
	}
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS);
	assert_int_equal(histogram_bucket(33554432 + 1), HISTOGRAM_BUCKETS);
	assert_int_equal(histogram_bucket(33554432), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(counter_file_create(path, &file), 0);
	slab = counter_file_slab(file, 9);
	counter_add_time(slab, HISTOGRAM_added_latency, 20 * 1000);
	counter_add_time(slab, HISTOGRAM_added_latency, UINT64_C(40000) * 1000 * 1000);
	counter_sum_histogram(file, HISTOGRAM_added_latency, &sum);
	assert_int_equal(sum.buckets[1], 1);
	assert_int_equal(sum.buckets[HISTOGRAM_BUCKETS], 1);
	assert_int_equal(sum.sum_us, 40000020);
	counter_file_close(file);
}

static void counters_are_found_by_group_and_name(void **state)
{
	enum counter counter;

	(void)state;
	for (unsigned i = 0; i < COUNTER_END; i++) {
		assert_int_equal(counter_find(counter_group((enum counter)i),
		                              counter_name((enum counter)i), &counter),
		                 0);
		assert_int_equal(counter, i);
	}
	assert_int_equal(counter_find("npSslInspStats", "clientCipherOther", &counter), SL_ENOENT);
	assert_int_equal(counter_kind(COUNTER_active), COUNTER_KIND_GAUGE);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_path, remove_path)
	const struct CMUnitTest tests[] = {
	        TEST(slabs_of_several_processes_add_up),
	        TEST(a_new_run_starts_from_zero),
	        TEST(a_file_of_another_build_is_refused),
	        TEST(a_link_in_its_place_is_not_followed),
	        TEST(times_fall_into_the_bucket_that_bounds_them),
	        TEST(counters_are_found_by_group_and_name),
	};

	return RUN_TESTS(tests);
}
