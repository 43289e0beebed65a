/* SPDX-License-Identifier: Apache-2.0 */
/* Days of events in PostgreSQL as the postgresql_event_*.c files see them. */
#pragma once

#include <pthread.h>

#include "lib/base/buf.h"
#include "smsd/store/event_engine.h"
#include "smsd/store/postgresql_priv.h"

enum {
	EVENT_SESSIONS_KEPT = 16, /* that read; one for each thread of the pool that searches */
	EVENT_TABLE_MAX = 32,     /* "event_2026_01_31" */
	EVENT_TEXT_MAX = 768,     /* of a statement */
	EVENT_PENDING_KIB = 4096, /* events that wait to be sorted into the index of words */
};

struct postgresql_days {
	struct event_days days;
	struct database *database;
	PGconn *writer; /* of who commits */
	pthread_mutex_t mutex;
	/* Under the mutex: */
	PGconn *kept[EVENT_SESSIONS_KEPT];
	unsigned count;
};

struct postgresql_day {
	struct event_day day;
	struct postgresql_days *days;
	char table[EVENT_TABLE_MAX];
	int64_t number;
	PGconn *reader; /* NULL: it writes */
	/* Of who writes: what commit stores. */
	struct event_record **records;
	size_t count, room;
};

static inline struct postgresql_day *postgresql_day_of(struct event_day *day)
{
	return (struct postgresql_day *)day;
}

/* Words as PostgreSQL takes them: without case, bytes beyond ASCII as characters of their own, so
 * that what is no UTF-8 is a word too, and not longer than a word may be. */
enum { EVENT_WORD_MAX = 1024 };
/* The next word of `words` from *at on into `out`, which ends with a NUL; false: there is none.
 * *ret_begins: it ends with "*". */
bool postgresql_word_next(const char *words, size_t len, size_t *at, char out[2 * EVENT_WORD_MAX],
                          size_t *ret_len, bool *ret_begins) SL_NONNULL(1, 3, 4, 5, 6);

/* ---- postgresql_event_add.c ---- */
int postgresql_day_begin(struct event_day *day);
int postgresql_day_add(struct event_day *day, struct event_record *record);
int postgresql_day_commit(struct event_day *day);
void postgresql_day_rollback(struct event_day *day);

/* ---- postgresql_event_find.c ---- */
int postgresql_day_find(struct event_day *day, const struct event_query *query, event_found_fn *fn,
                        void *arg, int64_t *ret_before);
int postgresql_day_read(struct event_day *day, const struct event_numbers *numbers,
                        event_number_fn *fn, void *arg);
