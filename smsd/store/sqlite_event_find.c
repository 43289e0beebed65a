/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching a day's file. FTS5 alone finds where words meet, from the latest on; but while they do
 * not meet it gives no row, however far it goes, and for a beginning it first reads and sorts all
 * places of all words that begin so. So it is an index that is asked for a while (event_walk). What
 * it cannot do by then is walked: by sqlite_event_walk.c over whole words, else line by line, and
 * who asked compares the rest. Each is cut short from within (sqlite3_progress_handler).
 */
#include "smsd/store/sqlite_event.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/store/sqlite_priv.h"

enum {
	MATCH_MAX = 16 * 1024,
	LOOK_NS = 15 * 1000 * 1000,
	STEPS = 16, /* of SQLite's machine between two looks at the clock: some pages of FTS5 */
};

static const char by_place[] = "SELECT id, line FROM event WHERE id >= ?2 AND id < ?3"
                               " ORDER BY id DESC";
static const char by_words[] = "SELECT event.id, event.line FROM word CROSS JOIN event"
                               " ON event.id = word.rowid"
                               " WHERE word MATCH ?1 AND word.rowid >= ?2 AND word.rowid < ?3"
                               " ORDER BY word.rowid DESC";

struct search {
	sqlite3 *db;
	sqlite3_stmt *lines, *index; /* by_place, by_words */
	struct sqlite_walk words;    /* none: lines are walked */
	event_found_fn *fn;
	void *arg;
	uint64_t until_ns; /* of the statement that runs */
};

static int is_over(void *arg)
{
	return clock_now_ns() >= ((const struct search *)arg)->until_ns;
}

/* ---- statements -------------------------------------------------------------------------- */

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

int sqlite_search_prepare(sqlite3 *db, const char *text, const char *match, sqlite3_stmt **ret_stmt)
{
	int rc = sqlite3_prepare_v2(db, text, -1, ret_stmt, NULL);

	if (rc == SQLITE_OK && match)
		rc = sqlite3_bind_text(*ret_stmt, 1, match, -1, SQLITE_TRANSIENT);
	return sqlite_code(db, rc, "searching events");
}

static int prepare_words(struct search *s, const char *words)
{
	struct buf match;
	int code;

	buf_init(&match, MATCH_MAX);
	code = match_of(words, &match);
	if (code == 0)
		code = sqlite_search_prepare(s->db, by_words, buf_text(&match), &s->index);
	buf_fini(&match);
	return code == 0 ? sqlite_walk_open(&s->words, s->db, words) : code;
}

/* ---- spans ------------------------------------------------------------------------------- */

static int give(const struct search *s, sqlite3_stmt *stmt, int64_t *ret_before)
{
	const char *line = (const char *)sqlite3_column_text(stmt, 1);

	if (!line)
		return SL_ENOMEM;
	*ret_before = sqlite3_column_int64(stmt, 0);
	return s->fn(s->arg, *ret_before, line, (size_t)sqlite3_column_bytes(stmt, 1));
}

static int search_by(struct search *s, sqlite3_stmt *stmt, int64_t from, int64_t to,
                     int64_t *ret_before)
{
	int rc = SQLITE_ROW, code = 0;

	*ret_before = to;
	(void)sqlite3_bind_int64(stmt, 2, from);
	(void)sqlite3_bind_int64(stmt, 3, to);
	while (code == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		code = give(s, stmt, ret_before);
	if (rc == SQLITE_DONE)
		*ret_before = from;
	else if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_INTERRUPT)
		code = sqlite_code(s->db, rc, "searching events");
	(void)sqlite3_reset(stmt);
	return code;
}

static int search_span(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	struct search *s = arg;

	s->until_ns = until_ns;
	if (s->words.count > 0)
		return sqlite_walk_span(&s->words, from, to, s->fn, s->arg, ret_before);
	return search_by(s, s->lines, from, to, ret_before);
}

static int search_index(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	struct search *s = arg;

	s->until_ns = until_ns;
	return search_by(s, s->index, from, to, ret_before);
}

/* From the latest that there is on, not from the end of the day. */
static int find_latest(sqlite3 *db, int64_t to, int64_t *ret_to)
{
	char text[96];
	int64_t last = -1;
	int code;

	(void)snprintf(text, sizeof(text), "SELECT max(id) FROM event WHERE id < %lld",
	               (long long)to);
	code = sqlite_code(db, sqlite_number(db, text, -1, &last), "searching events");
	*ret_to = last + 1;
	return code;
}

/* A span says where it was: the whole is one. */
int sqlite_day_find(struct event_day *base, const struct event_query *query, event_found_fn *fn,
                    void *arg, int64_t *ret_before)
{
	struct search s = {.db = sqlite_day_of(base)->db, .fn = fn, .arg = arg};
	struct event_query from_latest = *query;
	struct event_walk walk = {.first = INT64_MAX,
	                          .span_fn = search_span,
	                          .index_fn = query->words ? search_index : NULL,
	                          .look_ns =
	                                  query->words && strchr(query->words, '*') ? LOOK_NS : 0,
	                          .arg = &s};
	int code = find_latest(s.db, query->to, &from_latest.to);

	if (code == 0)
		code = sqlite_search_prepare(s.db, by_place, NULL, &s.lines);
	if (code == 0 && query->words)
		code = prepare_words(&s, query->words);
	if (code == 0) {
		sqlite3_progress_handler(s.db, STEPS, is_over, &s);
		code = event_walk_find(&walk, &from_latest, ret_before);
		sqlite3_progress_handler(s.db, 0, NULL, NULL);
	}
	sqlite_walk_close(&s.words);
	(void)sqlite3_finalize(s.lines);
	(void)sqlite3_finalize(s.index);
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
