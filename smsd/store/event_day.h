/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A day of events: the border behind which the databases are, as conn.h is for all else. With
 * SQLite a day is a file, DIR/YYYY-MM-DD.db, so that a day which is not asked for is never opened
 * and one that is old goes by its name; with PostgreSQL it is a partition of a table. Writing is
 * one thread's at a time; each reader has a day of its own. Codes are those of store.h; SL_EAGAIN:
 * the database is away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct database;
struct event_day;
struct event_days; /* all of them */
struct problem;

enum event_day_use { EVENT_DAY_READS, EVENT_DAY_WRITES };

enum {
	EVENT_DAY_MS = 24 * 3600 * 1000,
	EVENT_DAY_NAME_MAX = 16,
	EVENT_DAY_DEVICE_MAX = 256,
};

/*
 * What is added. Who it is, is (device, epoch, seq): once it is there, it is not added again.
 * `words`: what it is found by, a space between, of letters, digits, "_" and bytes beyond ASCII.
 */
struct event_record {
	int64_t time_ms; /* of this day: where it is filed */
	const char *device;
	uint64_t epoch, seq;
	const char *line; /* kept as it is */
	size_t len;
	const char *words;
	size_t words_len;
	bool added; /* set until event_day_commit returns: it was not there before */
};

/* A day is its number since 1970, UTC; "2026-01-31". */
int64_t event_day_of(int64_t time_ms);
void event_day_name(int64_t day, char ret_name[EVENT_DAY_NAME_MAX]) SL_NONNULL(2);

/* Where the days of `database` are; `directory` is for their files, and made. SL_ESYS, SL_EFULL,
 * SL_ENOMEM, SL_EAGAIN. */
int event_days_open(struct database *database, const char *directory, struct event_days **ret_days,
                    struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void event_days_close(struct event_days *days);

typedef int event_day_fn(void *arg, int64_t day);

/* The days that there are, in no order. Ends with the function's code when that is not 0. */
int event_day_list(struct event_days *days, event_day_fn *fn, void *arg) SL_NONNULL(1, 2) SL_MUST;
/* Bytes that a day takes on the disk; 0 when there is none, or it cannot be asked. */
int64_t event_day_size(struct event_days *days, int64_t day) SL_NONNULL(1);
/* It goes, with all that is in it; those who read it end as if it was still there. Nobody writes
 * it. */
int event_day_drop(struct event_days *days, int64_t day) SL_NONNULL(1) SL_MUST;

/* All of a day as it is at one moment into the empty file `path`, while others write it. SL_ENOENT;
 * SL_EUNSUPPORTED: the database has a program of its own for that. */
int event_day_copy(struct event_days *days, int64_t day, const char *path, struct problem *problem)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* EVENT_DAY_WRITES makes it. SL_ENOENT: there is none to read. SL_EMALFORMED: damaged, or made by a
 * newer smsd. */
int event_day_open(struct event_days *days, int64_t day, enum event_day_use use,
                   struct event_day **ret_day) SL_NONNULL(1, 4) SL_MUST;
void event_day_close(struct event_day *day);

/* One transaction: begun, what is added, committed: on the disk then; records stay where they are
 * until then. Times ascend within one, or it is slow. Anything but 0 undoes all since the
 * beginning.
 */
int event_day_begin(struct event_day *day) SL_NONNULL(1) SL_MUST;
int event_day_add(struct event_day *day, struct event_record *record) SL_NONNULL(1, 2) SL_MUST;
int event_day_commit(struct event_day *day) SL_NONNULL(1) SL_MUST;
void event_day_rollback(struct event_day *day) SL_NONNULL(1);

/* Places: an event has one number within its day, in the order of times; it never changes, and
 * what comes later with the same millisecond has a higher one. */
int64_t event_day_place(int64_t ms_of_day);
enum { EVENT_DAY_PLACES = 1 << 10 }; /* of a millisecond; beyond them the next one's are taken */

typedef int event_found_fn(void *arg, int64_t place, const char *line, size_t len);

/* What is asked of a day. */
struct event_query {
	const char
	        *words; /* it has all of them, "*" at one's end asks for its beginning; NULL: any */
	int64_t from, to;  /* places, `to` not included */
	unsigned wanted;   /* so many are likely to be enough */
	uint64_t until_ns; /* clock_now_ns: when it is to end, though not all was looked at */
};

/*
 * Latest first, until the function's code is not 0, which becomes the result, or until the time is
 * over, in the midst of a statement too. In *ret_before where it was: what is before that place was
 * not looked at; `from`: all was. Others may come that lack some of the words: who asks compares.
 */
int event_day_find(struct event_day *day, const struct event_query *query, event_found_fn *fn,
                   void *arg, int64_t *ret_before) SL_NONNULL(1, 2, 3, 5) SL_MUST;

/* Those of one device and epoch by their numbers, both included. */
struct event_numbers {
	const char *device;
	uint64_t epoch, first, last;
	unsigned limit; /* so many at most */
};

typedef int event_number_fn(void *arg, uint64_t seq, const char *line, size_t len);

/* What of them the day has, in the order of numbers, until the function's code is not 0, which
 * becomes the result. */
int event_day_read(struct event_day *day, const struct event_numbers *numbers, event_number_fn *fn,
                   void *arg) SL_NONNULL(1, 2, 3) SL_MUST;
