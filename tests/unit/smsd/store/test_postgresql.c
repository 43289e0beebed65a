/* SPDX-License-Identifier: Apache-2.0 */
/* What only a server does: it goes away and comes back, a second smsd elsewhere wants it too, its
 * string has a password. */
#include "tests/unit/smsd/store/fixture.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/err.h"
#include "tests/unit/smsd/database.h"

enum { TRIES = 200, TRY_MS = 50 };

static int put_number(struct fixture *fx, int64_t number)
{
	return fixture_put(fx->store, &(struct item){.number = number, .text = "x"});
}

static void a_session_that_ended_is_made_anew(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(put_number(fx, 1), 0);
	assert_int_equal(fixture_count(fx->store, 1), 1);
	test_database_end_sessions(fx->connection, false);
	assert_int_equal(fixture_count(fx->store, 1), 1);
	assert_int_equal(put_number(fx, 1), 0);
	assert_int_equal(fixture_count(fx->store, 1), 2);
}

struct write {
	struct fixture *fx;
	unsigned runs;
};

/* The first time its session ends in the middle. */
static int put_and_lose(void *arg, struct store_tx *tx)
{
	struct write *w = arg;
	struct item item = {.number = 2, .text = "x"};
	int code = fixture_put_in(&item, tx);

	if (w->runs++ == 0)
		test_database_end_sessions(w->fx->connection, false);
	return code == 0 ? fixture_put_in(&item, tx) : code;
}

static void a_write_whose_session_ended_is_made_once(void **state)
{
	struct fixture *fx = *state;
	struct write w = {fx, 0};

	/* Alone it is not tried again; either way there is no half of it. */
	if (store_write(fx->store, put_and_lose, &w) == 0)
		assert_int_equal(fixture_count(fx->store, 2), 2);
	else
		assert_int_equal(fixture_count(fx->store, 2), 0);
	assert_int_equal(store_write(fx->store, put_and_lose, &w), 0);
	assert_true(fixture_count(fx->store, 2) >= 2);
}

/* From outside: until the server has ended a session nobody knows what became of its commit. */
static void a_commit_of_unknown_outcome_is_an_error_and_not_tried_again(void **state)
{
	struct fixture *fx = *state;
	struct write w = {fx, 1};

	test_database_run(
	        fx->connection,
	        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
	        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
	        "CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON item DEFERRABLE INITIALLY"
	        " DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()");
	assert_int_equal(store_write(fx->store, put_and_lose, &w), SL_EIO);
	assert_int_equal(w.runs, 2);
	test_database_run(fx->connection, "DROP TRIGGER lose ON item");
	assert_int_equal(fixture_count(fx->store, 2), 0);
	assert_int_equal(put_number(fx, 2), 0);
	assert_int_equal(fixture_count(fx->store, 2), 1);
}

static void while_it_is_away_all_is_refused_and_then_goes_on(void **state)
{
	struct fixture *fx = *state;
	struct timespec step = {.tv_nsec = TRY_MS * 1000000L};
	int64_t total;
	int code = SL_EAGAIN;

	assert_int_equal(put_number(fx, 1), 0);
	test_database_end_sessions(fx->connection, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(put_number(fx, 1), SL_EAGAIN);
		assert_int_equal(fixture_read(fx->store, FX_TOTAL, NULL, 0, fixture_first, &total),
		                 SL_EAGAIN);
	}
	test_database_open_again(fx->connection);
	for (unsigned i = 0; i < TRIES && code == SL_EAGAIN; i++) {
		code = put_number(fx, 1);
		(void)nanosleep(&step, NULL);
	}
	assert_int_equal(code, 0);
	assert_int_equal(fixture_count(fx->store, 1), 2);
}

static void a_second_smsd_elsewhere_is_refused(void **state)
{
	struct fixture *fx = *state, *other = NULL;

	assert_int_equal(fixture_setup_empty((void **)&other), 0);
	test_database_drop(other->connection);
	other->connection = strdup(fx->connection);
	assert_int_equal(fixture_open(other), SL_EBUSY);
	assert_non_null(strstr(other->problem.items[0].text, "another smsd"));
	fixture_close(fx);
	assert_int_equal(fixture_open(other), 0);
	fixture_close(other);
	free(other->connection);
	other->connection = NULL;
	assert_int_equal(fixture_teardown((void **)&other), 0);
}

static void a_password_is_in_no_error(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
	        {"host=/nonexistent password=Geheim42 dbname=x", SL_EAGAIN},
	        {"host=127.0.0.1 port=1 password=Geheim42 user=nobody", SL_EAGAIN},
	        {"password=Geheim42 no_such_word=1", SL_EINVAL},
	        {"password='Geheim42", SL_EINVAL},
	        {"postgresql://user:Geheim42@[::1/x", SL_EINVAL},
	        {"Geheim42", SL_EINVAL},
	};
	struct fixture *fx = *state;
	struct problem problem = {0};
	struct store *store = NULL;

	fixture_close(fx);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		assert_int_equal(store_open_schema(fx->directory, rows[i].text, 1, &fixture_schema,
		                                   &store, &problem),
		                 rows[i].code);
		assert_int_equal(problem.count, 1);
		assert_null(strstr(problem.items[0].text, "Geheim42"));
		assert_null(strstr(problem.items[0].remedy, "Geheim42"));
		problem_fini(&problem);
	}
}

static void another_program_s_database_is_left_as_it_is(void **state)
{
	struct fixture *fx = *state;

	test_database_run(fx->connection, "CREATE TABLE theirs (a integer)");
	assert_int_equal(fixture_open(fx), SL_EMALFORMED);
	assert_non_null(strstr(fx->problem.items[0].text, "another program"));
	test_database_run(fx->connection, "DROP TABLE theirs");
	assert_int_equal(fixture_open(fx), 0);
}

static void an_order_that_is_not_that_of_bytes_is_refused(void **state)
{
	struct fixture *fx = *state;

	test_database_drop(fx->connection);
	fx->connection = test_database_make_with(" LOCALE_PROVIDER icu ICU_LOCALE 'en'");
	assert_int_equal(fixture_open(fx), SL_EREFUSED);
	assert_non_null(strstr(fx->problem.items[0].remedy, "--locale C"));
}

/* Sums are wider than 64 bits and would come back as something else. */
static void a_column_of_another_type_is_refused(void **state)
{
	static const struct statement_text wrong[] = {
	        {"SUM", "", "i", "SELECT SUM(number) FROM item"},
	        {"TEXT", "", "t", "SELECT number FROM item"},
	        {"BYTES", "", "b", "SELECT text FROM item"},
	};
	struct fixture *fx = *state;

	fixture_close(fx);
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		struct store_schema schema = fixture_schema;

		schema.statements = &wrong[i];
		schema.statement_count = 1;
		assert_int_equal(store_open_schema(fx->directory, fx->connection, 1, &schema,
		                                   &fx->store, &fx->problem),
		                 SL_EINVAL);
		assert_non_null(strstr(fx->problem.items[0].text, wrong[i].id));
		problem_fini(&fx->problem);
	}
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define WITH_FOLDER(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, fixture_setup_empty, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_STORE(a_session_that_ended_is_made_anew),
	        WITH_STORE(a_write_whose_session_ended_is_made_once),
	        WITH_STORE(a_commit_of_unknown_outcome_is_an_error_and_not_tried_again),
	        WITH_STORE(while_it_is_away_all_is_refused_and_then_goes_on),
	        WITH_STORE(a_second_smsd_elsewhere_is_refused),
	        WITH_STORE(a_password_is_in_no_error),
	        WITH_FOLDER(another_program_s_database_is_left_as_it_is),
	        WITH_FOLDER(an_order_that_is_not_that_of_bytes_is_refused),
	        WITH_STORE(a_column_of_another_type_is_refused),
	};

	return RUN_TESTS(tests);
}
