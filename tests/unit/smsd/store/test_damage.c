/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are damaged, or not ours. */
#include "tests/unit/smsd/store/fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"

enum { ROWS = 2000, ROW_SIZE = 400, PAGE = 4096 };

static int put_all(void *arg, struct store_tx *tx)
{
	static const uint8_t bytes[ROW_SIZE];
	int code = 0;

	for (int i = 0; i < ROWS && code == 0; i++)
		code = fixture_put_in(&(struct item){i, "text", bytes, ROW_SIZE}, tx);
	return code;
}

/* A database of some hundred pages, closed. */
static void fill(struct fixture *fx)
{
	assert_int_equal(fixture_open(fx), 0);
	assert_int_equal(store_write(fx->store, put_all, NULL), 0);
	fixture_close(fx);
}

static void scribble(struct fixture *fx, off_t at, size_t len)
{
	uint8_t *junk = malloc(len);
	int fd = open(fixture_path(fx, "sms.db"), O_RDWR | O_CREAT, 0600);

	assert_non_null(junk);
	memset(junk, 0xa5, len);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, len, at), (ssize_t)len);
	assert_int_equal(close(fd), 0);
	free(junk);
}

static void assert_damaged(struct fixture *fx)
{
	assert_int_equal(fixture_open(fx), SL_EMALFORMED);
	assert_null(fx->store);
	assert_non_null(strstr(fx->problem.items[0].text, "damaged"));
	assert_non_null(strstr(fx->problem.items[0].remedy, "backup"));
}

static void a_file_that_is_no_database_is_named_so(void **state)
{
	scribble(*state, 0, 3 * PAGE);
	assert_damaged(*state);
}

static void a_schema_that_is_damaged_is_named_so(void **state)
{
	fill(*state);
	scribble(*state, 100, PAGE - 100);
	assert_damaged(*state);
}

static void a_file_cut_short_is_named_so(void **state)
{
	struct fixture *fx = *state;
	struct stat st;

	fill(fx);
	assert_int_equal(stat(fixture_path(fx, "sms.db"), &st), 0);
	assert_int_equal(truncate(fixture_path(fx, "sms.db"), st.st_size / 2), 0);
	assert_damaged(fx);
}

static int count_row(void *arg, const struct store_row *row)
{
	++*(int *)arg;
	return 0;
}

/* Damage in the middle shows when it is come upon: an error, and the rest is served. */
static void damaged_rows_are_an_error_of_the_read(void **state)
{
	struct fixture *fx = *state;
	struct store_value first = store_integer(0);
	struct stat st;
	int rows = 0, code;

	fill(fx);
	assert_int_equal(stat(fixture_path(fx, "sms.db"), &st), 0);
	scribble(fx, st.st_size / PAGE / 2 * PAGE, (size_t)(st.st_size / 4) / PAGE * PAGE);
	assert_int_equal(fixture_open(fx), 0);
	code = fixture_read(fx->store, FX_TOTAL, NULL, 0, count_row, &rows);
	if (code == 0)
		code = fixture_read(fx->store, FX_ALL, NULL, 0, count_row, &rows);
	for (int64_t n = 0; code == 0 && n < ROWS; n++) {
		first = store_integer(n);
		code = fixture_read(fx->store, FX_GET, &first, 1, count_row, &rows);
	}
	assert_int_equal(code, SL_EIO);
	first = store_integer(0);
	rows = 0;
	assert_int_equal(fixture_read(fx->store, FX_GET, &first, 1, count_row, &rows), 0);
	assert_int_equal(rows, 1);
}

static void another_program_s_database_is_left_as_it_is(void **state)
{
	struct fixture *fx = *state;
	sqlite3 *db = NULL;
	struct stat st;
	off_t size;

	assert_int_equal(sqlite3_open(fixture_path(fx, "sms.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(stat(fixture_path(fx, "sms.db"), &st), 0);
	size = st.st_size;
	assert_int_equal(fixture_open(fx), SL_EMALFORMED);
	assert_non_null(strstr(fx->problem.items[0].text, "another program"));
	assert_int_equal(stat(fixture_path(fx, "sms.db"), &st), 0);
	assert_int_equal(st.st_size, size);
}

#define WITH_FOLDER(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, fixture_setup_empty, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_FOLDER(a_file_that_is_no_database_is_named_so),
	        WITH_FOLDER(a_schema_that_is_damaged_is_named_so),
	        WITH_FOLDER(a_file_cut_short_is_named_so),
	        WITH_FOLDER(damaged_rows_are_an_error_of_the_read),
	        WITH_FOLDER(another_program_s_database_is_left_as_it_is),
	};

	return RUN_TESTS(tests);
}
