/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { POOL_MAX = 4 };

#define SERVER "SLUICE_TEST_POSTGRESQL" /* tests/lib/postgresql sets it */

bool test_database_is_postgresql(void)
{
	return getenv(SERVER);
}

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static PGresult *run(const char *connection, const char *text)
{
	PGconn *pg = PQconnectdb(connection);
	PGresult *result;
	ExecStatusType status;

	(void)PQsetNoticeReceiver(pg, ignore_notice, NULL);
	result = PQexec(pg, text);
	status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQerrorMessage(pg));
	PQfinish(pg);
	return result;
}

static const char *name_of(const char *connection)
{
	const char *name = connection;

	while (strstr(name, "dbname="))
		name = strstr(name, "dbname=") + strlen("dbname=");
	return name;
}

/* Making and dropping one costs the server a sync of all it has: a program's tests use the same
 * ones, emptied. The server goes with all of them. */
static struct {
	char name[32];
	bool used;
} pool[POOL_MAX];

/* The last of two names counts. */
static char *connection_of(const char *name)
{
	char *connection = NULL;

	assert_true(asprintf(&connection, "%s dbname=%s", getenv(SERVER), name) > 0);
	return connection;
}

char *test_database_make_with(const char *options)
{
	static unsigned count;
	char text[160], name[32];

	(void)snprintf(name, sizeof(name), "unit_%d_%u", (int)getpid(), ++count);
	(void)snprintf(text, sizeof(text), "CREATE DATABASE %s TEMPLATE template0%s", name,
	               options);
	test_database_run(getenv(SERVER), text);
	return connection_of(name);
}

char *test_database_make(void)
{
	unsigned i = 0;
	char *connection;

	if (!test_database_is_postgresql())
		return NULL;
	while (i < POOL_MAX && pool[i].used)
		i++;
	assert_true(i < POOL_MAX);
	pool[i].used = true;
	if (pool[i].name[0])
		return connection_of(pool[i].name);
	connection = test_database_make_with("");
	(void)snprintf(pool[i].name, sizeof(pool[i].name), "%s", name_of(connection));
	return connection;
}

/* From the server's own database. */
static void run_about(const char *connection, const char *before, const char *after)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s%s%s", before, name_of(connection), after);
	test_database_run(getenv(SERVER), text);
}

void test_database_drop(char *connection)
{
	unsigned i = 0;

	if (!connection)
		return;
	while (i < POOL_MAX && strcmp(pool[i].name, name_of(connection)) != 0)
		i++;
	if (i < POOL_MAX) {
		test_database_end_sessions(connection, false);
		test_database_run(connection, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
		pool[i].used = false;
	}
	free(connection);
}

void test_database_run(const char *connection, const char *text)
{
	PQclear(run(connection, text));
}

void test_database_end_sessions(const char *connection, bool closed)
{
	if (closed)
		run_about(connection, "ALTER DATABASE ", " ALLOW_CONNECTIONS false");
	run_about(connection,
	          "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '",
	          "'");
}

void test_database_open_again(const char *connection)
{
	run_about(connection, "ALTER DATABASE ", " ALLOW_CONNECTIONS true");
}
