/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to PostgreSQL: opening, what is asked of the server, groups of writes. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/database.h"
#include "smsd/store/postgresql_priv.h"

#define CREATE "createdb --template template0 --encoding UTF8 --locale C NAME"

/* Names are in the order of their bytes, as with SQLite: pages go on by it, and documents are the
 * same whatever database made them. */
static int check_server(PGconn *pg, struct problem *problem)
{
	int64_t orders = 0, utf8 = 0;
	int code;

	if (PQserverVersion(pg) < POSTGRESQL_VERSION)
		return problem_add(problem, SL_EREFUSED, "", "install PostgreSQL 15 or newer",
		                   "the database's server is PostgreSQL %d.%d",
		                   PQserverVersion(pg) / 10000, PQserverVersion(pg) % 10000);
	code = postgresql_number(pg,
	                         "SELECT CAST('B' < 'a' AND 'a b' < 'a!b' AND 'z' < '\u00e9'"
	                         " AS INTEGER)",
	                         0, &orders);
	if (code == 0)
		code = postgresql_number(pg,
		                         "SELECT CAST(pg_encoding_to_char(encoding) = 'UTF8' AS"
		                         " INTEGER) FROM pg_database WHERE datname ="
		                         " current_database()",
		                         0, &utf8);
	if (code != 0)
		return problem_add(problem, code, "", "", "the database cannot be read: %s",
		                   err_text(code));
	if (!orders || !utf8)
		return problem_add(problem, SL_EREFUSED, "", "make it with: " CREATE,
		                   "the database's encoding is not UTF8, or its locale not C");
	return 0;
}

static int take_lock(PGconn *pg, struct problem *problem)
{
	int64_t locked = 0;
	int code = postgresql_lock(pg, POSTGRESQL_LOCK_WAIT_MS, &locked);

	if (code != 0)
		return problem_add(problem, code, "", "", "the database's lock: %s",
		                   err_text(code));
	if (!locked)
		return problem_add(problem, SL_EBUSY, "",
		                   "stop the other one, or name another database",
		                   "another smsd uses this database");
	return 0;
}

static void close_conn(struct conn *base)
{
	struct postgresql_conn *conn = postgresql_conn_of(base);

	PQfinish(conn->pg);
	free(conn->prepared);
	free(conn);
}

static enum postgresql_use use_of(enum conn_use use)
{
	return use == CONN_WRITES ? POSTGRESQL_HOLDS : POSTGRESQL_READS;
}

static int open_conn(struct database *database, enum conn_use use, struct conn **ret_conn,
                     struct problem *problem)
{
	struct postgresql_conn *conn = calloc(1, sizeof(*conn));
	char why[POSTGRESQL_TEXT_MAX];
	int code;

	if (!conn)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	conn->conn.engine = &conn_postgresql;
	conn->database = database;
	conn->use = use;
	code = postgresql_connect(database, use_of(use), &conn->pg, why);
	if (code != 0)
		(void)problem_add(problem, code, "", "", "the database: %s", why);
	else if (use == CONN_WRITES)
		code = check_server(conn->pg, problem);
	if (code == 0 && use == CONN_WRITES)
		code = take_lock(conn->pg, problem);
	if (code == 0)
		*ret_conn = &conn->conn;
	else
		close_conn(&conn->conn);
	return code;
}

int postgresql_conn_again(struct postgresql_conn *conn)
{
	bool made;
	int code = postgresql_again(conn->database, use_of(conn->use), &conn->pg, &made);

	if (made && conn->schema)
		memset(conn->prepared, 0, conn->schema->statement_count * sizeof(*conn->prepared));
	return code;
}

/* A session that was lost shows at the first statement of a group: that one is tried again. */
static int begin(struct conn *base)
{
	struct postgresql_conn *conn = postgresql_conn_of(base);
	int code = postgresql_conn_again(conn);

	if (code == 0)
		code = postgresql_run_text(conn->pg, "BEGIN");
	if (code == 0 || !postgresql_is_lost(conn->pg))
		return code;
	code = postgresql_conn_again(conn);
	return code == 0 ? postgresql_run_text(conn->pg, "BEGIN") : code;
}

static int save(struct conn *conn)
{
	return postgresql_run_text(postgresql_conn_of(conn)->pg, "SAVEPOINT one");
}

static int keep(struct conn *conn)
{
	return postgresql_run_text(postgresql_conn_of(conn)->pg, "RELEASE one");
}

static int undo(struct conn *conn)
{
	return postgresql_run_text(postgresql_conn_of(conn)->pg, "ROLLBACK TO one; RELEASE one");
}

/* A transaction that had failed is answered with ROLLBACK, and no error. */
static int commit(struct conn *base)
{
	PGconn *pg = postgresql_conn_of(base)->pg;
	PGresult *result = PQexec(pg, "COMMIT");
	int code = postgresql_code(pg, result, "COMMIT");

	if (code == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0)
		code = SL_EIO;
	if (postgresql_is_lost(pg))
		code = SL_ECLOSED;
	PQclear(result);
	return code;
}

static bool in_group(const struct conn *conn)
{
	PGTransactionStatusType status = PQtransactionStatus(postgresql_conn_of(conn)->pg);

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* A session that cannot be brought out of its transaction is none. */
static void rollback(struct conn *base)
{
	struct postgresql_conn *conn = postgresql_conn_of(base);

	if (!in_group(base) || postgresql_run_text(conn->pg, "ROLLBACK") == 0)
		return;
	PQfinish(conn->pg);
	conn->pg = NULL;
}

static int copy(struct conn *conn, const char *path, struct problem *problem)
{
	(void)conn;
	(void)path;
	return problem_add(problem, SL_EUNSUPPORTED, "",
	                   "use pg_dump --format=custom --file=F with the same connection",
	                   "a database of PostgreSQL is copied by its own pg_dump");
}

const struct conn_engine conn_postgresql = {
        .open = open_conn,
        .close = close_conn,
        .migrate = postgresql_conn_migrate,
        .prepare = postgresql_conn_prepare,
        .run = postgresql_conn_run,
        .changed = postgresql_conn_changed,
        .begin = begin,
        .save = save,
        .keep = keep,
        .undo = undo,
        .commit = commit,
        .rollback = rollback,
        .in_group = in_group,
        .copy = copy,
        .integer = postgresql_row_integer,
        .text = postgresql_row_text,
        .blob = postgresql_row_blob,
        .is_null = postgresql_row_is_null,
};
