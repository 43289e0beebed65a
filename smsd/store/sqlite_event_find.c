/* SPDX-License-Identifier: Apache-2.0 */
/* Searching a day's file. */
#include "smsd/store/sqlite_event.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "smsd/store/sqlite_priv.h"

enum { MATCH_MAX = 16 * 1024 };

static const char by_place[] = "SELECT id, line FROM event WHERE id >= ?2 AND id < ?3"
                               " ORDER BY id DESC LIMIT ?4";
static const char by_words[] = "SELECT event.id, event.line FROM word CROSS JOIN event"
                               " ON event.id = word.rowid"
                               " WHERE word MATCH ?1 AND word.rowid >= ?2 AND word.rowid < ?3"
                               " ORDER BY word.rowid DESC LIMIT ?4";

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

static int walk(struct event_day *day, sqlite3_stmt *stmt, event_found_fn *fn, void *arg)
{
	int rc, code = 0;

	while (code == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		const char *line;

		if (rc != SQLITE_ROW)
			return sqlite_code(day->db, rc, "searching events");
		line = (const char *)sqlite3_column_text(stmt, 1);
		code = line ? fn(arg, sqlite3_column_int64(stmt, 0), line,
		                 (size_t)sqlite3_column_bytes(stmt, 1))
		            : SL_ENOMEM;
	}
	return code;
}

int event_day_find(struct event_day *day, const char *words, int64_t from, int64_t to,
                   int64_t limit, event_found_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	struct buf match;
	int code = 0;

	buf_init(&match, MATCH_MAX);
	if (words)
		code = match_of(words, &match);
	if (code == 0)
		code = sqlite_code(
		        day->db,
		        sqlite3_prepare_v2(day->db, words ? by_words : by_place, -1, &stmt, NULL),
		        "searching events");
	if (code == 0) {
		if (words)
			(void)sqlite3_bind_text(stmt, 1, buf_text(&match), -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(stmt, 2, from);
		(void)sqlite3_bind_int64(stmt, 3, to);
		(void)sqlite3_bind_int64(stmt, 4, limit);
		code = walk(day, stmt, fn, arg);
	}
	(void)sqlite3_finalize(stmt);
	buf_fini(&match);
	return code;
}
