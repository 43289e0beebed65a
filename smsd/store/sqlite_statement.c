/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of the table: preparing, binding, running; and the rows they give. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/sqlite_priv.h"

/* A row of the table that its text does not bear out. */
static int mistaken(const struct statement_text *text, const char *how, struct problem *problem)
{
	return problem_add(problem, SL_EINVAL, "", "", "statement %s: %s", text->id, how);
}

/* $1 is a name to SQLite and no number: where each is, is asked. */
static int find_places(struct prepared *p, const struct statement_text *text,
                       struct problem *problem)
{
	size_t count = strlen(text->parameters);
	char name[8];

	if (count > STORE_PARAMETERS_MAX)
		return mistaken(text, "too many parameters", problem);
	if ((size_t)sqlite3_bind_parameter_count(p->stmt) != count)
		return mistaken(text, "other parameters than its letters say", problem);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "$%zu", i + 1);
		p->place[i] = sqlite3_bind_parameter_index(p->stmt, name);
		if (p->place[i] == 0)
			return mistaken(text, "its parameters are not $1, $2, ...", problem);
	}
	if ((size_t)sqlite3_column_count(p->stmt) != strlen(text->columns))
		return mistaken(text, "other columns than its letters say", problem);
	return 0;
}

static int prepare(struct sqlite_conn *conn, const struct statement_text *text, struct prepared *p,
                   struct problem *problem)
{
	const char *rest;
	int rc = sqlite3_prepare_v3(conn->db, text->text, -1, SQLITE_PREPARE_PERSISTENT, &p->stmt,
	                            &rest);
	int code;

	if (rc != SQLITE_OK)
		return sqlite_problem(conn->db, rc, text->id, problem);
	if (!p->stmt || *rest != '\0')
		return mistaken(text, "not one statement", problem);
	code = find_places(p, text, problem);
	if (code == 0 && conn->use == CONN_READS && !sqlite3_stmt_readonly(p->stmt)) {
		(void)sqlite3_finalize(p->stmt);
		p->stmt = NULL;
	}
	return code;
}

int sqlite_conn_prepare(struct conn *base, const struct store_schema *schema,
                        struct problem *problem)
{
	struct sqlite_conn *conn = sqlite_conn_of(base);
	int code = 0;

	conn->prepared = calloc(schema->statement_count + 1, sizeof(*conn->prepared));
	if (!conn->prepared)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	conn->schema = schema;
	for (size_t i = 0; i < schema->statement_count && code == 0; i++)
		code = prepare(conn, &schema->statements[i], &conn->prepared[i], problem);
	return code;
}

static int bind(sqlite3_stmt *stmt, int place, const struct store_value *value)
{
	switch (value->type) {
	case STORE_INTEGER:
		return sqlite3_bind_int64(stmt, place, value->integer);
	case STORE_TEXT:
		return sqlite3_bind_text64(stmt, place, value->data, value->len, SQLITE_STATIC,
		                           SQLITE_UTF8);
	case STORE_BLOB:
		/* SQLite takes no bytes at NULL for a null. */
		if (value->len == 0)
			return sqlite3_bind_zeroblob(stmt, place, 0);
		return sqlite3_bind_blob64(stmt, place, value->data, value->len, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(stmt, place);
	}
}

static int bind_all(const struct prepared *p, const struct statement_text *text,
                    const struct store_value *values, size_t count)
{
	int rc = SQLITE_OK;

	assert(count == strlen(text->parameters));
	for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
		assert(store_value_fits(&values[i], text->parameters[i]));
		rc = bind(p->stmt, p->place[i], &values[i]);
	}
	return rc;
}

/* Steps until the end, or until `fn` has enough; *ret_code is what `fn` ended it with. */
static int step_all(sqlite3_stmt *stmt, const char *columns, store_row_fn *fn, void *arg,
                    int *ret_code)
{
	struct sqlite_row row = {{&conn_sqlite, columns}, stmt};
	int rc, code = 0;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (fn)
			code = fn(arg, &row.row);
		if (code != 0)
			break;
	}
	*ret_code = code < 0 ? code : 0;
	return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

int sqlite_conn_run(struct conn *base, enum store_statement statement,
                    const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	const struct sqlite_conn *conn = sqlite_conn_of(base);
	const struct statement_text *text = &conn->schema->statements[statement];
	const struct prepared *p = &conn->prepared[statement];
	int rc, code, said = 0;

	assert((size_t)statement < conn->schema->statement_count);
	assert(p->stmt && !sqlite3_stmt_busy(p->stmt));
	rc = bind_all(p, text, values, count);
	if (rc == SQLITE_OK)
		rc = step_all(p->stmt, text->columns, fn, arg, &said);
	code = sqlite_code(conn->db, rc, text->id);
	(void)sqlite3_reset(p->stmt);
	(void)sqlite3_clear_bindings(p->stmt);
	return code != 0 ? code : said;
}

int64_t sqlite_conn_changed(const struct conn *conn)
{
	return sqlite3_changes64(sqlite_conn_of(conn)->db);
}

static sqlite3_stmt *stmt_of(const struct store_row *row)
{
	return ((const struct sqlite_row *)row)->stmt;
}

int64_t sqlite_row_integer(const struct store_row *row, int column)
{
	return sqlite3_column_int64(stmt_of(row), column);
}

const char *sqlite_row_text(const struct store_row *row, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt_of(row), column);

	return text ? (const char *)text : "";
}

const void *sqlite_row_blob(const struct store_row *row, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(stmt_of(row), column);

	*ret_len = (size_t)sqlite3_column_bytes(stmt_of(row), column);
	return data;
}

bool sqlite_row_is_null(const struct store_row *row, int column)
{
	return sqlite3_column_type(stmt_of(row), column) == SQLITE_NULL;
}
