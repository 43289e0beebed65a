/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to SQLite: opening, settings, groups of writes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/database.h"
#include "smsd/store/sqlite_priv.h"

int sqlite_run_text(sqlite3 *db, const char *text)
{
	return sqlite3_exec(db, text, NULL, NULL, NULL);
}

int sqlite_number(sqlite3 *db, const char *text, int64_t otherwise, int64_t *ret_number)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(stmt, 0);
	else if (rc == SQLITE_DONE)
		*ret_number = otherwise;
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The file is of its owner alone; -wal and -shm take its mode. SQLite itself would take the umask.
 */
int sqlite_make_file(const char *path, struct problem *problem)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return problem_add(problem, errno == ENOSPC || errno == EDQUOT ? SL_EFULL : SL_ESYS,
		                   "", "", "%s cannot be opened: %s", path, strerror(errno));
	(void)close(fd);
	return 0;
}

/* Nothing that a file brings along is run, and the file's own tables cannot be overwritten. */
int sqlite_harden(sqlite3 *db)
{
	static const struct {
		int option;
		int value;
	} options[] = {
	        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	        {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
	        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; i < SL_ARRAY_LEN(options) && rc == SQLITE_OK; i++)
		rc = sqlite3_db_config(db, options[i].option, options[i].value, NULL);
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, SQLITE_ROW_MAX);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	return rc;
}

/* Committed is what is in the log and synced; readers and the writer do not wait for each other. */
int sqlite_use_log(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	char text[64];
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = wal", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0
		             ? SQLITE_OK
		             : SQLITE_CANTOPEN;
	(void)sqlite3_finalize(stmt);
	if (rc != SQLITE_OK)
		return rc;
	(void)snprintf(text, sizeof(text), "PRAGMA journal_size_limit = %d", SQLITE_LOG_KEEP);
	return sqlite_run_text(db, text);
}

/* What would undo a large write goes where the database is, and nowhere else: to a file without a
 * name. SQLite's own variable, set before there is a connection and never again. */
static int keep_temporary_files_in(const char *directory)
{
	if (!sqlite3_temp_directory)
		sqlite3_temp_directory = sqlite3_mprintf("%s", directory);
	return sqlite3_temp_directory ? 0 : SL_ENOMEM;
}

/* mmap_size 0: a disk that fails is an error then and no SIGBUS. secure_delete, which Debian's
 * SQLite does anyway: a sealed key that was replaced is in no free page. So whoever deletes writes
 * all of it, and what undoes that is as large: the writer's is not in memory, those who read sort
 * there. */
static int settle(struct sqlite_conn *conn)
{
	int rc = sqlite_harden(conn->db);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(conn->db, SQLITE_BUSY_WAIT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite_run_text(conn->db, "PRAGMA cell_size_check = on;"
		                               "PRAGMA mmap_size = 0;"
		                               "PRAGMA secure_delete = on;"
		                               "PRAGMA synchronous = full");
	if (rc != SQLITE_OK)
		return rc;
	return sqlite_run_text(conn->db, conn->use == CONN_READS ? "PRAGMA temp_store = memory;"
	                                                           "PRAGMA query_only = on"
	                                                         : "PRAGMA temp_store = file");
}

/* Somebody else's database is left as it is. */
static int make_ours(struct sqlite_conn *conn, struct problem *problem)
{
	int64_t application = 0, tables = 0;
	int rc = sqlite_number(conn->db, "PRAGMA application_id", 0, &application);

	if (rc == SQLITE_OK)
		rc = sqlite_number(conn->db, "SELECT count(*) FROM sqlite_schema", 0, &tables);
	if (rc == SQLITE_OK && application != SQLITE_APPLICATION &&
	    (application != 0 || tables > 0))
		return problem_add(problem, SL_EMALFORMED, "", "name another directory",
		                   "the database " SQLITE_FILE " is another program's");
	if (rc == SQLITE_OK)
		rc = sqlite_use_log(conn->db);
	return sqlite_problem(conn->db, rc, "opening", problem);
}

static void close_conn(struct conn *base)
{
	struct sqlite_conn *conn = sqlite_conn_of(base);

	for (size_t i = 0; conn->prepared && i < conn->schema->statement_count; i++)
		(void)sqlite3_finalize(conn->prepared[i].stmt);
	free(conn->prepared);
	(void)sqlite3_close(conn->db);
	free(conn);
}

static int open_conn(struct database *database, enum conn_use use, struct conn **ret_conn,
                     struct problem *problem)
{
	struct sqlite_conn *conn = calloc(1, sizeof(*conn));
	char *path = NULL;
	int rc, code = SL_ENOMEM;

	if (!conn || asprintf(&path, "%s/" SQLITE_FILE, database->directory) < 0) {
		free(conn);
		return problem_add(problem, code, "", "", "%s", err_text(code));
	}
	conn->conn.engine = &conn_sqlite;
	conn->use = use;
	code = use == CONN_WRITES ? sqlite_make_file(path, problem) : 0;
	if (code == 0 && use == CONN_WRITES && keep_temporary_files_in(database->directory) != 0)
		code = problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	if (code != 0)
		goto out;
	rc = sqlite3_open_v2(path, &conn->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (conn->db)
		(void)sqlite3_extended_result_codes(conn->db, 1);
	if (rc == SQLITE_OK)
		rc = settle(conn);
	code = sqlite_problem(conn->db, rc, "opening", problem);
	if (code == 0 && use == CONN_WRITES)
		code = make_ours(conn, problem);
out:
	free(path);
	if (code == 0)
		*ret_conn = &conn->conn;
	else
		close_conn(&conn->conn);
	return code;
}

static int control(struct conn *conn, const char *text)
{
	sqlite3 *db = sqlite_conn_of(conn)->db;

	return sqlite_code(db, sqlite_run_text(db, text), text);
}

static int begin(struct conn *conn)
{
	return control(conn, "BEGIN IMMEDIATE");
}

static int save(struct conn *conn)
{
	return control(conn, "SAVEPOINT one");
}

static int keep(struct conn *conn)
{
	return control(conn, "RELEASE one");
}

static int undo(struct conn *conn)
{
	return control(conn, "ROLLBACK TO one; RELEASE one");
}

static int commit(struct conn *conn)
{
	return control(conn, "COMMIT");
}

static bool in_group(const struct conn *conn)
{
	return !sqlite3_get_autocommit(sqlite_conn_of(conn)->db);
}

static void rollback(struct conn *conn)
{
	if (in_group(conn))
		(void)control(conn, "ROLLBACK");
}

const struct conn_engine conn_sqlite = {
        .open = open_conn,
        .close = close_conn,
        .migrate = sqlite_conn_migrate,
        .prepare = sqlite_conn_prepare,
        .run = sqlite_conn_run,
        .changed = sqlite_conn_changed,
        .begin = begin,
        .save = save,
        .keep = keep,
        .undo = undo,
        .commit = commit,
        .rollback = rollback,
        .in_group = in_group,
        .copy = sqlite_conn_copy,
        .integer = sqlite_row_integer,
        .text = sqlite_row_text,
        .blob = sqlite_row_blob,
        .is_null = sqlite_row_is_null,
};
