/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a database forward: table `migration` has a row for each that was made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/migration.h"
#include "smsd/store/sqlite_priv.h"

/* AUTOINCREMENT: a number is never given twice, so what is deleted can still be spoken of by it. */
static const struct migration_words words = {
        .id = "INTEGER PRIMARY KEY AUTOINCREMENT",
        .integer = "INTEGER",
        .bytes = "BLOB",
};

static int run_file(sqlite3 *db, const char *text)
{
	struct buf out;
	int rc;

	buf_init(&out, MIGRATION_TEXT_MAX);
	rc = migration_spell(text, &words, &out) == 0 ? sqlite_run_text(db, buf_text(&out))
	                                              : SQLITE_TOOBIG;
	buf_fini(&out);
	return rc;
}

static int note(sqlite3 *db, size_t number)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	               "INSERT INTO migration (number, made_ms, build) VALUES (%zu, %llu, '%s')",
	               number, (unsigned long long)(clock_wall_us() / 1000), SLUICE_VERSION);
	return sqlite_run_text(db, text);
}

static int make_table(sqlite3 *db)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	               "PRAGMA application_id = %d;"
	               "CREATE TABLE migration (number INTEGER PRIMARY KEY,"
	               " made_ms INTEGER NOT NULL, build TEXT NOT NULL)",
	               SQLITE_APPLICATION);
	return sqlite_run_text(db, text);
}

/* Foreign keys were off meanwhile, so that a table can be made anew: here they hold again. */
static int check_references(sqlite3 *db)
{
	int64_t broken = 0;
	int rc = sqlite_number(db, "SELECT count(*) FROM pragma_foreign_key_check", 0, &broken);

	return rc == SQLITE_OK && broken > 0 ? SQLITE_CONSTRAINT_FOREIGNKEY : rc;
}

/* In a transaction that was begun. */
static int migrate_one(sqlite3 *db, size_t number, const char *text)
{
	int rc = number == 1 ? make_table(db) : SQLITE_OK;

	if (rc == SQLITE_OK)
		rc = run_file(db, text);
	if (rc == SQLITE_OK)
		rc = check_references(db);
	if (rc == SQLITE_OK)
		rc = note(db, number);
	if (rc == SQLITE_OK)
		rc = sqlite_run_text(db, "COMMIT");
	return rc;
}

/* The newest migration that is in the file; 0 for an empty one. */
static int version_of(sqlite3 *db, int64_t *ret_version)
{
	int64_t there = 0;
	int rc = sqlite_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'migration'", 0,
	                       &there);

	*ret_version = 0;
	if (rc != SQLITE_OK || there == 0)
		return rc;
	return sqlite_number(db, "SELECT max(number) FROM migration", 0, ret_version);
}

static int migrate_from(struct sqlite_conn *conn, size_t version, const struct store_schema *schema,
                        struct problem *problem)
{
	char what[32];
	int code = 0;

	for (size_t i = version; i < schema->migration_count && code == 0; i++) {
		(void)snprintf(what, sizeof(what), "migration %04zu", i + 1);
		code = conn_begin(&conn->conn);
		if (code != 0)
			return problem_add(problem, code, "", "", "%s: %s", what, err_text(code));
		code = sqlite_problem(conn->db, migrate_one(conn->db, i + 1, schema->migrations[i]),
		                      what, problem);
		conn_rollback(&conn->conn);
	}
	return code;
}

int sqlite_conn_migrate(struct conn *base, const struct store_schema *schema,
                        struct problem *problem)
{
	struct sqlite_conn *conn = sqlite_conn_of(base);
	int64_t version;
	int code = sqlite_problem(conn->db, version_of(conn->db, &version), "opening", problem);

	if (code != 0)
		return code;
	code = migration_check_version(version, schema, problem);
	if (code != 0)
		return code;
	code = sqlite_problem(conn->db, sqlite_run_text(conn->db, "PRAGMA foreign_keys = off"),
	                      "opening", problem);
	if (code == 0)
		code = migrate_from(conn, (size_t)version, schema, problem);
	if (code == 0)
		code = sqlite_problem(conn->db,
		                      sqlite_run_text(conn->db, "PRAGMA foreign_keys = on"),
		                      "opening", problem);
	return code;
}
