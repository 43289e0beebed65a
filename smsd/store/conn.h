/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the database: what the rest of the store needs of it, and the border behind
 * which SQLite is (sqlite_*.c). A second database is another set of these functions. One thread at
 * a time. Inside smsd/store only. Codes are those of store.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/store/store.h"

struct conn;
struct problem;
struct store_schema;

enum conn_use { CONN_READS, CONN_WRITES };

/* A connection to the database in `directory`; CONN_WRITES makes it when it is not there. */
int conn_open(const char *directory, enum conn_use use, struct conn **ret_conn,
              struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;
void conn_close(struct conn *conn);

/* Brings the database forward, one transaction a migration. On CONN_WRITES, before conn_prepare. */
int conn_migrate(struct conn *conn, const struct store_schema *schema, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Prepares all statements (those that read, on CONN_READS) and holds each to its row of the table.
 * SL_EINVAL: one is not understood, or not as its row says. */
int conn_prepare(struct conn *conn, const struct store_schema *schema, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* One statement of those prepared. */
int conn_run(struct conn *conn, enum store_statement statement, const struct store_value *values,
             size_t count, store_row_fn *fn, void *arg) SL_NONNULL(1) SL_MUST;
int64_t conn_changed(const struct conn *conn) SL_NONNULL(1);

/* A group of writes: begin, then for each save and keep or undo, then commit or rollback. */
int conn_begin(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_save(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_keep(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_undo(struct conn *conn) SL_NONNULL(1) SL_MUST;
int conn_commit(struct conn *conn) SL_NONNULL(1) SL_MUST;
void conn_rollback(struct conn *conn) SL_NONNULL(1);

/* Whether the transaction that was begun is still there: a full disk may end it whole. */
bool conn_in_group(const struct conn *conn) SL_NONNULL(1);

/* All of the database as it is at one moment into the empty file `path`, synced. */
int conn_copy(struct conn *conn, const char *path, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
