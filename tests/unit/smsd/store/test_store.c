/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, values and rows, constraints, backup. */
#include "tests/unit/smsd/store/fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"

static void the_files_are_of_their_owner_alone(void **state)
{
	struct fixture *fx = *state;
	struct stat st;

	ONLY_WITH_SQLITE(fx, "the server has the files");
	assert_int_equal(stat(fixture_path(fx, "sms.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(fixture_path(fx, "sms.db-wal"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_second_smsd_is_refused_until_the_first_is_gone(void **state)
{
	struct fixture *fx = *state;
	struct store *second = NULL;
	struct problem problem = {0};

	assert_int_equal(store_open_schema(fx->directory, fx->connection, 1, &fixture_schema,
	                                   &second, &problem),
	                 SL_EBUSY);
	assert_null(second);
	assert_non_null(strstr(problem.items[0].text, "another smsd"));
	problem_fini(&problem);
	fixture_close(fx);
	assert_int_equal(fixture_open(fx), 0);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
	struct store *store = NULL;
	struct problem problem = {0};

	assert_int_equal(store_open("/nonexistent/place", NULL, 1, &store, &problem), SL_ESYS);
	assert_null(store);
	assert_non_null(strstr(problem.items[0].text, "/nonexistent/place"));
	problem_fini(&problem);
}

static int take_item(void *arg, const struct store_row *row)
{
	struct item *item = arg;
	const void *bytes = store_row_blob(row, 2, &item->len);

	item->number = store_row_integer(row, 0);
	item->text = store_row_is_null(row, 1) ? NULL : strdup(store_row_text(row, 1));
	item->bytes = NULL;
	if (!store_row_is_null(row, 2)) {
		item->bytes = calloc(1, item->len + 1);
		assert_non_null(item->bytes);
		if (item->len > 0)
			memcpy((void *)(uintptr_t)item->bytes, bytes, item->len);
	}
	return 0;
}

static void assert_kept(struct fixture *fx, const struct item *item)
{
	struct store_value value = store_integer(item->number);
	struct item seen = {0};

	assert_int_equal(fixture_put(fx->store, item), 0);
	assert_int_equal(fixture_read(fx->store, FX_GET, &value, 1, take_item, &seen), 0);
	assert_int_equal(seen.number, item->number);
	assert_int_equal(!seen.text, !item->text);
	if (item->text)
		assert_string_equal(seen.text, item->text);
	assert_int_equal(!seen.bytes, !item->bytes);
	assert_int_equal(seen.len, item->len);
	if (item->len > 0)
		assert_memory_equal(seen.bytes, item->bytes, item->len);
	free((void *)(uintptr_t)seen.text);
	free((void *)(uintptr_t)seen.bytes);
}

/* Also: no bytes are not the same as a null, and an empty text neither. */
static void values_come_back_as_they_were(void **state)
{
	assert_kept(*state, &(struct item){INT64_MIN, "text \xc3\xa4", "a\0b", 3});
	assert_kept(*state, &(struct item){INT64_MAX, "", "", 0});
	assert_kept(*state, &(struct item){0, NULL, NULL, 0});
}

static int check_null(void *arg, const struct store_row *row)
{
	size_t len = 7;

	assert_true(store_row_is_null(row, 1));
	assert_string_equal(store_row_text(row, 1), "");
	assert_null(store_row_blob(row, 2, &len));
	assert_int_equal(len, 0);
	++*(int *)arg;
	return 0;
}

static void a_null_reads_as_nothing(void **state)
{
	struct fixture *fx = *state;
	struct store_value value = store_integer(5);
	int rows = 0;

	assert_int_equal(fixture_put(fx->store, &(struct item){.number = 5}), 0);
	assert_int_equal(fixture_read(fx->store, FX_GET, &value, 1, check_null, &rows), 0);
	assert_int_equal(rows, 1);
}

static int stop_at(void *arg, const struct store_row *row)
{
	int64_t *left = arg;

	return --*left > 0 ? 0 : (int)store_row_integer(row, 0);
}

static void a_row_function_ends_the_read(void **state)
{
	struct fixture *fx = *state;
	int64_t left = 3;

	for (int64_t n = -1; n < 4; n++)
		assert_int_equal(fixture_put(fx->store, &(struct item){.number = n}), 0);
	/* Rows -1, 0, 1: the third one's 1 is "enough". */
	assert_int_equal(fixture_read(fx->store, FX_ALL, NULL, 0, stop_at, &left), 0);
	assert_int_equal(left, 0);
	left = 1;
	assert_int_equal(fixture_read(fx->store, FX_ALL, NULL, 0, stop_at, &left), -1);
}

static int put_two(void *arg, struct store_tx *tx)
{
	struct item item = {.number = 9, .text = "first"};
	struct store_value values[] = {store_integer(9), store_text("second"), store_null()};
	int64_t id = 0;

	assert_int_equal(fixture_put_in(&item, tx), 0);
	assert_int_equal(store_tx_changed(tx), 1);
	assert_int_equal(fixture_run(tx, FX_PUT_ID, values, 3, fixture_first, &id), 0);
	assert_int_not_equal(id, 0);
	assert_int_equal(fixture_run(tx, FX_RETEXT,
	                             (struct store_value[]){store_integer(9), store_text("third")},
	                             2, NULL, NULL),
	                 0);
	assert_int_equal(store_tx_changed(tx), 2);
	assert_int_equal(fixture_run(tx, FX_COUNT, values, 1, fixture_first, &id), 0);
	assert_int_equal(id, 2);
	return *(int *)arg;
}

static void a_write_sees_itself_and_is_undone_whole(void **state)
{
	struct fixture *fx = *state;
	int result = SL_ECONFLICT;

	assert_int_equal(store_write(fx->store, put_two, &result), SL_ECONFLICT);
	assert_int_equal(fixture_count(fx->store, 9), 0);
	result = 0;
	assert_int_equal(store_write(fx->store, put_two, &result), 0);
	assert_int_equal(fixture_count(fx->store, 9), 2);
}

static int put_name(void *arg, struct store_tx *tx)
{
	struct store_value value = store_text(arg);

	return fixture_run(tx, FX_NAME, &value, 1, NULL, NULL);
}

static int put_child(void *arg, struct store_tx *tx)
{
	struct store_value value = store_integer(*(int64_t *)arg);

	return fixture_run(tx, FX_CHILD, &value, 1, NULL, NULL);
}

static int put_parent(void *arg, struct store_tx *tx)
{
	struct store_value values[] = {store_integer(77), store_null(), store_null()};

	return fixture_run(tx, FX_PUT_ID, values, 3, fixture_first, arg);
}

static int drop(void *arg, struct store_tx *tx)
{
	struct store_value value = store_integer(*(int64_t *)arg);

	return fixture_run(tx, FX_DROP, &value, 1, NULL, NULL);
}

static void constraints_are_told_apart(void **state)
{
	struct fixture *fx = *state;
	int64_t id = 4711, number = 77;
	char name[] = "a";

	assert_int_equal(store_write(fx->store, put_name, name), 0);
	assert_int_equal(store_write(fx->store, put_name, name), SL_EEXIST);
	assert_int_equal(store_write(fx->store, put_name, NULL), SL_EINVAL);
	assert_int_equal(store_write(fx->store, put_child, &id), SL_EEXIST);
	assert_int_equal(store_write(fx->store, put_parent, &id), 0);
	assert_int_equal(store_write(fx->store, put_child, &id), 0);
	assert_int_equal(store_write(fx->store, drop, &number), SL_EEXIST);
	assert_int_equal(fixture_count(fx->store, 77), 1);
}

/* What is deleted can still be named in the audit log: nobody else gets its number. */
static void a_number_is_never_given_twice(void **state)
{
	struct fixture *fx = *state;
	int64_t first = 0, second = 0, number = 77;

	assert_int_equal(store_write(fx->store, put_parent, &first), 0);
	assert_int_equal(store_write(fx->store, drop, &number), 0);
	assert_int_equal(store_write(fx->store, put_parent, &second), 0);
	assert_true(second > first);
}

static void what_was_written_is_there_after_a_restart(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(fixture_put(fx->store, &(struct item){.number = 1}), 0);
	fixture_close(fx);
	/* A clean end leaves one file. */
	assert_int_not_equal(access(fixture_path(fx, "sms.db-wal"), F_OK), 0);
	assert_int_equal(fixture_open(fx), 0);
	assert_int_equal(fixture_count(fx->store, 1), 1);
}

static void a_backup_opens_as_a_store_and_is_never_written_over(void **state)
{
	struct fixture *fx = *state, *other = NULL;
	char path[128];
	struct stat st;

	ONLY_WITH_SQLITE(fx, "pg_dump copies the other");
	assert_int_equal(fixture_setup_empty((void **)&other), 0);
	(void)snprintf(path, sizeof(path), "%s", fixture_path(other, "sms.db"));
	for (int i = 0; i < 100; i++)
		assert_int_equal(fixture_put(fx->store, &(struct item){.number = i % 10}), 0);
	assert_int_equal(store_backup(fx->store, path, &fx->problem), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(store_backup(fx->store, path, &fx->problem), SL_EEXIST);
	assert_non_null(strstr(fx->problem.items[0].text, path));
	assert_int_equal(fixture_put(fx->store, &(struct item){.number = 3}), 0);
	assert_int_equal(fixture_open(other), 0);
	assert_int_equal(fixture_count(other->store, 3), 10);
	assert_int_equal(fixture_count(fx->store, 3), 11);
	assert_int_equal(fixture_teardown((void **)&other), 0);
}

static void a_backup_of_postgresql_names_pg_dump_and_leaves_no_file(void **state)
{
	struct fixture *fx = *state;

	if (!fx->connection)
		return;
	assert_int_equal(store_backup(fx->store, fixture_path(fx, "backup"), &fx->problem),
	                 SL_EUNSUPPORTED);
	assert_non_null(strstr(fx->problem.items[0].remedy, "pg_dump"));
	assert_int_not_equal(access(fixture_path(fx, "backup"), F_OK), 0);
}

static void a_backup_that_fails_leaves_no_file(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(store_backup(fx->store, "/nonexistent/backup", &fx->problem), SL_ESYS);
	assert_int_equal(fx->problem.count, 1);
}

/* What a build has must go together: every statement of the table, on what its migrations make. */
static void smsd_s_own_statements_are_understood(void **state)
{
	struct fixture *fx = *state;
	int code = store_open(fx->directory, fx->connection, STORE_READERS_MAX, &fx->store,
	                      &fx->problem);

	if (code != 0)
		fail_msg("%s", fx->problem.items[0].text);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define WITH_FOLDER(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, fixture_setup_empty, fixture_teardown)

static int drop_all(void *arg, struct store_tx *tx)
{
	const struct store_value number = store_integer(7);

	return fixture_run(tx, FX_DROP, &number, 1, NULL, NULL);
}

/* A list of many domains becomes a file, and goes, in one write: what would undo it is on the disk,
 * and not in memory as often as the list is long. */
static void a_large_write_takes_little_memory(void **state)
{
	enum { ROWS = 200, SIZE = 128 * 1024 };
	struct fixture *fx = *state;
	struct item item = {.number = 7, .text = "", .len = SIZE};
	uint8_t *bytes;
	int64_t before;

	ONLY_WITH_SQLITE(fx, "the server has the memory");
	item.bytes = bytes = calloc(1, SIZE);
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(fixture_put(fx->store, &item), 0);
	before = sqlite3_memory_used();
	(void)sqlite3_memory_highwater(1);
	assert_int_equal(store_write(fx->store, drop_all, NULL), 0);
	assert_int_equal(fixture_count(fx->store, 7), 0);
	assert_in_range(sqlite3_memory_highwater(1) - before, 0, (size_t)ROWS * SIZE / 4);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_STORE(a_large_write_takes_little_memory),
	        WITH_STORE(the_files_are_of_their_owner_alone),
	        WITH_STORE(a_second_smsd_is_refused_until_the_first_is_gone),
	        cmocka_unit_test(a_directory_that_is_not_there_is_named),
	        WITH_STORE(values_come_back_as_they_were),
	        WITH_STORE(a_null_reads_as_nothing),
	        WITH_STORE(a_row_function_ends_the_read),
	        WITH_STORE(a_write_sees_itself_and_is_undone_whole),
	        WITH_STORE(constraints_are_told_apart),
	        WITH_STORE(a_number_is_never_given_twice),
	        WITH_STORE(what_was_written_is_there_after_a_restart),
	        WITH_STORE(a_backup_opens_as_a_store_and_is_never_written_over),
	        WITH_STORE(a_backup_of_postgresql_names_pg_dump_and_leaves_no_file),
	        WITH_STORE(a_backup_that_fails_leaves_no_file),
	        WITH_FOLDER(smsd_s_own_statements_are_understood),
	};

	return RUN_TESTS(tests);
}
