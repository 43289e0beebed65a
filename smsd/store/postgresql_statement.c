/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of the table: preparing, running; and the rows they give. The writer prepares all when
 * it is opened, so that one that is not understood stops smsd there. After that, and on connections
 * that read, one is prepared when a session comes to it first: what a session never asks costs its
 * server nothing, and one that was lost is back at once.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/postgresql_priv.h"

enum { NAME_MAX_HERE = 16, BINARY = 1 };

struct row {
	struct store_row row;
	const PGresult *result; /* of one row */
};

/* A row of the table that its text does not bear out. */
static int mistaken(const struct statement_text *text, const char *how, struct problem *problem)
{
	return problem_add(problem, SL_EINVAL, "", "", "statement %s: %s", text->id, how);
}

static void name_of(enum store_statement statement, char ret_name[NAME_MAX_HERE])
{
	(void)snprintf(ret_name, NAME_MAX_HERE, "s%d", (int)statement);
}

static Oid type_of(char letter)
{
	return letter == 'i' ? POSTGRESQL_INT8 : letter == 't' ? POSTGRESQL_TEXT : POSTGRESQL_BYTES;
}

static PGresult *prepare(PGconn *pg, enum store_statement statement,
                         const struct statement_text *text)
{
	char name[NAME_MAX_HERE];
	Oid types[STORE_PARAMETERS_MAX];
	size_t count = strlen(text->parameters);

	for (size_t i = 0; i < count; i++)
		types[i] = type_of(text->parameters[i]);
	name_of(statement, name);
	return PQprepare(pg, name, text->text, (int)count, types);
}

/* ---- held to its row --------------------------------------------------------------------- */

/* A parameter whose type was said counts as one, whether it is in the text or not. */
static bool names_all(const struct statement_text *text)
{
	for (size_t i = 1; text->parameters[i - 1]; i++) {
		const char *at = text->text;
		bool found = false;

		while (!found && (at = strchr(at, '$')))
			found = strtoul(++at, NULL, 10) == i;
		if (!found)
			return false;
	}
	return true;
}

/* Sums of 64-bit integers are wider: CAST(SUM(x) AS BIGINT) is understood by both databases. */
static bool fits_column(Oid type, char letter)
{
	switch (type) {
	case POSTGRESQL_INT8:
	case POSTGRESQL_INT4:
	case POSTGRESQL_INT2:
		return letter == 'i';
	case POSTGRESQL_TEXT:
	case POSTGRESQL_VARCHAR:
		return letter == 't';
	case POSTGRESQL_BYTES:
		return letter == 'b';
	default:
		return false;
	}
}

static int compare(const PGresult *described, const struct statement_text *text,
                   struct problem *problem)
{
	char how[64];

	if ((size_t)PQnparams(described) != strlen(text->parameters) || !names_all(text))
		return mistaken(text, "other parameters than its letters say", problem);
	if ((size_t)PQnfields(described) != strlen(text->columns))
		return mistaken(text, "other columns than its letters say", problem);
	for (int i = 0; text->columns[i]; i++) {
		if (fits_column(PQftype(described, i), text->columns[i]))
			continue;
		(void)snprintf(how, sizeof(how), "column %d is of type %u, not '%c'", i,
		               (unsigned)PQftype(described, i), text->columns[i]);
		return mistaken(text, how, problem);
	}
	return 0;
}

static int prepare_and_compare(PGconn *pg, enum store_statement statement,
                               const struct statement_text *text, struct problem *problem)
{
	char name[NAME_MAX_HERE];
	PGresult *result;
	int code;

	if (strlen(text->parameters) > STORE_PARAMETERS_MAX)
		return mistaken(text, "too many parameters", problem);
	if (text->text[strspn(text->text, " \t\n")] == '\0')
		return mistaken(text, "not one statement", problem);
	result = prepare(pg, statement, text);
	code = postgresql_problem(pg, result, text->id, problem);
	PQclear(result);
	if (code != 0)
		return code;
	name_of(statement, name);
	result = PQdescribePrepared(pg, name);
	code = postgresql_problem(pg, result, text->id, problem);
	if (code == 0)
		code = compare(result, text, problem);
	PQclear(result);
	return code;
}

int postgresql_conn_prepare(struct conn *base, const struct store_schema *schema,
                            struct problem *problem)
{
	struct postgresql_conn *conn = postgresql_conn_of(base);
	int code = 0;

	conn->prepared = calloc(schema->statement_count + 1, sizeof(*conn->prepared));
	if (!conn->prepared)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	conn->schema = schema;
	if (conn->use == CONN_READS)
		return 0;
	for (size_t i = 0; i < schema->statement_count && code == 0; i++) {
		code = prepare_and_compare(conn->pg, (enum store_statement)i,
		                           &schema->statements[i], problem);
		conn->prepared[i] = code == 0;
	}
	return code;
}

/* ---- running ----------------------------------------------------------------------------- */

static int prepare_first(struct postgresql_conn *conn, enum store_statement statement,
                         const struct statement_text *text)
{
	PGresult *result;
	int code;

	if (conn->prepared[statement])
		return 0;
	result = prepare(conn->pg, statement, text);
	code = postgresql_code(conn->pg, result, text->id);
	PQclear(result);
	conn->prepared[statement] = code == 0;
	return code;
}

static int send(PGconn *pg, enum store_statement statement, const struct statement_text *text,
                const struct store_value *values, size_t count)
{
	char name[NAME_MAX_HERE], integers[STORE_PARAMETERS_MAX][8];
	const char *data[STORE_PARAMETERS_MAX];
	int lengths[STORE_PARAMETERS_MAX], formats[STORE_PARAMETERS_MAX];

	assert(count == strlen(text->parameters) && count <= STORE_PARAMETERS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(store_value_fits(&values[i], text->parameters[i]));
		if (values[i].len > STORE_VALUE_MAX)
			return SL_ERANGE;
		formats[i] = BINARY;
		lengths[i] = (int)values[i].len;
		data[i] = values[i].type == STORE_NULL ? NULL
		          : values[i].data             ? values[i].data
		                                       : "";
		if (values[i].type == STORE_INTEGER) {
			postgresql_put_integer(values[i].integer, integers[i]);
			data[i] = integers[i];
			lengths[i] = sizeof(integers[i]);
		}
	}
	name_of(statement, name);
	if (PQsendQueryPrepared(pg, name, (int)count, data, lengths, formats, BINARY) != 1)
		return postgresql_is_lost(pg) ? SL_EAGAIN : SL_ENOMEM;
	/* A row at a time: a table of any size takes the memory of one. */
	if (text->columns[0] && PQsetSingleRowMode(pg) != 1)
		return SL_EIO;
	return 0;
}

/* All of the answer, also what comes behind the last row that was wanted. *ret_rows: how many were
 * given to `fn`. */
static int take(struct postgresql_conn *conn, const struct statement_text *text, store_row_fn *fn,
                void *arg, unsigned *ret_rows, int *ret_said)
{
	PGresult *result;
	int code = 0;

	while ((result = PQgetResult(conn->pg))) {
		struct row row = {{&conn_postgresql, text->columns}, result};
		int here = postgresql_code(conn->pg, result, text->id);

		if (code == 0)
			code = here;
		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE && fn && *ret_said == 0) {
			++*ret_rows;
			*ret_said = fn(arg, &row.row);
		} else if (PQcmdTuples(result)[0] && !strstr(PQcmdStatus(result), "SELECT")) {
			conn->changed = strtoll(PQcmdTuples(result), NULL, 10);
		}
		PQclear(result);
	}
	return code;
}

static int run_once(struct postgresql_conn *conn, enum store_statement statement,
                    const struct store_value *values, size_t count, store_row_fn *fn, void *arg,
                    unsigned *ret_rows)
{
	const struct statement_text *text = &conn->schema->statements[statement];
	int code = prepare_first(conn, statement, text), said = 0;

	if (code == 0)
		code = send(conn->pg, statement, text, values, count);
	if (code == 0)
		code = take(conn, text, fn, arg, ret_rows, &said);
	if (code != 0)
		return code;
	return said < 0 ? said : 0;
}

/* A read that found its session lost is made once more, unless some of it was given already. */
int postgresql_conn_run(struct conn *base, enum store_statement statement,
                        const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	struct postgresql_conn *conn = postgresql_conn_of(base);
	unsigned rows = 0;
	int code;

	assert((size_t)statement < conn->schema->statement_count);
	if (conn->use == CONN_WRITES)
		return run_once(conn, statement, values, count, fn, arg, &rows);
	code = postgresql_conn_again(conn);
	if (code == 0)
		code = run_once(conn, statement, values, count, fn, arg, &rows);
	if (code != SL_EAGAIN || rows > 0 || !postgresql_is_lost(conn->pg))
		return code;
	code = postgresql_conn_again(conn);
	return code == 0 ? run_once(conn, statement, values, count, fn, arg, &rows) : code;
}

int64_t postgresql_conn_changed(const struct conn *conn)
{
	return postgresql_conn_of(conn)->changed;
}

static const PGresult *result_of(const struct store_row *row)
{
	return ((const struct row *)row)->result;
}

int64_t postgresql_row_integer(const struct store_row *row, int column)
{
	const PGresult *result = result_of(row);

	return postgresql_get_integer(PQgetvalue(result, 0, column),
	                              PQgetlength(result, 0, column));
}

const char *postgresql_row_text(const struct store_row *row, int column)
{
	return PQgetvalue(result_of(row), 0, column);
}

const void *postgresql_row_blob(const struct store_row *row, int column, size_t *ret_len)
{
	const PGresult *result = result_of(row);

	*ret_len = (size_t)PQgetlength(result, 0, column);
	return *ret_len > 0 ? PQgetvalue(result, 0, column) : NULL;
}

bool postgresql_row_is_null(const struct store_row *row, int column)
{
	return PQgetisnull(result_of(row), 0, column);
}
