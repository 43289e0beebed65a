/* SPDX-License-Identifier: Apache-2.0 */
/* Searching a day's file. */
#include "smsd/store/sqlite_event.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "smsd/store/sqlite_priv.h"

enum { MATCH_MAX = 16 * 1024, SPAN_FIRST_MS = 60 * 1000 };

static const char by_place[] = "SELECT id, line FROM event WHERE id >= ?2 AND id < ?3"
                               " ORDER BY id DESC";
static const char by_words[] = "SELECT event.id, event.line FROM word CROSS JOIN event"
                               " ON event.id = word.rowid"
                               " WHERE word MATCH ?1 AND word.rowid >= ?2 AND word.rowid < ?3"
                               " ORDER BY word.rowid DESC";

/* "_ka1 exam*" as FTS5 asks for it: "_ka1" AND "exam"*. Words have no quote in them. */
static int match_of(const char *words, struct buf *out)
{
	int code = 0;

	for (words += strspn(words, " "); *words && code == 0; words += strspn(words, " ")) {
		size_t len = strcspn(words, " ");
		bool begins = words[len - 1] == '*';

		code = buf_printf(out, "%s\"%.*s\"%s", out->len > 0 ? " AND " : "",
		                  (int)(len - begins), words, begins ? "*" : "");
		words += len;
	}
	return code;
}

struct search {
	struct sqlite_day *day;
	sqlite3_stmt *stmt;
	event_found_fn *fn;
	void *arg;
};

static int search_span(void *arg, int64_t from, int64_t to)
{
	const struct search *s = arg;
	int rc, code = 0;

	(void)sqlite3_reset(s->stmt);
	(void)sqlite3_bind_int64(s->stmt, 2, from);
	(void)sqlite3_bind_int64(s->stmt, 3, to);
	while (code == 0 && (rc = sqlite3_step(s->stmt)) != SQLITE_DONE) {
		const char *line;

		if (rc != SQLITE_ROW)
			return sqlite_code(s->day->db, rc, "searching events");
		line = (const char *)sqlite3_column_text(s->stmt, 1);
		code = line ? s->fn(s->arg, sqlite3_column_int64(s->stmt, 0), line,
		                    (size_t)sqlite3_column_bytes(s->stmt, 1))
		            : SL_ENOMEM;
	}
	return code;
}

/* Without words there is nothing to walk over: the whole is one span. */
int sqlite_day_find(struct event_day *base, const struct event_query *query, event_found_fn *fn,
                    void *arg, int64_t *ret_before)
{
	struct search s = {.day = sqlite_day_of(base), .fn = fn, .arg = arg};
	struct event_walk walk = {.first =
	                                  query->words ? event_day_place(SPAN_FIRST_MS) : INT64_MAX,
	                          .span_fn = search_span,
	                          .arg = &s};
	struct buf match;
	int code = 0;

	buf_init(&match, MATCH_MAX);
	if (query->words)
		code = match_of(query->words, &match);
	if (code == 0)
		code = sqlite_code(s.day->db,
		                   sqlite3_prepare_v2(s.day->db, query->words ? by_words : by_place,
		                                      -1, &s.stmt, NULL),
		                   "searching events");
	if (code == 0 && query->words)
		(void)sqlite3_bind_text(s.stmt, 1, buf_text(&match), -1, SQLITE_STATIC);
	if (code == 0)
		code = event_walk_spans(&walk, query, ret_before);
	(void)sqlite3_finalize(s.stmt);
	buf_fini(&match);
	return code;
}

static const char by_number[] = "SELECT event.seq, event.line FROM stream JOIN event"
                                " ON event.stream = stream.id WHERE stream.device = ?1"
                                " AND stream.epoch = ?2 AND event.seq BETWEEN ?3 AND ?4"
                                " ORDER BY event.seq LIMIT ?5";

static int give_numbers(sqlite3 *db, sqlite3_stmt *stmt, event_number_fn *fn, void *arg)
{
	int rc, code = 0;

	while (code == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		const char *line;

		if (rc != SQLITE_ROW)
			return sqlite_code(db, rc, "reading events");
		line = (const char *)sqlite3_column_text(stmt, 1);
		code = line ? fn(arg, (uint64_t)sqlite3_column_int64(stmt, 0), line,
		                 (size_t)sqlite3_column_bytes(stmt, 1))
		            : SL_ENOMEM;
	}
	return code;
}

int sqlite_day_read(struct event_day *base, const struct event_numbers *numbers,
                    event_number_fn *fn, void *arg)
{
	sqlite3 *db = sqlite_day_of(base)->db;
	sqlite3_stmt *stmt = NULL;
	int code = sqlite_code(db, sqlite3_prepare_v2(db, by_number, -1, &stmt, NULL),
	                       "reading events");

	if (code != 0)
		return code;
	(void)sqlite3_bind_text(stmt, 1, numbers->device, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 2, (int64_t)numbers->epoch);
	(void)sqlite3_bind_int64(stmt, 3, (int64_t)numbers->first);
	(void)sqlite3_bind_int64(stmt, 4, (int64_t)numbers->last);
	(void)sqlite3_bind_int64(stmt, 5, numbers->limit);
	code = give_numbers(db, stmt, fn, arg);
	(void)sqlite3_finalize(stmt);
	return code;
}
