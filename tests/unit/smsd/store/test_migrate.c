/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a database forward, and what is refused. */
#include "tests/unit/smsd/store/fixture.h"

#include <stdio.h>

#include "lib/base/err.h"

static const char one[] = "CREATE TABLE a (id @ID@, n @INT@ NOT NULL, b @BYTES@);"
                          "INSERT INTO a (n) VALUES (1);";
static const char two[] = "ALTER TABLE a ADD COLUMN t TEXT; UPDATE a SET t = 'two';";
static const char broken[] = "UPDATE a SET t = 'broken'; CREATE TABLE b (n @NOTHING@);";
static const char orphans[] = "CREATE TABLE c (a @INT@ NOT NULL REFERENCES a (id));"
                              "INSERT INTO c (a) VALUES (99);";
/* SQLite's way to change a column: a table made anew while others refer to it. PostgreSQL has one
 * of its own. */
static const char anew_sqlite[] =
        "CREATE TABLE d (a @INT@ NOT NULL REFERENCES a (id)); INSERT INTO d SELECT id FROM a;"
        "CREATE TABLE a_new (id @ID@, n @INT@ NOT NULL, t TEXT NOT NULL);"
        "INSERT INTO a_new SELECT id, n, 'anew' FROM a; DROP TABLE a;"
        "ALTER TABLE a_new RENAME TO a;";
static const char anew_postgresql[] =
        "UPDATE a SET t = 'anew'; ALTER TABLE a ALTER COLUMN t SET NOT NULL, DROP COLUMN b;";

enum { TEXT_MAX = 32 };

static const struct statement_text none[] = {{0}};
static const struct statement_text text_of[] = {{"T", "", "t", "SELECT t FROM a"}};

static const char *anew_of(const struct fixture *fx)
{
	return fx->connection ? anew_postgresql : anew_sqlite;
}

static int open_with(struct fixture *fx, const char *const *migrations, size_t count,
                     const struct statement_text *statements, size_t statement_count)
{
	static struct store_schema schema;

	fixture_close(fx);
	schema = (struct store_schema){statements, statement_count, migrations, count};
	return store_open_schema(fx->directory, fx->connection, 1, &schema, &fx->store,
	                         &fx->problem);
}

static int copy_text(void *arg, const struct store_row *row)
{
	(void)snprintf(arg, TEXT_MAX, "%s", store_row_text(row, 0));
	return 0;
}

static void assert_text(struct fixture *fx, const char *expected)
{
	char text[TEXT_MAX] = "";

	assert_int_equal(store_read(fx->store, (enum store_statement)0, NULL, 0, copy_text, text),
	                 0);
	assert_string_equal(text, expected);
}

static void each_migration_is_made_once(void **state)
{
	const char *const all[] = {one, two, anew_of(*state)};

	assert_int_equal(open_with(*state, all, 1, none, 0), 0);
	assert_int_equal(open_with(*state, all, 2, text_of, 1), 0);
	assert_text(*state, "two");
	assert_int_equal(open_with(*state, all, 2, text_of, 1), 0);
	assert_int_equal(open_with(*state, all, 3, text_of, 1), 0);
	assert_text(*state, "anew");
}

static int insert_rows(void *arg, struct store_tx *tx)
{
	return store_tx_run(tx, (enum store_statement)0, NULL, 0, NULL, NULL);
}

/* The same document in two revisions, with one file. */
static int insert_documents(void *arg, struct store_tx *tx)
{
	static const uint8_t sha256[32] = {1};
	enum { DEVICE, BLOB, DOCUMENT, FILE_OF };
	int rc = store_tx_run(tx, (enum store_statement)DEVICE, NULL, 0, NULL, NULL);

	(void)arg;
	for (int revision = 1; rc == 0 && revision <= 2; revision++) {
		const struct store_value values[] = {store_blob(sha256, sizeof(sha256)),
		                                     store_integer(revision)};

		if (revision == 1)
			rc = store_tx_run(tx, (enum store_statement)BLOB, values, 2, NULL, NULL);
		if (rc == 0)
			rc = store_tx_run(tx, (enum store_statement)DOCUMENT, values, 2, NULL,
			                  NULL);
		if (rc == 0)
			rc = store_tx_run(tx, (enum store_statement)FILE_OF, values, 2, NULL, NULL);
	}
	return rc;
}

/* Virtual segments from before there were places (0003) are behind all that have one, by name. */
static void virtual_segments_keep_the_order_of_their_names(void **state)
{
	static const struct statement_text insert[] = {
	        {"I", "", "",
	         "INSERT INTO object (kind, name, revision, changed_ms, body) VALUES"
	         " ('virtual segment', 'b', 1, 0, '{}'), ('virtual segment', 'a', 1, 0, '{}'),"
	         " ('profile', 'p', 1, 0, '{}')"}};
	static const struct statement_text first[] = {
	        {"T", "", "t",
	         "SELECT name || place FROM object WHERE place > 0 ORDER BY place, name LIMIT 1"}};
	const char *const *all = store_schema.migrations;
	struct fixture *fx = *state;

	assert_int_equal(open_with(fx, all, 2, insert, 1), 0);
	assert_int_equal(store_write(fx->store, insert_rows, NULL), 0);
	assert_int_equal(open_with(fx, all, store_schema.migration_count, first, 1), 0);
	assert_text(fx, "a1000000001");
}

/* 0012 keeps what documents have in common once: one from before is whole, with its files. */
static void documents_stay_what_they_were(void **state)
{
	static const struct statement_text insert[] = {
	        {"DEVICE", "", "",
	         "INSERT INTO device (id, name, revision, state, comment, settings,"
	         " certificate_ends_ms, made_ms, enrolled_ms, seen_ms, wanted)"
	         " VALUES (7, 'box', 1, 'enrolled', '', '{}', 0, 0, 0, 0, 2)"},
	        {"BLOB", "bi", "", "INSERT INTO blob (sha256, size, made_ms) VALUES ($1, $2, 0)"},
	        {"DOCUMENT", "bi", "",
	         "INSERT INTO device_document (device, revision, sha256, text, size, keys, objects,"
	         " confirm_s, made_ms) VALUES (7, $2, $1, 'text', 4, '[1]', '[2]', 3, 4)"},
	        {"FILE", "bi", "",
	         "INSERT INTO device_file (device, revision, sha256, size) VALUES (7, $2, $1, 5)"},
	};
	static const struct statement_text all_of_it[] = {
	        {"T", "", "t",
	         "SELECT d.revision || b.head || d.name || b.tail || b.keys || b.objects || d.size"
	         " || d.confirm_s || d.made_ms || f.size FROM device_document d"
	         " JOIN document_body b ON b.id = d.body JOIN document_file f ON f.body = b.id"
	         " ORDER BY d.revision"}};
	const char *const *all = store_schema.migrations;
	struct fixture *fx = *state;

	assert_int_equal(open_with(fx, all, 8, insert, SL_ARRAY_LEN(insert)), 0);
	assert_int_equal(store_write(fx->store, insert_documents, NULL), 0);
	assert_int_equal(open_with(fx, all, store_schema.migration_count, all_of_it, 1), 0);
	assert_text(fx, "2text[1][2]4345");
}

static void a_newer_database_is_refused_and_left_as_it_is(void **state)
{
	struct fixture *fx = *state;
	const char *const all[] = {one, two};

	assert_int_equal(open_with(fx, all, 2, none, 0), 0);
	assert_int_equal(open_with(fx, all, 1, none, 0), SL_EREFUSED);
	assert_non_null(strstr(fx->problem.items[0].text, "newer smsd"));
	assert_int_equal(open_with(fx, all, 2, text_of, 1), 0);
	assert_text(fx, "two");
}

static void a_migration_that_fails_is_undone_whole(void **state)
{
	struct fixture *fx = *state;
	const char *const bad[] = {one, two, broken}, *const good[] = {one, two, anew_of(fx)};

	assert_int_equal(open_with(fx, bad, 3, none, 0), SL_EINVAL);
	assert_non_null(strstr(fx->problem.items[0].text, "migration 0003"));
	assert_int_equal(open_with(fx, bad, 2, text_of, 1), 0);
	assert_text(fx, "two");
	assert_int_equal(open_with(fx, good, 3, text_of, 1), 0);
	assert_text(fx, "anew");
}

static void a_migration_that_leaves_references_to_nothing_is_undone(void **state)
{
	struct fixture *fx = *state;
	const char *const bad[] = {one, two, orphans};

	assert_int_equal(open_with(fx, bad, 3, none, 0), SL_EEXIST);
	assert_int_equal(open_with(fx, bad, 2, text_of, 1), 0);
}

static void a_statement_is_held_to_its_row(void **state)
{
	static const struct statement_text wrong[] = {
	        {"SYNTAX", "", "", "SELEKT 1"},
	        {"NO_TABLE", "", "i", "SELECT id FROM nothing"},
	        {"TOO_FEW", "i", "i", "SELECT 1"},
	        {"TOO_MANY", "", "i", "SELECT $1"},
	        {"GAP", "i", "i", "SELECT $2"},
	        {"NAMED", "i", "i", "SELECT :one"},
	        {"COLUMNS", "", "i", "SELECT 1, 2"},
	        {"TWO", "", "i", "SELECT 1; SELECT 2"},
	        {"QUOTES", "", "i", "SELECT \"no_such_column\" FROM a"},
	        {"EMPTY", "", "", ""},
	};
	struct fixture *fx = *state;
	const char *const all[] = {one};

	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		assert_int_equal(open_with(fx, all, 1, &wrong[i], 1), SL_EINVAL);
		assert_non_null(strstr(fx->problem.items[0].text, wrong[i].id));
	}
	assert_int_equal(open_with(fx, all, 1, none, 0), 0);
}

#define WITH_FOLDER(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, fixture_setup_empty, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_FOLDER(each_migration_is_made_once),
	        WITH_FOLDER(virtual_segments_keep_the_order_of_their_names),
	        WITH_FOLDER(documents_stay_what_they_were),
	        WITH_FOLDER(a_newer_database_is_refused_and_left_as_it_is),
	        WITH_FOLDER(a_migration_that_fails_is_undone_whole),
	        WITH_FOLDER(a_migration_that_leaves_references_to_nothing_is_undone),
	        WITH_FOLDER(a_statement_is_held_to_its_row),
	};

	return RUN_TESTS(tests);
}
