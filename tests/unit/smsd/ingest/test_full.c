/* SPDX-License-Identifier: Apache-2.0 */
/* A disk without room: batches are refused with when to come again, what is there is found
 * meanwhile, and all goes on when there is room. */
#include "tests/unit/smsd/ingest/yard.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/base/err.h"

/* Of the test's own, in a mount namespace that ends with it. */
static void mount_disk(const char *path)
{
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", path, "tmpfs", 0, "size=16m"), 0);
}

static void fill_disk(const char *path)
{
	static const uint8_t zeros[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(close(fd), 0);
}

/* Batches from `next` on until one is refused; the number of that one's first. */
static uint64_t send_until_refused(struct yard *yard, uint64_t next)
{
	struct ingest_answer answer;
	int rc;

	while ((rc = yard_send(yard, "box", next, 200, &answer)) == 0 && next < 100000)
		next = answer.next;
	assert_int_equal(rc, SL_EAGAIN);
	assert_int_equal(yard->problem.code, SL_EAGAIN);
	assert_true(yard->problem.retry_s > 1);
	problem_fini(&yard->problem);
	return next;
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	struct ingest_answer answer;
	struct yard yard;
	char filler[96];
	uint64_t next = 0;

	yard_make(&yard);
	mount_disk(yard.directory);
	(void)snprintf(filler, sizeof(filler), "%s/filler", yard.directory);
	yard_open(&yard);
	assert_int_equal(yard_send(&yard, "box", 0, 200, &answer), 0);
	next = answer.next;
	for (unsigned round = 0; round < 3; round++) {
		fill_disk(filler);
		next = send_until_refused(&yard, next);
		(void)yard_assert_whole(&yard, "box", next, next + 200);
		assert_int_equal(unlink(filler), 0);
		assert_int_equal(yard_send(&yard, "box", next, 200, &answer), 0);
		assert_int_equal(answer.next, next + 200);
		next = answer.next;
		assert_int_equal(yard_assert_whole(&yard, "box", next, next), next);
	}
	yard_close(&yard);
	yard_open(&yard);
	assert_int_equal(yard_assert_whole(&yard, "box", next, next), next);
	yard_close(&yard);
	yard_remove(&yard);
	assert_int_equal(umount(yard.directory), 0);
	(void)rmdir(yard.directory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_full_disk_refuses_and_recovers),
	};

	return RUN_TESTS(tests);
}
