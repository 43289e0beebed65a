/* SPDX-License-Identifier: Apache-2.0 */
/* A day's file as the sqlite_event_*.c files see it. */
#pragma once

#include <sqlite3.h>

#include "lib/base/attr.h"
#include "smsd/store/event_engine.h"

struct sqlite_days {
	struct event_days days;
	char *directory;
};

struct sqlite_day {
	struct event_day day;
	sqlite3 *db;
	/* Of who writes: */
	sqlite3_stmt *add, *add_words, *add_stream, *find_stream, *last_before;
	int64_t last_ms, last_place; /* within the transaction: the millisecond of the last one */
	int64_t stream;              /* the row of the last one's device and epoch; 0: none */
	uint64_t stream_epoch;
	char stream_device[EVENT_DAY_DEVICE_MAX];
};

static inline struct sqlite_day *sqlite_day_of(struct event_day *day)
{
	return (struct sqlite_day *)day;
}

/* ---- sqlite_event_walk.c ---- */

enum { SQLITE_WALK_WORDS = 8 };

/* Whole words, the first few that are asked for: where these meet, the others may not be. */
struct sqlite_walk {
	sqlite3 *db;
	sqlite3_stmt *line;
	struct sqlite_word {
		sqlite3_stmt *stmt;
		int64_t at; /* its place; INT64_MAX: not looked for yet */
	} words[SQLITE_WALK_WORDS];
	unsigned count;
};

/* To be closed, whatever it returns. */
int sqlite_walk_open(struct sqlite_walk *walk, sqlite3 *db, const char *words)
        SL_NONNULL(1, 2, 3) SL_MUST;
void sqlite_walk_close(struct sqlite_walk *walk) SL_NONNULL(1);
/* As event_span_fn; the database's progress handler cuts it short. */
int sqlite_walk_span(struct sqlite_walk *walk, int64_t from, int64_t to, event_found_fn *fn,
                     void *arg, int64_t *ret_before) SL_NONNULL(1, 4, 6) SL_MUST;

/* ---- sqlite_event_find.c ---- */

/* A statement of a search; `match` is its first parameter, NULL: it has none yet. To be finalized,
 * whatever it returns. */
int sqlite_search_prepare(sqlite3 *db, const char *text, const char *match, sqlite3_stmt **ret_stmt)
        SL_NONNULL(1, 2, 4) SL_MUST;

int sqlite_day_find(struct event_day *day, const struct event_query *query, event_found_fn *fn,
                    void *arg, int64_t *ret_before);
int sqlite_day_read(struct event_day *day, const struct event_numbers *numbers, event_number_fn *fn,
                    void *arg);
