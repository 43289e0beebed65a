/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the database: what the rest of the store needs of it, and the border behind
 * which the databases are (sqlite_*.c, postgresql_*.c): each is a table of these functions. One
 * thread at a time. Inside smsd/store only. Codes are those of store.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/store/store.h"

struct conn_engine;
struct database;
struct problem;
struct store_schema;

enum conn_use { CONN_READS, CONN_WRITES };

/* What each database's own begins with. */
struct conn {
	const struct conn_engine *engine;
};

struct store_row {
	const struct conn_engine *engine;
	const char *columns; /* their letters */
};

struct conn_engine {
	int (*open)(struct database *database, enum conn_use use, struct conn **ret_conn,
	            struct problem *problem);
	void (*close)(struct conn *conn);
	int (*migrate)(struct conn *conn, const struct store_schema *schema,
	               struct problem *problem);
	int (*prepare)(struct conn *conn, const struct store_schema *schema,
	               struct problem *problem);
	int (*run)(struct conn *conn, enum store_statement statement,
	           const struct store_value *values, size_t count, store_row_fn *fn, void *arg);
	int64_t (*changed)(const struct conn *conn);
	int (*begin)(struct conn *conn);
	int (*save)(struct conn *conn);
	int (*keep)(struct conn *conn);
	int (*undo)(struct conn *conn);
	int (*commit)(struct conn *conn);
	void (*rollback)(struct conn *conn);
	bool (*in_group)(const struct conn *conn);
	int (*copy)(struct conn *conn, const char *path, struct problem *problem);
	/* Of a row: the column's letter was looked at. */
	int64_t (*integer)(const struct store_row *row, int column);
	const char *(*text)(const struct store_row *row, int column);
	const void *(*blob)(const struct store_row *row, int column, size_t *ret_len);
	bool (*is_null)(const struct store_row *row, int column);
};

extern const struct conn_engine conn_sqlite, conn_postgresql;

/* CONN_WRITES makes the database when it is not there. SL_EBUSY: another smsd writes to it. */
int conn_open(struct database *database, enum conn_use use, struct conn **ret_conn,
              struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;
void conn_close(struct conn *conn);

/* Brings the database forward, one transaction a migration. On CONN_WRITES, before conn_prepare. */
int conn_migrate(struct conn *conn, const struct store_schema *schema, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Prepares all statements (those that read, on CONN_READS) and holds each to its row of the table.
 * SL_EINVAL: one is not understood, or not as its row says. */
int conn_prepare(struct conn *conn, const struct store_schema *schema, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* One statement of those prepared. SL_EAGAIN: the database is away. */
int conn_run(struct conn *conn, enum store_statement statement, const struct store_value *values,
             size_t count, store_row_fn *fn, void *arg) SL_NONNULL(1) SL_MUST;
int64_t conn_changed(const struct conn *conn) SL_NONNULL(1);

/* A group of writes: begin, then for each save and keep or undo, then commit or rollback. */
int conn_begin(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_save(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_keep(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_undo(struct conn *conn) SL_NONNULL(1) SL_MUST;
/* SL_ECLOSED: the database went away meanwhile, and nobody knows whether it has the group; with any
 * other code it has not. */
int conn_commit(struct conn *conn) SL_NONNULL(1) SL_MUST;
void conn_rollback(struct conn *conn) SL_NONNULL(1);

/* Whether the transaction that was begun is still there: a full disk may end it whole, and a
 * database that went away does. */
bool conn_in_group(const struct conn *conn) SL_NONNULL(1);

/* All of the database as it is at one moment into the empty file `path`, synced.
 * SL_EUNSUPPORTED: it has a program of its own for that, which `problem` names. */
int conn_copy(struct conn *conn, const char *path, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
