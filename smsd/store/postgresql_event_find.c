/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching a day. Two ways lead to the latest that have all words (event_walk): from the latest
 * on, looking at each, and by the index of words, which finds all there are and sorts them. A
 * statement is cut short by the server (statement_timeout).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/store/postgresql_event.h"

enum {
	ROWS_MAX = 1024, /* of an answer */
	SPAN_FIRST_MS = 1000,
	MATCH_MAX = 32 * 1024,
	BINARY = 1,
};

struct search {
	struct postgresql_day *day;
	const char *match; /* a tsquery; NULL: any */
	event_found_fn *fn;
	void *arg;
	int rows; /* of an answer: as many as are wanted */
};

/* "_ka1 exam*" as a tsquery: '_ka1' & 'exam':*. Words have neither quote nor backslash. */
static int match_of(const char *words, struct buf *out)
{
	char word[2 * EVENT_WORD_MAX];
	size_t at = 0, len = strlen(words), word_len;
	bool begins;
	int code = 0;

	while (code == 0 && postgresql_word_next(words, len, &at, word, &word_len, &begins))
		code = buf_printf(out, "%s'%s'%s", out->len > 0 ? " & " : "", word,
		                  begins ? ":*" : "");
	return code;
}

/* What the next statement may take, in whole milliseconds; 0: what it takes. */
static int set_limit(PGconn *pg, unsigned ms)
{
	char text[48];

	(void)snprintf(text, sizeof(text), "SET statement_timeout = %u", ms);
	return postgresql_run_text(pg, text);
}

/* The words are compared, not looked up. */
static const char by_place[] = "SELECT place, line FROM %s WHERE place >= $1 AND place < $2"
                               " AND (words @@ $3::tsquery) IS TRUE ORDER BY place DESC LIMIT %d";
/* The words are looked up, and the places compared. */
static const char by_words[] = "SELECT place, line FROM %s WHERE place + 0 >= $1 AND place + 0 < $2"
                               " AND words @@ $3::tsquery ORDER BY place + 0 DESC LIMIT %d";
static const char by_place_alone[] = "SELECT place, line FROM %s WHERE place >= $1 AND place < $2"
                                     " ORDER BY place DESC LIMIT %d";

static PGresult *run(const struct search *s, const char *format, int64_t from, int64_t to)
{
	static const Oid types[] = {POSTGRESQL_INT8, POSTGRESQL_INT8, POSTGRESQL_TEXT};
	static const int formats[] = {BINARY, BINARY, BINARY};
	char text[EVENT_TEXT_MAX], low[8], high[8];
	const char *values[] = {low, high, s->match};
	const int lengths[] = {8, 8, s->match ? (int)strlen(s->match) : 0};

	postgresql_put_integer(from, low);
	postgresql_put_integer(to, high);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(text, sizeof(text), format, s->day->table, s->rows);
#pragma GCC diagnostic pop
	return PQexecParams(s->day->reader, text, s->match ? 3 : 2, types, values, lengths, formats,
	                    BINARY);
}

static int give(const struct search *s, const PGresult *result, int64_t *ret_before)
{
	int code = 0;

	for (int i = 0; i < PQntuples(result) && code == 0; i++) {
		*ret_before = postgresql_get_integer(PQgetvalue(result, i, 0), 8);
		code = s->fn(s->arg, *ret_before, PQgetvalue(result, i, 1),
		             (size_t)PQgetlength(result, i, 1));
	}
	return code;
}

static bool is_cut_short(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state && strcmp(state, "57014") == 0;
}

/* One answer; *ret_more: there may be another. False there, and *ret_before where it was: cut
 * short. */
static int ask(const struct search *s, const char *format, int64_t from, int64_t *ret_before,
               bool *ret_more)
{
	int64_t to = *ret_before;
	PGresult *result = run(s, format, from, to);
	bool cut = is_cut_short(result);
	int code = cut ? 0 : postgresql_code(s->day->reader, result, "searching events");

	*ret_more = !cut && PQntuples(result) == s->rows;
	if (code == 0 && !cut)
		code = give(s, result, ret_before);
	if (code == 0 && !cut && !*ret_more)
		*ret_before = from;
	PQclear(result);
	return code;
}

/* In answers of so many rows; the first is mostly enough. */
static int search_by(const struct search *s, const char *format, int64_t from, int64_t to,
                     uint64_t until_ns, int64_t *ret_before)
{
	bool more = true;
	int code = 0;

	*ret_before = to;
	while (code == 0 && more) {
		uint64_t now = clock_now_ns();

		if (now >= until_ns)
			break;
		if (until_ns == UINT64_MAX)
			code = set_limit(s->day->reader, 0);
		else
			code = set_limit(s->day->reader,
			                 (unsigned)((until_ns - now) / CLOCK_NS_PER_MS) + 1);
		if (code == 0)
			code = ask(s, format, from, ret_before, &more);
	}
	return code;
}

static int search_span(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	return search_by(arg, by_place, from, to, until_ns, ret_before);
}

static int search_index(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	return search_by(arg, by_words, from, to, until_ns, ret_before);
}

static int search_all(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	return search_by(arg, by_place_alone, from, to, until_ns, ret_before);
}

/* From the latest that there is on: behind it a day may have hours of nothing, in which spans would
 * grow. */
static int find_latest(struct search *s, int64_t to, int64_t *ret_to)
{
	char text[EVENT_TEXT_MAX];
	int64_t last = -1;
	int code;

	(void)snprintf(text, sizeof(text), "SELECT MAX(place) FROM %s WHERE place < %lld",
	               s->day->table, (long long)to);
	code = postgresql_number(s->day->reader, text, -1, &last);
	*ret_to = last + 1;
	return code;
}

/* Without words there is nothing to walk over: the whole is one span. */
int postgresql_day_find(struct event_day *base, const struct event_query *query, event_found_fn *fn,
                        void *arg, int64_t *ret_before)
{
	struct search s = {.day = postgresql_day_of(base),
	                   .fn = fn,
	                   .arg = arg,
	                   .rows = (int)SL_MAX(1U, SL_MIN(query->wanted, (unsigned)ROWS_MAX))};
	struct event_query from_latest = *query;
	struct event_walk all = {.first = INT64_MAX, .span_fn = search_all, .arg = &s};
	struct event_walk by_either = {.first = event_day_place(SPAN_FIRST_MS),
	                               .span_fn = search_span,
	                               .index_fn = search_index,
	                               .look_ns = EVENT_SPAN_NS,
	                               .arg = &s};
	struct buf match;
	int code, limit;

	code = find_latest(&s, query->to, &from_latest.to);
	if (code != 0)
		return code;
	buf_init(&match, MATCH_MAX);
	code = match_of(query->words ? query->words : "", &match);
	s.match = query->words ? buf_text(&match) : NULL;
	if (code == 0)
		code = event_walk_find(s.match ? &by_either : &all, &from_latest, ret_before);
	limit = postgresql_is_lost(s.day->reader) ? 0 : set_limit(s.day->reader, 0);
	buf_fini(&match);
	return code != 0 ? code : limit;
}

static PGresult *ask_numbers(const struct postgresql_day *day, const struct event_numbers *numbers)
{
	static const Oid types[] = {POSTGRESQL_TEXT, POSTGRESQL_INT8, POSTGRESQL_INT8,
	                            POSTGRESQL_INT8, POSTGRESQL_INT8};
	static const int formats[] = {BINARY, BINARY, BINARY, BINARY, BINARY};
	char text[EVENT_TEXT_MAX], epoch[8], first[8], last[8], limit[8];
	const char *values[] = {numbers->device, epoch, first, last, limit};
	const int lengths[] = {(int)strlen(numbers->device), 8, 8, 8, 8};

	postgresql_put_integer((int64_t)numbers->epoch, epoch);
	postgresql_put_integer((int64_t)numbers->first, first);
	postgresql_put_integer((int64_t)numbers->last, last);
	postgresql_put_integer(numbers->limit, limit);
	(void)snprintf(text, sizeof(text),
	               "SELECT seq, line FROM %s WHERE stream = (SELECT id FROM event_stream"
	               " WHERE device = $1 AND epoch = $2) AND seq BETWEEN $3 AND $4"
	               " ORDER BY seq LIMIT $5",
	               day->table);
	return PQexecParams(day->reader, text, SL_ARRAY_LEN(values), types, values, lengths,
	                    formats, BINARY);
}

int postgresql_day_read(struct event_day *base, const struct event_numbers *numbers,
                        event_number_fn *fn, void *arg)
{
	const struct postgresql_day *day = postgresql_day_of(base);
	PGresult *result = ask_numbers(day, numbers);
	int code = postgresql_code(day->reader, result, "reading events");

	for (int i = 0; code == 0 && i < PQntuples(result); i++)
		code = fn(arg, (uint64_t)postgresql_get_integer(PQgetvalue(result, i, 0), 8),
		          PQgetvalue(result, i, 1), (size_t)PQgetlength(result, i, 1));
	PQclear(result);
	return code;
}
