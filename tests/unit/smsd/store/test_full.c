/* SPDX-License-Identifier: Apache-2.0 */
/* A disk without room: refused, read from meanwhile, and written to again when there is room. */
#include "tests/unit/smsd/store/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/base/err.h"

/* A disk of the test's own, in a mount namespace that ends with it. */
static int disk_setup(void **state)
{
	struct fixture *fx;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -1;
	if (fixture_setup_empty(state) != 0)
		return -1;
	fx = *state;
	if (mount("none", fx->directory, "tmpfs", 0, "size=4m") != 0)
		return -1;
	return fixture_open(fx);
}

static int disk_teardown(void **state)
{
	struct fixture *fx = *state;

	fixture_close(fx);
	(void)umount(fx->directory);
	return fixture_teardown(state);
}

/* Takes all room there is, to the last byte. */
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

/* Writes rows from `number` on until one is refused; the number of that. */
static int64_t write_until_refused(struct fixture *fx, int64_t number)
{
	static const uint8_t bytes[3000];
	int code;

	do
		code = fixture_put(fx->store, &(struct item){number++, "x", bytes, sizeof(bytes)});
	while (code == 0 && number < 10000);
	assert_int_equal(code, SL_EFULL);
	return number - 1;
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	struct fixture *fx = *state;
	int64_t number = 0, total = -1;

	for (int round = 0; round < 3; round++) {
		fill_disk(fixture_path(fx, "filler"));
		number = write_until_refused(fx, number);
		/* What was committed is read, what was refused is not there. */
		assert_int_equal(fixture_read(fx->store, FX_TOTAL, NULL, 0, fixture_first, &total),
		                 0);
		assert_int_equal(total, number);
		assert_int_equal(unlink(fixture_path(fx, "filler")), 0);
		assert_int_equal(fixture_put(fx->store, &(struct item){.number = number}), 0);
		assert_int_equal(fixture_count(fx->store, number), 1);
		number++;
	}
	fixture_close(fx);
	assert_int_equal(fixture_open(fx), 0);
	assert_int_equal(fixture_read(fx->store, FX_TOTAL, NULL, 0, fixture_first, &total), 0);
	assert_int_equal(total, number);
}

static void a_backup_without_room_is_refused_and_leaves_no_file(void **state)
{
	struct fixture *fx = *state;

	fill_disk(fixture_path(fx, "filler"));
	assert_int_equal(store_backup(fx->store, fixture_path(fx, "backup"), &fx->problem),
	                 SL_EFULL);
	assert_int_not_equal(access(fixture_path(fx, "backup"), F_OK), 0);
	assert_int_equal(unlink(fixture_path(fx, "filler")), 0);
	problem_fini(&fx->problem);
	assert_int_equal(store_backup(fx->store, fixture_path(fx, "backup"), &fx->problem), 0);
}

static void a_new_database_without_room_is_refused_in_words(void **state)
{
	struct fixture *fx = *state;

	fixture_close(fx);
	assert_int_equal(unlink(fixture_path(fx, "sms.db")), 0);
	fill_disk(fixture_path(fx, "filler"));
	assert_int_equal(fixture_open(fx), SL_EFULL);
	assert_int_equal(fx->problem.count, 1);
	assert_int_equal(unlink(fixture_path(fx, "filler")), 0);
	assert_int_equal(fixture_open(fx), 0);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, disk_setup, disk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ON_DISK(a_full_disk_refuses_and_recovers),
	        ON_DISK(a_backup_without_room_is_refused_and_leaves_no_file),
	        ON_DISK(a_new_database_without_room_is_refused_in_words),
	};

	return RUN_TESTS(tests);
}
