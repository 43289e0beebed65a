/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which events were stored, for who passes all of them on (smsd/forward). Places of
 * days order events by their own time; what comes late is between others there. So beside the
 * events there is a row for each batch and day, made in the write that says how far the batch's
 * epoch is, before the device has its answer: a device's numbers from one to another on that day.
 * The events themselves are kept once. There are rows only while a syslog server is enabled, and
 * until the last of them is past. Any thread. docs/internals/sms.md, "Forwarding".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct event_record;
struct ingest;
struct store_tx;

/* Where one goes on: with the row of this id or the next that there is, and of that very row with
 * numbers from `seq` on. */
struct arrival_place {
	int64_t row;
	uint64_t seq;
};

/* 0, or a negative code, which ends the reading and becomes its result. */
typedef int arrival_fn(void *arg, const char *line, size_t len);

/*
 * What was stored from a place on, `limit` events at most; *ret_next is where to go on, the same
 * place when there is nothing more by now. *ret_gone counts those whose day is not there any more.
 * With an error nothing is set. SL_EAGAIN: the database is away; SL_EIO, SL_ENOMEM.
 */
int arrival_read(struct ingest *ingest, const struct arrival_place *from, unsigned limit,
                 arrival_fn *fn, void *arg, struct arrival_place *ret_next, uint64_t *ret_gone)
        SL_NONNULL(1, 2, 4, 6, 7) SL_MUST;

/* `fn` is called whenever something was stored that arrival_read gives: by the thread that stored
 * it, so it takes no time. NULL: nobody. Before any batch is taken, or after the last. */
typedef void arrival_came_fn(void *arg);
void arrival_on_came(struct ingest *ingest, arrival_came_fn *fn, void *arg) SL_NONNULL(1);

/* ---- inside smsd/ingest ------------------------------------------------------------------ */

/* Of one batch: its rows, a day and a name that it is filed under each. */
struct arrival_rows {
	const char *epoch;
	struct arrival_row {
		int64_t day;
		const char *device; /* the records' */
		uint64_t first, last, events;
	} * rows; /* heap */
	size_t count;
};

/* SL_ENOMEM. arrival_rows_fini in either case. */
int arrival_rows_make(const char *epoch, const struct event_record *records, size_t count,
                      struct arrival_rows *ret_rows) SL_NONNULL(1, 4) SL_MUST;
void arrival_rows_fini(struct arrival_rows *rows) SL_NONNULL(1);
int arrival_add(struct store_tx *tx, const struct arrival_rows *rows) SL_NONNULL(1, 2) SL_MUST;
