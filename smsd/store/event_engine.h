/* SPDX-License-Identifier: Apache-2.0 */
/* What each database has behind event_day.h. Inside smsd/store only. */
#pragma once

#include "smsd/store/event_day.h"

/* What each database's own begin with. */
struct event_days {
	const struct event_engine *engine;
};

struct event_day {
	const struct event_engine *engine;
};

struct event_engine {
	int (*open_days)(struct database *database, const char *directory,
	                 struct event_days **ret_days, struct problem *problem);
	void (*close_days)(struct event_days *days);
	int (*list)(struct event_days *days, event_day_fn *fn, void *arg);
	int64_t (*size)(struct event_days *days, int64_t day);
	int (*drop)(struct event_days *days, int64_t day);
	/* NULL: the database has a program of its own for that. */
	int (*copy)(struct event_days *days, int64_t day, const char *path,
	            struct problem *problem);
	int (*open)(struct event_days *days, int64_t day, enum event_day_use use,
	            struct event_day **ret_day);
	void (*close)(struct event_day *day);
	int (*begin)(struct event_day *day);
	int (*add)(struct event_day *day, struct event_record *record);
	int (*commit)(struct event_day *day);
	void (*rollback)(struct event_day *day);
	int (*find)(struct event_day *day, const struct event_query *query, event_found_fn *fn,
	            void *arg, int64_t *ret_before);
	int (*read)(struct event_day *day, const struct event_numbers *numbers, event_number_fn *fn,
	            void *arg);
};

extern const struct event_engine event_sqlite, event_postgresql;

/*
 * Looks at the places [from, to) from the latest on, until `until_ns` (clock_now_ns; UINT64_MAX:
 * without an end). In *ret_before where it was, as event_day_find: `to` when the time was over
 * before anything could be said.
 */
typedef int event_span_fn(void *arg, int64_t from, int64_t to, uint64_t until_ns,
                          int64_t *ret_before);

/*
 * Ways to what is asked for. By spans of places, from the latest on: quick for what is common;
 * their length follows from what the last one took, and one that was too much is tried by shorter
 * ones. By an index, which may take as long for a second as for a day: quick for what is rare. Who
 * has both asks the index for a while; what that cannot do is common, and the spans go on.
 */
enum { EVENT_SPAN_NS = 40 * 1000 * 1000 }; /* what one may take before it is cut short */

struct event_walk {
	int64_t first; /* places of the first span */
	event_span_fn *span_fn;
	event_span_fn *index_fn; /* NULL: there is none */
	uint64_t look_ns; /* by spans before the index is asked, of so much at most; 0: none */
	void *arg;
};

/* As event_day_find: the query's words are the functions' business, and its `to` is that of the
 * latest event. Something is looked at in every search, however short its time, so that one which
 * goes on comes to the end. */
int event_walk_find(const struct event_walk *walk, const struct event_query *query,
                    int64_t *ret_before) SL_NONNULL(1, 2, 3) SL_MUST;
