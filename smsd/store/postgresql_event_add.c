/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding to a day: all that was added goes to the server in a few statements at the commit, columns
 * as arrays in binary. An event that is there already is passed over by the index of (stream,
 * number), whoever sends it again and when.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/store/database.h"
#include "smsd/store/postgresql_event.h"

enum {
	ROWS_MAX = 2000,               /* of a statement */
	COLUMN_MAX = 64 * 1024 * 1024, /* bytes of a column of one */
	WORDS_MAX_HERE = 2048,         /* of an event, whose texts have fewer */
	INT8_ARRAY = 1016,
	BYTES_ARRAY = 1001,
	WORDS_TYPE = 3614,
	WORDS_ARRAY = 3643,
	BINARY = 1,
};

/* ---- words ------------------------------------------------------------------------------- */

bool postgresql_word_next(const char *words, size_t len, size_t *at, char out[2 * EVENT_WORD_MAX],
                          size_t *ret_len, bool *ret_begins)
{
	size_t from, to, n = 0;

	while (*at < len && words[*at] == ' ')
		(*at)++;
	from = *at;
	while (*at < len && words[*at] != ' ')
		(*at)++;
	to = *at;
	*ret_begins = to > from && words[to - 1] == '*';
	to -= *ret_begins;
	for (size_t i = from; i < to && n < EVENT_WORD_MAX - 1; i++) {
		unsigned char c = (unsigned char)words[i];

		if (c >= 0x80) {
			out[n++] = (char)(0xc0 | c >> 6);
			c = 0x80 | (c & 0x3f);
		} else if (c >= 'A' && c <= 'Z') {
			c = (unsigned char)(c - 'A' + 'a');
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	*ret_len = n;
	return n > 0;
}

struct word {
	size_t at, len;
	const char *text; /* set when all are there */
};

static int compare_words(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int order = memcmp(x->text, y->text, SL_MIN(x->len, y->len));

	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static int put_u32(struct buf *out, uint32_t value)
{
	const char bytes[4] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8),
	                       (char)value};

	return buf_add(out, bytes, sizeof(bytes));
}

static void set_u32(struct buf *out, size_t at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		((char *)out->data)[at + i] = (char)(value >> (24 - 8 * i));
}

/* A tsvector as the server takes it: sorted words, each once, without positions. */
static int put_words(const struct event_record *record, struct buf *text, struct buf *out)
{
	struct word words[WORDS_MAX_HERE];
	char word[2 * EVENT_WORD_MAX];
	size_t at = 0, count = 0, len, start = out->len, kept = 0;
	bool begins;
	int code = put_u32(out, 0);

	text->len = 0;
	while (code == 0 && count < WORDS_MAX_HERE &&
	       postgresql_word_next(record->words, record->words_len, &at, word, &len, &begins)) {
		words[count++] = (struct word){.at = text->len, .len = len};
		code = buf_add(text, word, len + 1);
	}
	for (size_t i = 0; i < count; i++)
		words[i].text = (const char *)text->data + words[i].at;
	if (code == 0)
		qsort(words, count, sizeof(*words), compare_words);
	for (size_t i = 0; i < count && code == 0; i++) {
		if (i > 0 && compare_words(&words[i - 1], &words[i]) == 0)
			continue;
		kept++;
		code = buf_add(out, words[i].text, words[i].len + 1);
		if (code == 0)
			code = buf_add(out, "\0\0", 2);
	}
	if (code == 0)
		set_u32(out, start, (uint32_t)kept);
	return code;
}

/* ---- arrays ------------------------------------------------------------------------------ */

enum column { PLACES, STREAMS, SEQS, WORDS, LINES, COLUMNS };

static const struct {
	Oid array, element;
} columns[COLUMNS] = {
        [PLACES] = {INT8_ARRAY, POSTGRESQL_INT8},  [STREAMS] = {INT8_ARRAY, POSTGRESQL_INT8},
        [SEQS] = {INT8_ARRAY, POSTGRESQL_INT8},    [WORDS] = {WORDS_ARRAY, WORDS_TYPE},
        [LINES] = {BYTES_ARRAY, POSTGRESQL_BYTES},
};

/* One dimension, no nulls, from 1 on. */
static int begin_array(struct buf *out, Oid element, size_t count)
{
	int code = put_u32(out, 1);

	if (code == 0)
		code = put_u32(out, 0);
	if (code == 0)
		code = put_u32(out, element);
	if (code == 0)
		code = put_u32(out, (uint32_t)count);
	return code == 0 ? put_u32(out, 1) : code;
}

static int put_integer(struct buf *out, int64_t value)
{
	char bytes[8];
	int code = put_u32(out, sizeof(bytes));

	postgresql_put_integer(value, bytes);
	return code == 0 ? buf_add(out, bytes, sizeof(bytes)) : code;
}

static int put_words_element(const struct event_record *record, struct buf *text, struct buf *out)
{
	size_t start = out->len;
	int code = put_u32(out, 0);

	if (code == 0)
		code = put_words(record, text, out);
	if (code == 0)
		set_u32(out, start, (uint32_t)(out->len - start - 4));
	return code;
}

/* ---- who and where ----------------------------------------------------------------------- */

/* A record on its way, and where it goes. */
struct item {
	struct event_record *record;
	int64_t stream, place;
};

/* One number by a statement with parameters. *ret is left when there is no row, or a null. */
static int ask(PGconn *pg, const char *text, int count, const char *const *values,
               const int *lengths, const Oid *types, int64_t *ret)
{
	const int formats[2] = {BINARY, BINARY};
	PGresult *result = PQexecParams(pg, text, count, types, values, lengths, formats, BINARY);
	int code = postgresql_code(pg, result, text);

	if (code == 0 && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		*ret = postgresql_get_integer(PQgetvalue(result, 0, 0), PQgetlength(result, 0, 0));
	PQclear(result);
	return code;
}

/* The row of its device and epoch. */
static int find_stream(PGconn *pg, const struct event_record *record, int64_t *ret)
{
	static const Oid types[] = {POSTGRESQL_TEXT, POSTGRESQL_INT8};
	char epoch[8];
	const char *values[] = {record->device, epoch};
	const int lengths[] = {(int)strlen(record->device), sizeof(epoch)};
	int code;

	postgresql_put_integer((int64_t)record->epoch, epoch);
	*ret = 0;
	code = ask(pg, "SELECT id FROM event_stream WHERE device = $1 AND epoch = $2", 2, values,
	           lengths, types, ret);
	if (code == 0 && *ret == 0)
		code = ask(pg,
		           "INSERT INTO event_stream (device, epoch) VALUES ($1, $2) RETURNING id",
		           2, values, lengths, types, ret);
	return code;
}

static bool same_stream(const struct event_record *a, const struct event_record *b)
{
	return a->epoch == b->epoch && strcmp(a->device, b->device) == 0;
}

/* Few devices have their lines in one group, by turns. */
static int find_streams(PGconn *pg, struct item *items, size_t count)
{
	enum { KNOWN = 16 };
	const struct item *known[KNOWN];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		int code;

		while (k < SL_MIN(n, (size_t)KNOWN) &&
		       !same_stream(known[k]->record, items[i].record))
			k++;
		if (k < SL_MIN(n, (size_t)KNOWN)) {
			items[i].stream = known[k]->stream;
			continue;
		}
		code = find_stream(pg, items[i].record, &items[i].stream);
		if (code != 0)
			return code;
		known[n++ % KNOWN] = &items[i];
	}
	return 0;
}

/* The last place before `before` that is taken; -1: none. */
static int last_before(PGconn *pg, const char *table, int64_t before, int64_t *ret)
{
	char text[EVENT_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "SELECT MAX(place) FROM %s WHERE place < %lld", table,
	               (long long)before);
	return postgresql_number(pg, text, -1, ret);
}

/*
 * Places in the order of times: the first of its millisecond that nobody has; of the next one when
 * it has no more. `first_free`: none from there on is taken in the table. Items ascend by time.
 */
static int find_places(PGconn *pg, const struct postgresql_day *day, struct item *items,
                       size_t count)
{
	int64_t last_here = -1, first_free, last;
	int code = last_before(pg, day->table, INT64_MAX, &last);

	first_free = last + 1;
	for (size_t i = 0; i < count && code == 0; i++) {
		int64_t ms = items[i].record->time_ms - day->number * EVENT_DAY_MS;

		for (;; ms++) {
			int64_t end = event_day_place(ms + 1);

			last = last_here;
			/* What this group has in the millisecond was asked for with its first. */
			if (event_day_place(ms) < first_free && last_here < event_day_place(ms)) {
				code = last_before(pg, day->table, end, &last);
				last = SL_MAX(last, last_here);
			}
			items[i].place = SL_MAX(event_day_place(ms), last + 1);
			if (code != 0 || items[i].place < end)
				break;
		}
		last_here = items[i].place;
	}
	return code;
}

/* ---- storing ----------------------------------------------------------------------------- */

static int fill(struct buf *arrays, struct buf *text, const struct item *items, size_t count)
{
	int code = 0;

	for (unsigned c = 0; c < COLUMNS && code == 0; c++)
		code = begin_array(&arrays[c], columns[c].element, count);
	for (size_t i = 0; i < count && code == 0; i++) {
		const struct event_record *record = items[i].record;

		code = put_integer(&arrays[PLACES], items[i].place);
		if (code == 0)
			code = put_integer(&arrays[STREAMS], items[i].stream);
		if (code == 0)
			code = put_integer(&arrays[SEQS], (int64_t)record->seq);
		if (code == 0)
			code = put_words_element(record, text, &arrays[WORDS]);
		if (code == 0)
			code = put_u32(&arrays[LINES], (uint32_t)record->len);
		if (code == 0)
			code = buf_add(&arrays[LINES], record->line, record->len);
	}
	return code;
}

static int compare_place(const void *key, const void *item)
{
	int64_t x = *(const int64_t *)key, y = ((const struct item *)item)->place;

	return x < y ? -1 : x > y;
}

/* The places that come back are of those that were new. */
static int send_rows(PGconn *pg, const struct postgresql_day *day, struct buf *arrays,
                     struct item *items, size_t count)
{
	Oid types[COLUMNS];
	const char *values[COLUMNS];
	int lengths[COLUMNS], formats[COLUMNS], code;
	char text[EVENT_TEXT_MAX];
	PGresult *result;

	for (unsigned c = 0; c < COLUMNS; c++) {
		types[c] = columns[c].array;
		values[c] = (const char *)arrays[c].data;
		lengths[c] = (int)arrays[c].len;
		formats[c] = BINARY;
	}
	(void)snprintf(
	        text, sizeof(text),
	        "INSERT INTO %s (day, place, stream, seq, words, line)"
	        " SELECT %lld, p, s, q, w, l FROM unnest($1, $2, $3, $4, $5) AS t (p, s, q, w, l)"
	        " ON CONFLICT (stream, seq) DO NOTHING RETURNING place",
	        day->table, (long long)day->number);
	result = PQexecParams(pg, text, COLUMNS, types, values, lengths, formats, BINARY);
	code = postgresql_code(pg, result, "adding events");
	for (int i = 0; code == 0 && i < PQntuples(result); i++) {
		int64_t place =
		        postgresql_get_integer(PQgetvalue(result, i, 0), PQgetlength(result, i, 0));
		struct item *item = bsearch(&place, items, count, sizeof(*items), compare_place);

		if (item)
			item->record->added = true;
	}
	PQclear(result);
	return code;
}

/* So many that a statement has a bound. */
static int store_rows(PGconn *pg, const struct postgresql_day *day, struct item *items,
                      size_t count)
{
	struct buf arrays[COLUMNS], text;
	int code = 0;

	for (unsigned c = 0; c < COLUMNS; c++)
		buf_init(&arrays[c], COLUMN_MAX);
	buf_init(&text, COLUMN_MAX);
	for (size_t at = 0; at < count && code == 0; at += ROWS_MAX) {
		size_t n = SL_MIN(count - at, (size_t)ROWS_MAX);

		for (unsigned c = 0; c < COLUMNS; c++)
			arrays[c].len = 0;
		code = fill(arrays, &text, items + at, n);
		if (code == 0)
			code = send_rows(pg, day, arrays, items + at, n);
	}
	for (unsigned c = 0; c < COLUMNS; c++)
		buf_fini(&arrays[c]);
	buf_fini(&text);
	return code;
}

/* ---- a transaction ----------------------------------------------------------------------- */

int postgresql_day_begin(struct event_day *day)
{
	postgresql_day_of(day)->count = 0;
	return 0;
}

int postgresql_day_add(struct event_day *base, struct event_record *record)
{
	struct postgresql_day *day = postgresql_day_of(base);

	if (day->count == day->room) {
		size_t room = day->room ? day->room * 2 : ROWS_MAX;
		struct event_record **records =
		        reallocarray(day->records, room, sizeof(struct event_record *));

		if (!records)
			return SL_ENOMEM;
		day->records = records;
		day->room = room;
	}
	day->records[day->count++] = record;
	return 0;
}

/* What an earlier smsd left under way has ended when the lock is had. */
static int begin(struct postgresql_days *days)
{
	char text[96];
	bool made;
	int code = SL_EAGAIN;

	(void)snprintf(text, sizeof(text), "BEGIN; SELECT pg_advisory_xact_lock(%d, %d)",
	               POSTGRESQL_LOCK, POSTGRESQL_LOCK_EVENTS);
	for (unsigned tries = 0; tries < 2 && code == SL_EAGAIN; tries++) {
		code = postgresql_again(days->database, POSTGRESQL_WRITES, &days->writer, &made);
		if (code != 0)
			break;
		code = postgresql_run_text(days->writer, text);
		if (code != 0 && !postgresql_is_lost(days->writer))
			break;
	}
	return code;
}

static int commit_items(struct postgresql_day *day, struct item *items)
{
	PGconn *pg;
	int code = begin(day->days);

	if (code != 0)
		return code;
	pg = day->days->writer;
	code = find_streams(pg, items, day->count);
	if (code == 0)
		code = find_places(pg, day, items, day->count);
	if (code == 0)
		code = store_rows(pg, day, items, day->count);
	return code == 0 ? postgresql_run_text(pg, "COMMIT") : code;
}

int postgresql_day_commit(struct event_day *base)
{
	struct postgresql_day *day = postgresql_day_of(base);
	struct item *items = calloc(day->count ? day->count : 1, sizeof(*items));
	int code = SL_ENOMEM;

	for (size_t i = 0; items && i < day->count; i++)
		items[i].record = day->records[i];
	if (items)
		code = commit_items(day, items);
	free(items);
	if (code != 0)
		postgresql_day_rollback(base);
	return code;
}

void postgresql_day_rollback(struct event_day *base)
{
	struct postgresql_day *day = postgresql_day_of(base);
	PGconn *pg = day->days->writer;

	for (size_t i = 0; i < day->count; i++)
		day->records[i]->added = false;
	day->count = 0;
	if (postgresql_is_lost(pg) || PQtransactionStatus(pg) == PQTRANS_IDLE)
		return;
	if (postgresql_run_text(pg, "ROLLBACK") != 0)
		log_error("events: a transaction cannot be undone");
}
