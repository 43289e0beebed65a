/* SPDX-License-Identifier: Apache-2.0 */
/* The database that tests run over: SQLite, or, when tests/lib/postgresql runs the program, a
 * database of PostgreSQL of each test's own. */
#pragma once

#include <stdbool.h>

bool test_database_is_postgresql(void);

/* A connection string of a new, empty database; NULL: SQLite. Ends the test when it cannot. */
char *test_database_make(void);
/* The same over PostgreSQL, with these options of CREATE DATABASE. */
char *test_database_make_with(const char *options);
/* Empties it, whoever is connected, and frees the string. NULL: nothing. */
void test_database_drop(char *connection);

/* Runs a statement in it, as somebody else. */
void test_database_run(const char *connection, const char *text);
/* Ends all sessions in it; with `closed` nobody gets a new one until it is opened again. */
void test_database_end_sessions(const char *connection, bool closed);
void test_database_open_again(const char *connection);
