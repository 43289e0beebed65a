/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching: day after day from the latest on, each by the words of the filter, until the time is
 * over. So a search that finds little where much is has a bound, and its cursor goes on where the
 * last day's search was.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/ingest/event_store_priv.h"

enum {
	WORDS_MAX = 4096,
};

/* ---- cursors ----------------------------------------------------------------------------- */

void event_cursor_text(int64_t day, int64_t place, char ret_text[EVENT_CURSOR_MAX])
{
	(void)snprintf(ret_text, EVENT_CURSOR_MAX, "%" PRId64 ".%" PRId64, day, place);
}

int event_cursor_read(const char *text, int64_t *ret_day, int64_t *ret_place)
{
	char again[EVENT_CURSOR_MAX];
	long long day, place;
	char *end;

	day = strtoll(text, &end, 10);
	if (*end != '.')
		return SL_EINVAL;
	place = strtoll(end + 1, &end, 10);
	event_cursor_text(day, place, again);
	if (strcmp(again, text) != 0 || place < 0)
		return SL_EINVAL;
	*ret_day = day;
	*ret_place = place;
	return 0;
}

/* ---- filters ----------------------------------------------------------------------------- */

/* Adds a word of the filter's address: that of either end, which have one letter. */
static int add_words(const struct event_filter *filter, struct buf *out)
{
	int code = 0;

	for (unsigned i = 0; i < INTAKE_FIELD_END && code == 0; i++)
		if (filter->field[i])
			code = intake_field_word(i, filter->field[i], strlen(filter->field[i]),
			                         out);
	if (code == 0 && filter->address)
		code = intake_field_word(INTAKE_SOURCE, filter->address, strlen(filter->address),
		                         out);
	if (code == 0 && filter->text)
		code = intake_text_words(filter->text, strlen(filter->text), true, out);
	return code;
}

bool event_filter_takes(const struct event_filter *filter, const struct intake_line *line)
{
	for (unsigned i = 0; i < INTAKE_FIELD_END; i++)
		if (filter->field[i] && !intake_field_is(line, i, filter->field[i]))
			return false;
	if (filter->text && !intake_text_has(line, filter->text))
		return false;
	return !filter->address || intake_field_is(line, INTAKE_SOURCE, filter->address) ||
	       intake_field_is(line, INTAKE_DESTINATION, filter->address);
}

/* ---- days -------------------------------------------------------------------------------- */

struct search {
	const struct event_filter *filter;
	const char *words; /* NULL: none */
	unsigned left;     /* that may still be found */
	event_store_fn *fn;
	void *arg;
	uint64_t until_ns;
	int64_t day, before; /* where it goes on: places of `day` below `before` */
	int64_t last;        /* the place that was given last */
	struct intake_line line;
	int64_t *days; /* those within the time asked for, latest first */
	size_t count;
};

static bool is_over_budget(const struct search *s)
{
	return clock_now_ns() >= s->until_ns;
}

static int take_found(void *arg, int64_t place, const char *line, size_t len)
{
	struct search *s = arg;
	struct event_found found = {s->day, place, line, len};
	int code;

	s->last = place;
	if (s->words && (intake_line_read(line, len, &s->line) != 0 ||
	                 !event_filter_takes(s->filter, &s->line)))
		return 0;
	code = s->fn(s->arg, &found);
	s->left--;
	return code < 0 ? code : code > 0 || s->left == 0;
}

/* Places of the day that the filter's times leave. */
static void span_of_day(const struct search *s, int64_t *ret_from, int64_t *ret_to)
{
	int64_t start = s->day * EVENT_DAY_MS;

	*ret_from = 0;
	*ret_to = INT64_MAX;
	if (s->filter->from_ms > start)
		*ret_from = event_day_place(SL_MIN(s->filter->from_ms - start, EVENT_DAY_MS));
	if (s->filter->to_ms < start + EVENT_DAY_MS - 1)
		*ret_to = event_day_place(SL_MAX(s->filter->to_ms - start + 1, 0));
	*ret_to = SL_MIN(*ret_to, s->before);
}

/* The day from its latest on; 1: enough, or no time any more. */
static int search_day(struct search *s, struct event_day *day)
{
	struct event_query query = {.words = s->words, .wanted = s->left, .until_ns = s->until_ns};
	int64_t before;
	int code;

	span_of_day(s, &query.from, &query.to);
	if (query.from >= query.to)
		return 0;
	code = event_day_find(day, &query, take_found, s, &before);
	s->before = code == 1 ? s->last : before;
	return code == 0 && before > query.from ? 1 : code;
}

static int open_and_search(struct event_store *store, struct search *s)
{
	struct event_day *day;
	int code = event_day_open(store->days, s->day, EVENT_DAY_READS, &day);

	/* Gone since the list was made, or not there yet. */
	if (code == SL_ENOENT)
		return 0;
	if (code != 0)
		return code;
	code = search_day(s, day);
	event_day_close(day);
	return code;
}

static int keep_day(void *arg, int64_t number)
{
	struct search *s = arg;
	int64_t start = number * EVENT_DAY_MS;
	int64_t *days;

	if (number > s->day || start > s->filter->to_ms ||
	    start + EVENT_DAY_MS - 1 < s->filter->from_ms)
		return 0;
	days = reallocarray(s->days, s->count + 1, sizeof(*days));
	if (!days)
		return SL_ENOMEM;
	s->days = days;
	days[s->count++] = number;
	return 0;
}

static int later(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x > y ? -1 : x < y;
}

/* 1: there may be more before s->day, s->before. */
static int search_days(struct event_store *store, struct search *s)
{
	int64_t first = s->day;
	int code = event_day_list(store->days, keep_day, s);

	if (s->count > 0)
		qsort(s->days, s->count, sizeof(*s->days), later);
	for (size_t i = 0; i < s->count && code == 0; i++) {
		if (s->days[i] != first)
			s->before = INT64_MAX;
		s->day = s->days[i];
		code = open_and_search(store, s);
		if (code == 0 && i + 1 < s->count && is_over_budget(s)) {
			s->day = s->days[i + 1];
			s->before = INT64_MAX;
			code = 1;
		}
	}
	return code;
}

int event_store_find(struct event_store *store, const struct event_filter *filter,
                     const char *cursor, unsigned limit, event_store_fn *fn, void *arg,
                     char ret_next[EVENT_CURSOR_MAX])
{
	struct search s = {.filter = filter,
	                   .left = limit,
	                   .fn = fn,
	                   .arg = arg,
	                   .until_ns = clock_now_ns() + store->budget_ns,
	                   .day = INT64_MAX,
	                   .before = INT64_MAX};
	struct buf words;
	int code = cursor[0] ? event_cursor_read(cursor, &s.day, &s.before) : 0;

	buf_init(&words, WORDS_MAX);
	if (code == 0)
		code = add_words(filter, &words);
	if (code == 0) {
		s.words = words.len > 0 ? buf_text(&words) : NULL;
		code = search_days(store, &s);
	}
	ret_next[0] = '\0';
	if (code == 1) {
		event_cursor_text(s.day, s.before, ret_next);
		code = 0;
	}
	free(s.days);
	buf_fini(&words);
	return code;
}
