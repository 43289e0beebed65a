/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same of a day whatever database has it: its name, places within it, how a search goes
 * through them; and the way to the database's own functions. */
#include "smsd/store/event_day.h"

#include <stdio.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/store/database.h"
#include "smsd/store/event_engine.h"

enum { SPAN_GOAL_NS = 10 * 1000 * 1000, SPAN_GROWS = 8 };

int64_t event_day_of(int64_t time_ms)
{
	int64_t day = time_ms / EVENT_DAY_MS;

	return time_ms % EVENT_DAY_MS < 0 ? day - 1 : day;
}

void event_day_name(int64_t day, char ret_name[EVENT_DAY_NAME_MAX])
{
	time_t seconds = (time_t)(day * (EVENT_DAY_MS / 1000));
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    strftime(ret_name, EVENT_DAY_NAME_MAX, "%Y-%m-%d", &tm) == 0)
		ret_name[0] = '\0';
}

int64_t event_day_place(int64_t ms_of_day)
{
	return ms_of_day * EVENT_DAY_PLACES;
}

/* ---- searching --------------------------------------------------------------------------- */

/* The next span's length by what this one took. */
static int64_t next_span(int64_t span, uint64_t took_ns)
{
	if (took_ns < SPAN_GOAL_NS / 2)
		return SL_MIN(span, event_day_place(EVENT_DAY_MS)) * SPAN_GROWS;
	return took_ns > SPAN_GOAL_NS * 2 ? SL_MAX(span / 4, event_day_place(1)) : span;
}

int event_walk_spans(const struct event_walk *walk, const struct event_query *query,
                     int64_t *ret_before)
{
	int64_t to = query->to, span = walk->first;
	int code = 0;

	*ret_before = SL_MAX(query->from, to);
	/* A place beyond the day's is of a millisecond that was full. */
	if (to > event_day_place(EVENT_DAY_MS)) {
		to = SL_MAX(query->from, event_day_place(EVENT_DAY_MS));
		code = walk->span_fn(walk->arg, to, query->to);
		*ret_before = to;
	}
	while (code == 0 && query->from < to) {
		int64_t low = to - query->from > span ? to - span : query->from;
		uint64_t began = clock_now_ns();

		code = walk->span_fn(walk->arg, low, to);
		if (code == SL_ETIMEOUT && to - low > event_day_place(1)) {
			span = SL_MAX((to - low) / SPAN_GROWS, event_day_place(1));
			code = 0;
			continue;
		}
		span = next_span(span, clock_now_ns() - began);
		to = low;
		if (code == 0)
			*ret_before = low;
		if (clock_now_ns() >= query->until_ns)
			break;
	}
	return code;
}

/* ---- to the database --------------------------------------------------------------------- */

int event_days_open(struct database *database, const char *directory, struct event_days **ret_days,
                    struct problem *problem)
{
	const struct event_engine *engine =
	        database->connection ? &event_postgresql : &event_sqlite;

	return engine->open_days(database, directory, ret_days, problem);
}

void event_days_close(struct event_days *days)
{
	if (days)
		days->engine->close_days(days);
}

int event_day_list(struct event_days *days, event_day_fn *fn, void *arg)
{
	return days->engine->list(days, fn, arg);
}

int64_t event_day_size(struct event_days *days, int64_t day)
{
	return days->engine->size(days, day);
}

int event_day_drop(struct event_days *days, int64_t day)
{
	return days->engine->drop(days, day);
}

int event_day_copy(struct event_days *days, int64_t day, const char *path, struct problem *problem)
{
	if (!days->engine->copy)
		return SL_EUNSUPPORTED;
	return days->engine->copy(days, day, path, problem);
}

int event_day_open(struct event_days *days, int64_t day, enum event_day_use use,
                   struct event_day **ret_day)
{
	return days->engine->open(days, day, use, ret_day);
}

void event_day_close(struct event_day *day)
{
	if (day)
		day->engine->close(day);
}

int event_day_begin(struct event_day *day)
{
	return day->engine->begin(day);
}

int event_day_add(struct event_day *day, struct event_record *record)
{
	return day->engine->add(day, record);
}

int event_day_commit(struct event_day *day)
{
	return day->engine->commit(day);
}

void event_day_rollback(struct event_day *day)
{
	day->engine->rollback(day);
}

int event_day_find(struct event_day *day, const struct event_query *query, event_found_fn *fn,
                   void *arg, int64_t *ret_before)
{
	return day->engine->find(day, query, fn, arg, ret_before);
}

int event_day_read(struct event_day *day, const struct event_numbers *numbers, event_number_fn *fn,
                   void *arg)
{
	return day->engine->read(day, numbers, fn, arg);
}
