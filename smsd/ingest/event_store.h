/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events at rest, by day: what devices sent is added, found, and goes when it is old. What was
 * added is on the disk and stays, and nothing is there twice. Any thread.
 * docs/internals/sms.md, "Events".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/ingest/intake_line.h"
#include "smsd/store/event_day.h"

struct database;
struct event_store;
struct problem;

enum {
	EVENT_STORE_WRITERS = 3, /* days open for writing: today, yesterday, one that came late */
	EVENT_STORE_BUDGET_MS = 100, /* what one search may take; then it says where to go on */
	EVENT_CURSOR_MAX = 48,
	EVENT_FILTER_TEXT_MAX = 256,
	EVENT_TAIL_LINES = 4096, /* of those that came last */
	EVENT_TAIL_BYTES = 8 * 1024 * 1024,
};

/* `database` outlives it. Makes `directory`, for days that are files, when it is not there.
 * SL_ESYS, SL_ENOMEM, SL_EAGAIN. */
int event_store_open(struct database *database, const char *directory,
                     struct event_store **ret_store, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
void event_store_close(struct event_store *store);

/*
 * Adds records of any days, and returns when they are on the disk. What others add meanwhile goes
 * in the same commit. Each record's `added` says whether it was new. SL_EFULL: the disk is full;
 * SL_EAGAIN: the database is away; SL_EIO. With an error some may be there: adding all again is
 * right, and adds none twice.
 */
int event_store_add(struct event_store *store, struct event_record *records, size_t count)
        SL_NONNULL(1, 2) SL_MUST;

/* ---- searching --------------------------------------------------------------------------- */

/* What is asked for; NULL: any. */
struct event_filter {
	int64_t from_ms, to_ms; /* both included; INT64_MIN and INT64_MAX: all */
	const char *field[INTAKE_FIELD_END];
	const char *address; /* the client's or the server's */
	const char *text;    /* all of its words are in the event's texts; "*" ends a beginning */
};

struct event_found {
	int64_t day, place; /* where it is: what a cursor is made of */
	const char *line;   /* until the function returns */
	size_t len;
};

typedef int event_store_fn(void *arg, const struct event_found *found);

/* "20484.88583372801" */
void event_cursor_text(int64_t day, int64_t place, char ret_text[EVENT_CURSOR_MAX]) SL_NONNULL(3);
/* SL_EINVAL. */
int event_cursor_read(const char *text, int64_t *ret_day, int64_t *ret_place)
        SL_NONNULL(1, 2, 3) SL_MUST;

/*
 * Latest first, `limit` at most, before the place of `cursor` ("": from the latest on). In
 * *ret_next where the next page begins: "" when there is nothing before. A search that has taken
 * its time ends early, perhaps with nothing found, and *ret_next says where it was: further than
 * `cursor`, however short the time. A positive code of `fn` is enough for now, and no error. Events
 * that come meanwhile move no others: pages neither repeat one nor leave one out that was there.
 */
int event_store_find(struct event_store *store, const struct event_filter *filter,
                     const char *cursor, unsigned limit, event_store_fn *fn, void *arg,
                     char ret_next[EVENT_CURSOR_MAX]) SL_NONNULL(1, 2, 3, 5, 7) SL_MUST;

/* The line is what is asked for; words that the day was asked by are hashes. */
bool event_filter_takes(const struct event_filter *filter, const struct intake_line *line)
        SL_NONNULL(1, 2);

/*
 * What came since `cursor`, in the order in which it came, `limit` at most; *ret_next is the cursor
 * to ask with next. "": from now on. What is kept in memory for this is bounded: *ret_missed counts
 * what had gone before it was asked for (it can be found). Nothing is kept when nobody asks. What
 * `fn` is given has the cursor behind it for day and place; a positive code of it is enough for
 * now, and no error.
 */
int event_store_tail(struct event_store *store, const struct event_filter *filter,
                     const char *cursor, unsigned limit, event_store_fn *fn, void *arg,
                     char ret_next[EVENT_CURSOR_MAX], uint64_t *ret_missed)
        SL_NONNULL(1, 2, 3, 5, 7, 8) SL_MUST;

/* `fn` is called whenever something came that event_store_tail has: by the thread that stored it,
 * so it takes no time and calls nothing of the store. NULL: no more, and none is under way. */
typedef void event_came_fn(void *arg);
void event_store_on_came(struct event_store *store, event_came_fn *fn, void *arg) SL_NONNULL(1);

/* Bytes that a day takes; 0 when there is none. */
int64_t event_store_day_size(struct event_store *store, int64_t day) SL_NONNULL(1);

/* ---- retention --------------------------------------------------------------------------- */

/* Days before `oldest` go, then the oldest until all take `max_bytes` (0: any) at most; today's
 * never. */
int event_store_sweep(struct event_store *store, int64_t oldest_day, int64_t max_bytes,
                      unsigned *ret_dropped) SL_NONNULL(1, 4) SL_MUST;
