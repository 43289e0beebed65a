/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/ingest/arrival.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/ingest/event_store_priv.h"
#include "smsd/ingest/ingest_priv.h"
#include "smsd/store/store.h"

/* ---- adding ------------------------------------------------------------------------------ */

static struct arrival_row *row_of(struct arrival_rows *rows, int64_t day, const char *device)
{
	for (size_t i = rows->count; i-- > 0;)
		if (rows->rows[i].day == day && rows->rows[i].device == device)
			return &rows->rows[i];
	return NULL;
}

static int add_row(struct arrival_rows *rows, int64_t day, const struct event_record *record)
{
	struct arrival_row *list = reallocarray(rows->rows, rows->count + 1, sizeof(*list));

	if (!list)
		return SL_ENOMEM;
	rows->rows = list;
	list[rows->count++] = (struct arrival_row){.day = day,
	                                           .device = record->device,
	                                           .first = record->seq,
	                                           .last = record->seq,
	                                           .events = 1};
	return 0;
}

/* Days of one batch overlap in numbers: each has what of them is its own. */
int arrival_rows_make(const char *epoch, const struct event_record *records, size_t count,
                      struct arrival_rows *rows)
{
	int rc = 0;

	*rows = (struct arrival_rows){.epoch = epoch};
	for (size_t i = 0; i < count && rc == 0; i++) {
		int64_t day = event_day_of(records[i].time_ms);
		struct arrival_row *row = row_of(rows, day, records[i].device);

		if (!row) {
			rc = add_row(rows, day, &records[i]);
			continue;
		}
		row->first = SL_MIN(row->first, records[i].seq);
		row->last = SL_MAX(row->last, records[i].seq);
		row->events++;
	}
	return rc;
}

void arrival_rows_fini(struct arrival_rows *rows)
{
	free(rows->rows);
}

int arrival_add(struct store_tx *tx, const struct arrival_rows *rows)
{
	int rc = 0;

	for (size_t i = 0; i < rows->count && rc == 0; i++) {
		const struct arrival_row *row = &rows->rows[i];
		const struct store_value values[] = {
		        store_integer(row->day),           store_text(row->device),
		        store_text(rows->epoch),           store_integer((int64_t)row->first),
		        store_integer((int64_t)row->last), store_integer((int64_t)row->events),
		};

		rc = store_tx_run(tx, STORE_ARRIVAL_ADD, values, SL_ARRAY_LEN(values), NULL, NULL);
	}
	return rc;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct stored_row {
	bool found;
	int64_t id, day;
	char device[EVENT_DAY_DEVICE_MAX], epoch[INTAKE_EPOCH_LEN + 1];
	uint64_t first, last, events;
};

static int take_row(void *arg, const struct store_row *row)
{
	struct stored_row *r = arg;

	*r = (struct stored_row){.found = true,
	                         .id = store_row_integer(row, 0),
	                         .day = store_row_integer(row, 1),
	                         .first = (uint64_t)store_row_integer(row, 4),
	                         .last = (uint64_t)store_row_integer(row, 5),
	                         .events = (uint64_t)store_row_integer(row, 6)};
	(void)snprintf(r->device, sizeof(r->device), "%s", store_row_text(row, 2));
	(void)snprintf(r->epoch, sizeof(r->epoch), "%s", store_row_text(row, 3));
	return 1;
}

struct reading {
	struct ingest *ingest;
	struct arrival_place at;
	unsigned left;
	arrival_fn *fn;
	void *arg;
	uint64_t gone;
	struct event_day *day; /* open: that of the row before */
	int64_t day_number;
	/* Of the row under way: */
	uint64_t last, found;
};

static int next_row(struct reading *r, struct stored_row *ret)
{
	const struct store_value from = store_integer(r->at.row);
	int rc;

	ret->found = false;
	rc = store_read(r->ingest->store, STORE_ARRIVAL_NEXT, &from, 1, take_row, ret);
	return SL_MIN(rc, 0);
}

static int take_event(void *arg, uint64_t seq, const char *line, size_t len)
{
	struct reading *r = arg;

	r->last = seq;
	r->found++;
	return r->fn(r->arg, line, len);
}

static int open_day(struct reading *r, int64_t number)
{
	int rc;

	if (r->day && r->day_number == number)
		return 0;
	event_day_close(r->day);
	r->day = NULL;
	rc = event_day_open(r->ingest->events->days, number, EVENT_DAY_READS, &r->day);
	if (rc != 0)
		r->day = NULL;
	r->day_number = number;
	return rc;
}

static int read_events(struct reading *r, const struct stored_row *row)
{
	struct event_numbers numbers = {
	        .device = row->device,
	        .epoch = strtoull(row->epoch, NULL, 16),
	        .first = r->at.row == row->id ? SL_MAX(row->first, r->at.seq) : row->first,
	        .last = row->last,
	        .limit = r->left};
	int rc = open_day(r, row->day);

	r->found = 0;
	return rc ? rc : event_day_read(r->day, &numbers, take_event, r);
}

static void pass_row(struct reading *r, const struct stored_row *row)
{
	r->at = (struct arrival_place){.row = row->id + 1};
}

/* 1: that is all there is by now. */
static int read_row(struct reading *r)
{
	/* Asked before the day is: what was not coming any more by then is in the day, or failed.
	 */
	bool coming = atomic_load(&r->ingest->own_coming) > 0;
	struct stored_row row;
	int rc = next_row(r, &row);

	if (rc != 0 || !row.found)
		return rc ? rc : 1;
	rc = read_events(r, &row);
	/* Its time is over, or nobody can read it. */
	if (rc == SL_ENOENT || rc == SL_EMALFORMED) {
		r->gone += row.events;
		pass_row(r, &row);
		return 0;
	}
	if (rc != 0)
		return rc;
	if (r->found == 0 && coming && strcmp(row.epoch, r->ingest->epoch) == 0)
		return 1;
	if (r->found < r->left)
		pass_row(r, &row);
	else
		r->at = (struct arrival_place){.row = row.id, .seq = r->last + 1};
	r->left -= (unsigned)r->found;
	return 0;
}

int arrival_read(struct ingest *ingest, const struct arrival_place *from, unsigned limit,
                 arrival_fn *fn, void *arg, struct arrival_place *ret_next, uint64_t *ret_gone)
{
	struct reading r = {.ingest = ingest, .at = *from, .left = limit, .fn = fn, .arg = arg};
	int rc = 0;

	while (rc == 0 && r.left > 0)
		rc = read_row(&r);
	event_day_close(r.day);
	if (rc < 0)
		return rc;
	*ret_next = r.at;
	*ret_gone = r.gone;
	return 0;
}

void arrival_on_came(struct ingest *ingest, arrival_came_fn *fn, void *arg)
{
	ingest->came = fn;
	ingest->came_arg = arg;
}
