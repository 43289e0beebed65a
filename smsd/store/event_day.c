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

enum {
	SPAN_GOAL_NS = 10 * 1000 * 1000,
	SPAN_GROWS = 8,
	SPAN_LEAST_NS =
	        10 * 1000 * 1000,   /* half the time for each that was in vain, down to this */
	LOOK_NS = 15 * 1000 * 1000, /* behind it no span is begun */
	INDEX_NS = 50 * 1000 * 1000,
};

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

struct walking {
	const struct event_walk *walk;
	int64_t from, to;  /* what is left */
	bool moved;        /* something was looked at */
	uint64_t until_ns; /* the query's */
};

/* What is before `before` is left. */
static void move_to(struct walking *w, int64_t before)
{
	w->moved = w->moved || before < w->to;
	w->to = before;
}

/* The next span's length by what this one took. */
static int64_t next_span(int64_t span, uint64_t took_ns)
{
	if (took_ns < SPAN_GOAL_NS / 2)
		return SL_MIN(span, event_day_place(EVENT_DAY_MS)) * SPAN_GROWS;
	return took_ns > SPAN_GOAL_NS * 2 ? SL_MAX(span / 4, event_day_place(1)) : span;
}

/* Until it is time; `must_move`: not before something was looked at, for which shorter spans are
 * tried, each with less time, so that all of them together are no other budget. A span may take
 * `limit` at most. */
static int walk_spans(struct walking *w, uint64_t until_ns, uint64_t limit, bool must_move)
{
	uint64_t now = clock_now_ns();
	int64_t span = w->walk->first;
	int code = 0;

	while (code == 0 && w->from < w->to && (now < until_ns || (must_move && !w->moved))) {
		int64_t places = SL_MIN(span, w->to - w->from), before = w->to;
		int64_t low = w->to - places;
		bool bound = w->moved || !must_move;
		uint64_t end = bound ? SL_MIN(now + limit, w->until_ns) : now + limit;
		uint64_t began = now;

		/* The shortest takes what it takes. */
		if (places <= event_day_place(1))
			end = UINT64_MAX;
		code = w->walk->span_fn(w->walk->arg, low, w->to, end, &before);
		now = clock_now_ns();
		if (code != 0)
			break;
		if (before == low) {
			span = next_span(span, now - began);
		} else if (before == w->to) {
			code = end == UINT64_MAX ? SL_ETIMEOUT : 0;
			span = SL_MAX(places / SPAN_GROWS, event_day_place(1));
			limit = SL_MAX(limit / 2, (uint64_t)SPAN_LEAST_NS);
		}
		move_to(w, before);
	}
	return code;
}

/* All that is left at once. */
static int ask_index(struct walking *w)
{
	uint64_t end = SL_MIN(clock_now_ns() + INDEX_NS, w->until_ns);
	int64_t before = w->to;
	int code = w->walk->index_fn(w->walk->arg, w->from, w->to, end, &before);

	if (code == 0)
		move_to(w, before);
	return code;
}

int event_walk_find(const struct event_walk *walk, const struct event_query *query,
                    int64_t *ret_before)
{
	struct walking w = {
	        .walk = walk, .from = query->from, .to = query->to, .until_ns = query->until_ns};
	int code = 0;

	if (walk->look_ns)
		code = walk_spans(&w, SL_MIN(clock_now_ns() + LOOK_NS, query->until_ns),
		                  walk->look_ns, false);
	if (code == 0 && walk->index_fn && w.from < w.to && clock_now_ns() < query->until_ns)
		code = ask_index(&w);
	if (code == 0)
		code = walk_spans(&w, query->until_ns, EVENT_SPAN_NS, true);
	*ret_before = SL_MAX(w.from, w.to);
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
