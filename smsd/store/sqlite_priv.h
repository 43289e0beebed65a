/* SPDX-License-Identifier: Apache-2.0 */
/* The connection as the sqlite_*.c files see it. */
#pragma once

#include <sqlite3.h>

#include "smsd/store/conn.h"
#include "smsd/store/schema.h"

enum {
	SQLITE_BUSY_WAIT_MS = 5000,         /* for somebody's sqlite3 shell, or a checkpoint */
	SQLITE_ROW_MAX = STORE_VALUE_MAX,   /* bytes of a text, a blob or a row */
	SQLITE_LOG_KEEP = 64 * 1024 * 1024, /* bytes of -wal that stay after a burst */
	SQLITE_APPLICATION = 0x534c534d,    /* "SLSM", in the file's header: it is ours */
};

#define SQLITE_FILE "sms.db"

/* A statement made ready: where $1, $2, ... are in it. */
struct prepared {
	sqlite3_stmt *stmt; /* NULL: it writes and the connection does not */
	int place[STORE_PARAMETERS_MAX];
};

struct sqlite_conn {
	struct conn conn;
	sqlite3 *db;
	enum conn_use use;
	const struct store_schema *schema; /* since conn_prepare */
	struct prepared *prepared;         /* one a statement of it */
};

struct sqlite_row {
	struct store_row row;
	sqlite3_stmt *stmt;
};

/* Functions of conn_sqlite that are in files of their own. */
int sqlite_conn_migrate(struct conn *conn, const struct store_schema *schema,
                        struct problem *problem);
int sqlite_conn_copy(struct conn *conn, const char *path, struct problem *problem);
int sqlite_conn_prepare(struct conn *conn, const struct store_schema *schema,
                        struct problem *problem);
int sqlite_conn_run(struct conn *conn, enum store_statement statement,
                    const struct store_value *values, size_t count, store_row_fn *fn, void *arg);
int64_t sqlite_conn_changed(const struct conn *conn);
int64_t sqlite_row_integer(const struct store_row *row, int column);
const char *sqlite_row_text(const struct store_row *row, int column);
const void *sqlite_row_blob(const struct store_row *row, int column, size_t *ret_len);
bool sqlite_row_is_null(const struct store_row *row, int column);

static inline struct sqlite_conn *sqlite_conn_of(const struct conn *conn)
{
	return (struct sqlite_conn *)(uintptr_t)conn;
}

/* The store's code for what the last call on `db` gave; the unexpected is logged with `what`. */
int sqlite_code(sqlite3 *db, int rc, const char *what) SL_NONNULL(1, 3) SL_MUST;

/* As sqlite_code, and tells `problem`. */
int sqlite_problem(sqlite3 *db, int rc, const char *what, struct problem *problem)
        SL_NONNULL(1, 3, 4);

/* Statements of ours without parameters or rows. */
int sqlite_run_text(sqlite3 *db, const char *text) SL_NONNULL(1, 2) SL_MUST;

/* The first column of the first row; `otherwise` when there is none. */
int sqlite_number(sqlite3 *db, const char *text, int64_t otherwise, int64_t *ret_number)
        SL_NONNULL(1, 2, 4) SL_MUST;

/* All of `from` as it is at one moment into the empty file `path`, synced. */
int sqlite_copy(sqlite3 *from, const char *path, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* ---- of a file: sms.db, a day of events -------------------------------------------------- */

/* Makes it, its owner's alone. SL_EFULL, SL_ESYS. */
int sqlite_make_file(const char *path, struct problem *problem) SL_NONNULL(1, 2) SL_MUST;
/* Nothing that a file brings along is run, and the file's own tables cannot be overwritten. */
int sqlite_harden(sqlite3 *db) SL_NONNULL(1) SL_MUST;
/* Write-ahead log: readers and the writer do not wait for each other. */
int sqlite_use_log(sqlite3 *db) SL_NONNULL(1) SL_MUST;
