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
