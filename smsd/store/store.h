/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of smsd. Nothing above this folder knows SQL: a statement is a row of statement.def,
 * which says its parameters and columns; all are prepared when the store is opened, so that one
 * which the database does not understand stops smsd there.
 *
 * One thread of the store's own has the only connection that writes. What came while a commit was
 * on its way is committed together by the next (group commit); store_write returns when its write
 * is on the disk, or undone whole. Readers have connections of their own and see what is committed.
 * Any thread but the event thread: every call may wait.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct database;
struct problem;
struct store;
struct store_tx;  /* inside a write */
struct store_row; /* inside a row function */

enum store_statement {
#define STATEMENT(ID, parameters, columns, text) STORE_##ID,
#include "smsd/store/statement.def"
#undef STATEMENT
	STORE_STATEMENT_END
};

enum {
	STORE_GROUP_MAX = 256,     /* writes in one commit */
	STORE_QUEUE_MAX = 4096,    /* writes waiting; beyond it SL_EAGAIN */
	STORE_PARAMETERS_MAX = 24, /* of one statement */
	STORE_READERS_MAX = 16,
	STORE_VALUE_MAX = 64 * 1024 * 1024, /* bytes of a text or blob */
};

/* By the letters of `parameters` and `columns` in statement.def: i, t, b; a value of any letter may
 * be null. */
enum store_type { STORE_NULL, STORE_INTEGER, STORE_TEXT, STORE_BLOB };

struct store_value {
	enum store_type type;
	int64_t integer;
	const void *data; /* TEXT, BLOB: the caller's, until the call returns */
	size_t len;
};

struct store_value store_integer(int64_t value);
struct store_value store_text(const char *text); /* NULL: null */
struct store_value store_blob(const void *data, size_t len);
struct store_value store_null(void);

/* Called for each row; 0: go on, 1: enough, negative: ends the read with this code. Calls no
 * function of the store but store_row_*: a reader's place or the statement itself is taken. */
typedef int store_row_fn(void *arg, const struct store_row *row);

/* `column` from 0; of a null: 0, "" and NULL. Texts and blobs are valid until the function returns;
 * texts have no NUL within and one behind. */
int64_t store_row_integer(const struct store_row *row, unsigned column) SL_NONNULL(1);
const char *store_row_text(const struct store_row *row, unsigned column) SL_NONNULL(1);
const void *store_row_blob(const struct store_row *row, unsigned column, size_t *ret_len)
        SL_NONNULL(1, 3);
bool store_row_is_null(const struct store_row *row, unsigned column) SL_NONNULL(1);

/*
 * Opens the database, makes it or brings it forward from any released version, one transaction a
 * migration. `directory` (which is there) has the lock, and with SQLite the database; `connection`
 * is what libpq connects to PostgreSQL by, a string or URI, or NULL for SQLite. SL_EREFUSED: made
 * by a newer smsd, or not as smsd needs it. SL_EBUSY: another smsd has it. SL_EAGAIN: it is away.
 * SL_ESYS, SL_EMALFORMED (not ours, or damaged), SL_EFULL (no room), SL_EINVAL (a statement or
 * migration that the database does not understand; no connection string). `problem` says it in
 * words, without the connection's password. `readers` connections, 1 to STORE_READERS_MAX.
 */
int store_open(const char *directory, const char *connection, unsigned readers,
               struct store **ret_store, struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;

/* Which database it is, for those that keep more in it; the store's. */
struct database *store_database(struct store *store) SL_NONNULL(1);

/* Commits what waits, ends the writer's thread. No call may be under way. */
void store_close(struct store *store);

/*
 * Reads by one statement; `values` are as many as its parameters. SL_ENOMEM, SL_EIO (a damaged
 * database), SL_EAGAIN (the database is away; some rows may have been given), or the row function's
 * code. Waits when all readers are taken.
 */
int store_read(struct store *store, enum store_statement statement,
               const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
        SL_NONNULL(1) SL_MUST;

/* Runs in the writer's thread, so keep it short: no hash, no file, no certificate. 0 commits, any
 * other code undoes this write alone and becomes the result of store_write. May run twice when the
 * group it was in could not be committed: no side effects but on `arg`. */
typedef int store_tx_fn(void *arg, struct store_tx *tx);

/* Returns after the commit. SL_EAGAIN: too much waits, or the database is away; nothing was
 * written. SL_EFULL: the disk is full (nothing was written; smsd goes on reading, and writes again
 * when there is room). SL_EIO: the disk failed, or the database went away during the commit: the
 * write is there whole or not at all, and was not tried again. Not from within a write. */
int store_write(struct store *store, store_tx_fn *fn, void *arg) SL_NONNULL(1, 2) SL_MUST;

/* As store_read, within the write and seeing it; for statements of any kind (`fn` NULL: no rows
 * are looked at). SL_EEXIST: a unique key or a reference is violated; SL_EINVAL: another
 * constraint; SL_ERANGE: a value of more than 64 MiB. */
int store_tx_run(struct store_tx *tx, enum store_statement statement,
                 const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
        SL_NONNULL(1) SL_MUST;

/* Rows that the last statement changed. */
int64_t store_tx_changed(const struct store_tx *tx) SL_NONNULL(1);

/* A copy of the whole database as it is at one moment, made while others go on. `path` must not
 * exist. SL_EEXIST, SL_ESYS, SL_EFULL. */
int store_backup(struct store *store, const char *path, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The same of the SQLite database in `directory`, which another smsd may have open and write to.
 * SL_ENOENT: there is none. */
int store_backup_beside(const char *directory, const char *path, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
