/* SPDX-License-Identifier: Apache-2.0 */
/* From the border to the database's own functions. */
#include "smsd/store/conn.h"

#include <assert.h>
#include <string.h>

#include "smsd/store/database.h"

int conn_open(struct database *database, enum conn_use use, struct conn **ret_conn,
              struct problem *problem)
{
	return database->engine->open(database, use, ret_conn, problem);
}

void conn_close(struct conn *conn)
{
	if (conn)
		conn->engine->close(conn);
}

int conn_migrate(struct conn *conn, const struct store_schema *schema, struct problem *problem)
{
	return conn->engine->migrate(conn, schema, problem);
}

int conn_prepare(struct conn *conn, const struct store_schema *schema, struct problem *problem)
{
	return conn->engine->prepare(conn, schema, problem);
}

int conn_run(struct conn *conn, enum store_statement statement, const struct store_value *values,
             size_t count, store_row_fn *fn, void *arg)
{
	return conn->engine->run(conn, statement, values, count, fn, arg);
}

int64_t conn_changed(const struct conn *conn)
{
	return conn->engine->changed(conn);
}

int conn_begin(struct conn *conn)
{
	return conn->engine->begin(conn);
}

int conn_save(struct conn *conn)
{
	return conn->engine->save(conn);
}

int conn_keep(struct conn *conn)
{
	return conn->engine->keep(conn);
}

int conn_undo(struct conn *conn)
{
	return conn->engine->undo(conn);
}

int conn_commit(struct conn *conn)
{
	return conn->engine->commit(conn);
}

void conn_rollback(struct conn *conn)
{
	conn->engine->rollback(conn);
}

bool conn_in_group(const struct conn *conn)
{
	return conn->engine->in_group(conn);
}

int conn_copy(struct conn *conn, const char *path, struct problem *problem)
{
	return conn->engine->copy(conn, path, problem);
}

/* The column's letter in the table is the one asked for. */
static int column_of(const struct store_row *row, unsigned column, char letter)
{
	assert(column < strlen(row->columns) && row->columns[column] == letter);
	return (int)column;
}

int64_t store_row_integer(const struct store_row *row, unsigned column)
{
	return row->engine->integer(row, column_of(row, column, 'i'));
}

const char *store_row_text(const struct store_row *row, unsigned column)
{
	return row->engine->text(row, column_of(row, column, 't'));
}

const void *store_row_blob(const struct store_row *row, unsigned column, size_t *ret_len)
{
	return row->engine->blob(row, column_of(row, column, 'b'), ret_len);
}

bool store_row_is_null(const struct store_row *row, unsigned column)
{
	assert(column < strlen(row->columns));
	return row->engine->is_null(row, (int)column);
}
