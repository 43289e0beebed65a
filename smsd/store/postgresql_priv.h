/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to PostgreSQL as the postgresql_*.c files see it. */
#pragma once

#include <libpq-fe.h>

#include "smsd/store/conn.h"
#include "smsd/store/schema.h"

struct database;

enum {
	POSTGRESQL_VERSION = 150000, /* the oldest that the tests run over */
	POSTGRESQL_TEXT_MAX = 512,   /* of what the server says */
	POSTGRESQL_LOCK = 0x534c534d,
	POSTGRESQL_LOCK_STORE = 1, /* the one smsd that writes */
	POSTGRESQL_LOCK_EVENTS = 2,
	POSTGRESQL_LOCK_WAIT_MS = 5000, /* for the end of one that was killed */
};

/* Types as the server numbers them. */
enum {
	POSTGRESQL_BYTES = 17,
	POSTGRESQL_INT8 = 20,
	POSTGRESQL_INT2 = 21,
	POSTGRESQL_INT4 = 23,
	POSTGRESQL_TEXT = 25,
	POSTGRESQL_VARCHAR = 1043,
};

struct postgresql_conn {
	struct conn conn;
	struct database *database;
	enum conn_use use;
	PGconn *pg;
	const struct store_schema *schema; /* since conn_prepare */
	bool *prepared;                    /* one a statement of it: by this connection */
	int64_t changed;
};

static inline struct postgresql_conn *postgresql_conn_of(const struct conn *conn)
{
	return (struct postgresql_conn *)(uintptr_t)conn;
}

/* ---- postgresql_link.c ---- */

enum postgresql_use {
	POSTGRESQL_READS,
	POSTGRESQL_WRITES,
	POSTGRESQL_HOLDS, /* writes, and has the lock of the one smsd */
};

/* A session of `database`: SL_EINVAL (no connection string), SL_EAGAIN, SL_ENOMEM. In `ret_why`
 * what was wrong, without the password. */
int postgresql_connect(struct database *database, enum postgresql_use use, PGconn **ret_pg,
                       char ret_why[POSTGRESQL_TEXT_MAX]) SL_NONNULL(1, 3, 4) SL_MUST;

/* Whether the session is there still; a statement of a lost one has failed with SL_EAGAIN. */
bool postgresql_is_lost(PGconn *pg);

/* Makes *pg anew when it is lost and it may be tried now (database.h): 0: it is there. SL_EAGAIN.
 * `made`: by this call, so that nothing is prepared in it. */
int postgresql_again(struct database *database, enum postgresql_use use, PGconn **pg,
                     bool *ret_made) SL_NONNULL(1, 3, 4) SL_MUST;

/* The lock of the one smsd that writes, for as long as the session is there. */
int postgresql_lock(PGconn *pg, unsigned wait_ms, int64_t *ret_locked) SL_NONNULL(1, 3) SL_MUST;

/* ---- postgresql_error.c ---- */

/* The store's code for `result` (NULL: there was no memory for one); the unexpected is logged with
 * `what`. */
int postgresql_code(PGconn *pg, const PGresult *result, const char *what) SL_NONNULL(3) SL_MUST;
/* As postgresql_code, and tells `problem`. */
int postgresql_problem(PGconn *pg, const PGresult *result, const char *what,
                       struct problem *problem) SL_NONNULL(3, 4) SL_MUST;
/* What the server said, in one line. */
void postgresql_said(PGconn *pg, const PGresult *result, char ret_text[POSTGRESQL_TEXT_MAX])
        SL_NONNULL(3);

/* Statements of ours without parameters or rows. */
int postgresql_run_text(PGconn *pg, const char *text) SL_NONNULL(1, 2) SL_MUST;
/* The first column of the first row, a number; `otherwise` when there is none or it is null. */
int postgresql_number(PGconn *pg, const char *text, int64_t otherwise, int64_t *ret_number)
        SL_NONNULL(1, 2, 4) SL_MUST;

/* ---- values on the wire ---- */

/* 64 bits as the server has them. */
void postgresql_put_integer(int64_t value, char ret_bytes[8]) SL_NONNULL(2);
/* Of 2, 4 or 8 bytes. */
int64_t postgresql_get_integer(const char *bytes, int len) SL_NONNULL(1);

/* ---- functions of conn_postgresql that are in files of their own ---- */
int postgresql_conn_migrate(struct conn *conn, const struct store_schema *schema,
                            struct problem *problem);
int postgresql_conn_prepare(struct conn *conn, const struct store_schema *schema,
                            struct problem *problem);
int postgresql_conn_run(struct conn *conn, enum store_statement statement,
                        const struct store_value *values, size_t count, store_row_fn *fn,
                        void *arg);
int64_t postgresql_conn_changed(const struct conn *conn);
int64_t postgresql_row_integer(const struct store_row *row, int column);
const char *postgresql_row_text(const struct store_row *row, int column);
const void *postgresql_row_blob(const struct store_row *row, int column, size_t *ret_len);
bool postgresql_row_is_null(const struct store_row *row, int column);
/* Makes the session anew when it was lost; SL_EAGAIN. */
int postgresql_conn_again(struct postgresql_conn *conn) SL_NONNULL(1) SL_MUST;
