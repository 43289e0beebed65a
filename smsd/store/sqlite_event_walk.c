/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking over the places of several words to those where they meet. FTS5 does it quicker, but it
 * says nothing before they do: until then it looks neither at where the span ends nor where it is.
 * Here each word is asked for alone, so where the walk is is known whenever it is cut short.
 */
#include "smsd/store/sqlite_event.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "smsd/store/sqlite_priv.h"

enum {
	STEPS_AHEAD = 1024,         /* to where the others are; beyond it the place is looked up */
	WORD_MATCH_MAX = 16 * 1024, /* of one, in quotes */
};

static const char by_word[] = "SELECT rowid FROM word WHERE word MATCH ?1 AND rowid >= ?2"
                              " AND rowid < ?3 ORDER BY rowid DESC";
static const char by_id[] = "SELECT line FROM event WHERE id = ?1";

static int add_word(struct sqlite_walk *w, sqlite3 *db, const char *word, size_t len)
{
	struct sqlite_word *added = &w->words[w->count];
	struct buf match;
	int code;

	buf_init(&match, WORD_MATCH_MAX);
	code = buf_printf(&match, "\"%.*s\"", (int)len, word);
	if (code == 0) {
		code = sqlite_search_prepare(db, by_word, buf_text(&match), &added->stmt);
		w->count++; /* to be closed, whatever it is */
	}
	buf_fini(&match);
	return code;
}

int sqlite_walk_open(struct sqlite_walk *w, sqlite3 *db, const char *words)
{
	int code = 0;

	*w = (struct sqlite_walk){.db = db};
	for (words += strspn(words, " "); *words && code == 0; words += strspn(words, " ")) {
		size_t len = strcspn(words, " ");

		if (words[len - 1] != '*' && w->count < SQLITE_WALK_WORDS)
			code = add_word(w, db, words, len);
		words += len;
	}
	return code == 0 && w->count > 0 ? sqlite_search_prepare(db, by_id, NULL, &w->line) : code;
}

void sqlite_walk_close(struct sqlite_walk *w)
{
	(void)sqlite3_finalize(w->line);
	for (unsigned i = 0; i < w->count; i++)
		(void)sqlite3_finalize(w->words[i].stmt);
}

/* ---- one word ---------------------------------------------------------------------------- */

/* SQLITE_ROW, SQLITE_DONE: it has no place any more. */
static int step_word(struct sqlite_word *word)
{
	int rc = sqlite3_step(word->stmt);

	if (rc == SQLITE_ROW)
		word->at = sqlite3_column_int64(word->stmt, 0);
	else if (rc == SQLITE_DONE)
		word->at = -1;
	return rc;
}

static int seek_word(struct sqlite_word *word, int64_t from, int64_t place)
{
	(void)sqlite3_reset(word->stmt);
	(void)sqlite3_bind_int64(word->stmt, 2, from);
	(void)sqlite3_bind_int64(word->stmt, 3, place + 1);
	return step_word(word);
}

/* To its latest place that is not behind `place`. */
static int move_word(struct sqlite_word *word, int64_t from, int64_t place)
{
	int rc = SQLITE_ROW;

	if (word->at == INT64_MAX)
		return seek_word(word, from, place);
	for (unsigned i = 0; i < STEPS_AHEAD && word->at > place && rc == SQLITE_ROW; i++)
		rc = step_word(word);
	return rc == SQLITE_ROW && word->at > place ? seek_word(word, from, place) : rc;
}

/* ---- all of them ------------------------------------------------------------------------- */

/* To the latest place, not behind *place, that all have: SQLITE_ROW. SQLITE_DONE: there is none.
 * Whatever it returns, none meet behind *place. */
static int meet(struct sqlite_walk *w, int64_t from, int64_t *place)
{
	unsigned there = 0;

	for (unsigned i = 0; there < w->count; i = (i + 1) % w->count) {
		struct sqlite_word *word = &w->words[i];
		int rc = move_word(word, from, *place);

		if (rc != SQLITE_ROW)
			return rc;
		there = word->at < *place ? 1 : there + 1;
		*place = word->at;
	}
	return SQLITE_ROW;
}

static int give_line(struct sqlite_walk *w, int64_t place, event_found_fn *fn, void *arg,
                     int *ret_code)
{
	const char *line;
	int rc;

	(void)sqlite3_bind_int64(w->line, 1, place);
	rc = sqlite3_step(w->line);
	if (rc == SQLITE_ROW) {
		line = (const char *)sqlite3_column_text(w->line, 0);
		*ret_code = line ? fn(arg, place, line, (size_t)sqlite3_column_bytes(w->line, 0))
		                 : SL_ENOMEM;
	}
	(void)sqlite3_reset(w->line);
	return rc == SQLITE_DONE ? SQLITE_ROW : rc;
}

int sqlite_walk_span(struct sqlite_walk *w, int64_t from, int64_t to, event_found_fn *fn, void *arg,
                     int64_t *ret_before)
{
	int64_t place = to - 1;
	int rc = SQLITE_ROW, code = 0;

	for (unsigned i = 0; i < w->count; i++)
		w->words[i].at = INT64_MAX;
	while (code == 0 && place >= from) {
		rc = meet(w, from, &place);
		if (rc == SQLITE_ROW)
			rc = give_line(w, place, fn, arg, &code);
		if (rc != SQLITE_ROW)
			break;
		place--;
	}
	*ret_before = rc == SQLITE_DONE ? from : SL_MAX(place + 1, from);
	for (unsigned i = 0; i < w->count; i++)
		(void)sqlite3_reset(w->words[i].stmt);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE || (rc & 0xff) == SQLITE_INTERRUPT)
		return code;
	return sqlite_code(w->db, rc, "searching events");
}
