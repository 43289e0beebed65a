/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A day of events as a partition of table `event`: event_2026_01_31, by the day's number. It is
 * written and read by its own name, so that neither asks for the others; the whole table is for
 * people. Lines are bytes: what devices send need not be UTF-8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"
#include "smsd/store/database.h"
#include "smsd/store/postgresql_event.h"

static struct postgresql_days *days_of(struct event_days *days)
{
	return (struct postgresql_days *)days;
}

/* ---- sessions ---------------------------------------------------------------------------- */

/* One of those kept; made anew when it was lost. SL_EAGAIN. */
static int take_session(struct postgresql_days *days, PGconn **ret_pg)
{
	PGconn *pg = NULL;
	bool made;
	int code;

	(void)pthread_mutex_lock(&days->mutex);
	if (days->count > 0)
		pg = days->kept[--days->count];
	(void)pthread_mutex_unlock(&days->mutex);
	code = postgresql_again(days->database, POSTGRESQL_READS, &pg, &made);
	/* The order of places is asked for by their index, never by reading all. */
	if (code == 0 && made)
		code = postgresql_run_text(pg, "SET enable_seqscan = off;"
		                               " SET max_parallel_workers_per_gather = 0");
	if (code == 0)
		*ret_pg = pg;
	else
		PQfinish(pg);
	return code;
}

static void give_session(struct postgresql_days *days, PGconn *pg)
{
	(void)pthread_mutex_lock(&days->mutex);
	if (days->count < EVENT_SESSIONS_KEPT && !postgresql_is_lost(pg)) {
		days->kept[days->count++] = pg;
		pg = NULL;
	}
	(void)pthread_mutex_unlock(&days->mutex);
	PQfinish(pg);
}

/* A number, by a session that was lost only just and is made anew once. */
static int ask_number(struct postgresql_days *days, const char *text, int64_t *ret)
{
	int code = SL_EAGAIN;

	for (unsigned tries = 0; tries < 2 && code == SL_EAGAIN; tries++) {
		PGconn *pg;

		code = take_session(days, &pg);
		if (code != 0)
			break;
		code = postgresql_number(pg, text, 0, ret);
		give_session(days, pg);
	}
	return code;
}

/* ---- days -------------------------------------------------------------------------------- */

static void table_of(int64_t day, char ret_table[EVENT_TABLE_MAX])
{
	char name[EVENT_DAY_NAME_MAX];

	event_day_name(day, name);
	(void)snprintf(ret_table, EVENT_TABLE_MAX, "event_%s", name);
	for (char *c = ret_table; *c; c++)
		if (*c == '-')
			*c = '_';
}

/* The number of "event_2026_01_31". */
static bool day_of_table(const char *table, int64_t *ret_day)
{
	char again[EVENT_TABLE_MAX];
	struct tm tm = {0};
	const char *rest = strptime(table, "event_%Y_%m_%d", &tm);

	if (!rest || *rest)
		return false;
	*ret_day = (int64_t)timegm(&tm) / (EVENT_DAY_MS / 1000);
	table_of(*ret_day, again);
	return strcmp(again, table) == 0;
}

static const char tables_text[] = "SELECT c.relname FROM pg_inherits i JOIN pg_class c"
                                  " ON c.oid = i.inhrelid WHERE i.inhparent = 'event'::regclass";

static int read_tables(struct postgresql_days *days, PGresult **ret_result)
{
	int code = SL_EAGAIN;

	for (unsigned tries = 0; tries < 2 && code == SL_EAGAIN; tries++) {
		PGconn *pg;

		code = take_session(days, &pg);
		if (code != 0)
			break;
		*ret_result = PQexec(pg, tables_text);
		code = postgresql_code(pg, *ret_result, "the days of events");
		if (code != 0)
			PQclear(*ret_result);
		give_session(days, pg);
	}
	return code;
}

static int list(struct event_days *days, event_day_fn *fn, void *arg)
{
	PGresult *result = NULL;
	int64_t day;
	int code = read_tables(days_of(days), &result);

	if (code != 0)
		return code;
	for (int i = 0; i < PQntuples(result) && code == 0; i++)
		if (day_of_table(PQgetvalue(result, i, 0), &day))
			code = fn(arg, day);
	PQclear(result);
	return code;
}

static int64_t size_of(struct event_days *days, int64_t day)
{
	char table[EVENT_TABLE_MAX], text[EVENT_TEXT_MAX];
	int64_t size = 0;

	table_of(day, table);
	(void)snprintf(text, sizeof(text), "SELECT pg_total_relation_size(to_regclass('%s'))",
	               table);
	return ask_number(days_of(days), text, &size) == 0 ? size : 0;
}

static int write_session(struct postgresql_days *days)
{
	bool made;
	int code = postgresql_again(days->database, POSTGRESQL_WRITES, &days->writer, &made);

	/* Of an index of words: what came is sorted into it in larger lots. Locks: a pg_dump may
	 * read a table for hours; then a day goes another time. */
	if (code == 0 && made)
		code = postgresql_run_text(days->writer,
		                           "SET work_mem = '64MB'; SET lock_timeout = '10s'");
	return code;
}

static int drop(struct event_days *base, int64_t day)
{
	struct postgresql_days *days = days_of(base);
	char table[EVENT_TABLE_MAX], text[EVENT_TEXT_MAX];
	int code = write_session(days);

	table_of(day, table);
	(void)snprintf(text, sizeof(text), "DROP TABLE IF EXISTS %s", table);
	return code == 0 ? postgresql_run_text(days->writer, text) : code;
}

/* ---- opening ----------------------------------------------------------------------------- */

static int make_table(PGconn *pg, const struct postgresql_day *day)
{
	char text[EVENT_TEXT_MAX];

	/* Attached, not made as a partition: that would wait for whoever reads any day. */
	(void)snprintf(text, sizeof(text),
	               "BEGIN; CREATE TABLE %s (LIKE event, CHECK (day = %lld),"
	               " PRIMARY KEY (place), UNIQUE (stream, seq));"
	               "CREATE INDEX %s_words ON %s USING gin (words)"
	               " WITH (fastupdate = on, gin_pending_list_limit = %d);"
	               "ALTER TABLE event ATTACH PARTITION %s FOR VALUES FROM (%lld) TO (%lld);"
	               "COMMIT",
	               day->table, (long long)day->number, day->table, day->table,
	               EVENT_PENDING_KIB, day->table, (long long)day->number,
	               (long long)day->number + 1);
	return postgresql_run_text(pg, text);
}

static int is_there(PGconn *pg, const char *table, int64_t *ret_there)
{
	char text[EVENT_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "SELECT CAST(to_regclass('%s') IS NOT NULL AS INTEGER)",
	               table);
	return postgresql_number(pg, text, 0, ret_there);
}

static int open_writing(struct postgresql_day *day)
{
	int64_t there = 0;
	int code = SL_EAGAIN;

	for (unsigned tries = 0; tries < 2 && code == SL_EAGAIN; tries++) {
		code = write_session(day->days);
		if (code != 0)
			break;
		code = is_there(day->days->writer, day->table, &there);
	}
	if (code == 0 && !there)
		code = make_table(day->days->writer, day);
	if (code != 0 && !postgresql_is_lost(day->days->writer) &&
	    PQtransactionStatus(day->days->writer) != PQTRANS_IDLE &&
	    postgresql_run_text(day->days->writer, "ROLLBACK") != 0)
		return code;
	return code;
}

static int open_reading(struct postgresql_day *day)
{
	int64_t there = 0;
	int code = SL_EAGAIN;

	for (unsigned tries = 0; tries < 2 && code == SL_EAGAIN; tries++) {
		PQfinish(day->reader);
		day->reader = NULL;
		code = take_session(day->days, &day->reader);
		if (code != 0)
			break;
		code = is_there(day->reader, day->table, &there);
	}
	return code == 0 && !there ? SL_ENOENT : code;
}

static void close_day(struct event_day *base)
{
	struct postgresql_day *day = postgresql_day_of(base);

	if (day->reader)
		give_session(day->days, day->reader);
	free(day->records);
	free(day);
}

static int open_day(struct event_days *days, int64_t number, enum event_day_use use,
                    struct event_day **ret_day)
{
	struct postgresql_day *day = calloc(1, sizeof(*day));
	int code;

	if (!day)
		return SL_ENOMEM;
	day->day.engine = &event_postgresql;
	day->days = days_of(days);
	day->number = number;
	table_of(number, day->table);
	code = use == EVENT_DAY_WRITES ? open_writing(day) : open_reading(day);
	if (code == 0)
		*ret_day = &day->day;
	else
		close_day(&day->day);
	return code;
}

/* ---- the whole --------------------------------------------------------------------------- */

static const char all_text[] =
        "BEGIN;"
        "CREATE TABLE IF NOT EXISTS event_stream (id BIGINT GENERATED BY DEFAULT AS IDENTITY"
        " PRIMARY KEY, device TEXT NOT NULL, epoch BIGINT NOT NULL, UNIQUE (device, epoch));"
        "CREATE TABLE IF NOT EXISTS event (day BIGINT NOT NULL, place BIGINT NOT NULL,"
        " stream BIGINT NOT NULL, seq BIGINT NOT NULL, words TSVECTOR NOT NULL,"
        " line BYTEA NOT NULL) PARTITION BY RANGE (day);"
        "COMMIT";

static void close_days(struct event_days *base)
{
	struct postgresql_days *days = days_of(base);

	while (days->count > 0)
		PQfinish(days->kept[--days->count]);
	PQfinish(days->writer);
	(void)pthread_mutex_destroy(&days->mutex);
	free(days);
}

static int open_days(struct database *database, const char *directory, struct event_days **ret_days,
                     struct problem *problem)
{
	struct postgresql_days *days = calloc(1, sizeof(*days));
	int code;

	(void)directory;
	if (!days)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	days->days.engine = &event_postgresql;
	days->database = database;
	(void)pthread_mutex_init(&days->mutex, NULL);
	code = write_session(days);
	if (code == 0)
		code = postgresql_run_text(days->writer, all_text);
	if (code != 0) {
		close_days(&days->days);
		return problem_add(problem, code, "", "", "the tables of events: %s",
		                   err_text(code));
	}
	*ret_days = &days->days;
	return 0;
}

const struct event_engine event_postgresql = {
        .open_days = open_days,
        .close_days = close_days,
        .list = list,
        .size = size_of,
        .drop = drop,
        .open = open_day,
        .close = close_day,
        .begin = postgresql_day_begin,
        .add = postgresql_day_add,
        .commit = postgresql_day_commit,
        .rollback = postgresql_day_rollback,
        .find = postgresql_day_find,
        .read = postgresql_day_read,
};
