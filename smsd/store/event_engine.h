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
 * A search by spans of places, from the latest on, whose length follows from what the last one
 * took. `span_fn` looks at one span whole; SL_ETIMEOUT: that was too much, a shorter one is tried.
 */
typedef int event_span_fn(void *arg, int64_t from, int64_t to);

struct event_walk {
	int64_t first; /* places of the first span */
	event_span_fn *span_fn;
	void *arg;
};

/* As event_day_find: the query's words are the function's business. */
int event_walk_spans(const struct event_walk *walk, const struct event_query *query,
                     int64_t *ret_before) SL_NONNULL(1, 2, 3) SL_MUST;
