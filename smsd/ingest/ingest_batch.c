/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch, line by line. Each line counts one at least, so that one without a number cannot make
 * its device send it for ever. A number that is missing was lost before it came: that is an event
 * of its own, filed at the time of the line behind the gap and known by the first number missing,
 * so that a batch that comes again says it no second time.
 */
#include "smsd/ingest/ingest_batch.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/remote/remote.h"
#include "smsd/ingest/intake_line.h"

enum { TEXT_A_RECORD = 4 * 1024 };

struct reader {
	const struct ingest_batch *batch;
	const struct batch_frame *frame;
	struct batch_read *out;
	uint64_t epoch;
	size_t room;       /* of out->records */
	uint64_t position; /* the number that the next line has at least */
	struct intake_line line;
};

/* Texts are places in out->text until all is read: it moves as it grows. */
static int add_record(struct reader *r, const struct event_record *record)
{
	struct batch_read *out = r->out;
	size_t room = r->room ? r->room * 2 : 64;
	struct event_record *records;

	if (out->count == r->room) {
		records = reallocarray(out->records, room, sizeof(*records));
		if (!records)
			return SL_ENOMEM;
		out->records = records;
		r->room = room;
	}
	out->records[out->count++] = *record;
	return 0;
}

/* The words of r->line, in `record` as their place. */
static int add_words(struct reader *r, struct event_record *record)
{
	size_t from = r->out->text.len;
	int rc = intake_line_words(&r->line, &r->out->text);

	record->words = (const char *)from;
	record->words_len = r->out->text.len - from;
	return rc;
}

/* ---- gaps -------------------------------------------------------------------------------- */

/* Its own line, as JSON text to be freed. */
static char *gap_text(const struct reader *r, int64_t time_ms, uint64_t from, uint64_t to)
{
	char time[CLOCK_TEXT_MAX], message[512];
	json_t *gap;
	char *text;

	(void)snprintf(message, sizeof(message),
	               "events %" PRIu64 " to %" PRIu64 " of %s were lost before they came", from,
	               to - 1, r->batch->device);
	gap = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:{s:s, s:I, s:I, s:I}}", "timestamp",
	                clock_format_us((uint64_t)time_ms * 1000, time), "event_type", "gap",
	                "epoch", r->batch->epoch, "seq", (json_int_t)from, "device", INGEST_SELF,
	                "message", message, "gap", "device", r->batch->device, "from",
	                (json_int_t)from, "to", (json_int_t)(to - 1), "lost",
	                (json_int_t)(to - from));
	text = gap ? json_dumps(gap, JSON_COMPACT) : NULL;
	json_decref(gap);
	return text;
}

/* `from` to `to` (not) never came. */
static int add_gap(struct reader *r, int64_t time_ms, uint64_t from, uint64_t to)
{
	struct event_record record = {
	        .time_ms = time_ms, .device = r->out->gap_device, .epoch = r->epoch, .seq = from};
	struct intake_line saved = r->line;
	char *text = gap_text(r, time_ms, from, to);
	size_t at = r->out->text.len;
	int rc = text ? buf_add(&r->out->text, text, strlen(text)) : SL_ENOMEM;

	r->out->lost += to - from;
	record.line = (const char *)at;
	record.len = text ? strlen(text) : 0;
	if (rc == 0)
		rc = intake_line_read(text, record.len, &r->line);
	if (rc == 0)
		rc = add_words(r, &record);
	if (rc == 0)
		rc = add_record(r, &record);
	r->line = saved;
	free(text);
	return rc;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* Where the line of r->line is filed. */
static int64_t time_of(struct reader *r)
{
	if (r->line.time_ms <= r->frame->now_ms + INGEST_AHEAD_MS)
		return r->line.time_ms;
	r->out->odd = true;
	return r->frame->odd_ms;
}

/* The line has the number `seq`: those between it and what was expected never came. */
static int reach(struct reader *r, uint64_t seq, int64_t time_ms)
{
	uint64_t expected = r->out->next;
	bool begun = r->frame->known || expected > r->batch->first;

	/* Beside a line that is not kept, the gap would not be kept either. */
	if (time_ms < r->frame->oldest_ms)
		time_ms = r->frame->now_ms;

	r->position = seq + 1;
	r->out->next = SL_MAX(expected, seq + 1);
	return seq > expected && begun ? add_gap(r, time_ms, expected, seq) : 0;
}

static int keep_line(struct reader *r, const char *text, size_t len)
{
	struct event_record record = {.device = r->batch->device,
	                              .epoch = r->epoch,
	                              .seq = r->line.seq,
	                              .line = text,
	                              .len = len,
	                              .time_ms = time_of(r)};
	int rc = reach(r, record.seq, record.time_ms);

	if (record.time_ms < r->frame->oldest_ms) {
		r->out->expired++;
		return rc;
	}
	if (rc == 0)
		rc = add_words(r, &record);
	return rc == 0 ? add_record(r, &record) : rc;
}

static int take_line(struct reader *r, const char *text, size_t len)
{
	if (intake_line_read(text, len, &r->line) != 0) {
		r->out->malformed++;
		return reach(r, r->position, r->frame->now_ms);
	}
	if (r->line.epoch != r->epoch) {
		r->out->foreign++;
		return reach(r, r->position, r->frame->now_ms);
	}
	if (!intake_field_is(&r->line, INTAKE_DEVICE, r->batch->device)) {
		r->out->foreign++;
		return reach(r, SL_MAX(r->line.seq, r->position), r->frame->now_ms);
	}
	if (r->line.seq < r->position || r->line.seq < r->frame->expected) {
		r->out->repeated += r->line.seq < r->frame->expected;
		r->out->malformed += r->line.seq >= r->frame->expected;
		r->position = SL_MAX(r->position, r->line.seq + 1);
		return 0;
	}
	return keep_line(r, text, len);
}

static int take_lines(struct reader *r)
{
	const char *at = r->batch->lines, *end = at + r->batch->len;
	size_t count = 0;
	int rc = 0;

	while (at < end && rc == 0) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		if (++count > REMOTE_EVENT_LINES_MAX)
			return SL_ERANGE;
		rc = take_line(r, at, len);
		at = stop ? stop + 1 : end;
	}
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static bool read_epoch(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (strlen(text) != INTAKE_EPOCH_LEN)
		return false;
	for (; *text; text++) {
		if (!((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f')))
			return false;
		value = value << 4 | (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
	}
	*ret = value;
	return true;
}

/* Now that the text moves no more, places in it become texts. */
static void settle_texts(struct batch_read *read)
{
	const char *text = buf_text(&read->text);

	for (size_t i = 0; i < read->count; i++) {
		struct event_record *record = &read->records[i];

		record->words = text + (size_t)record->words;
		if (record->device == read->gap_device)
			record->line = text + (size_t)record->line;
	}
}

int batch_read(const struct ingest_batch *batch, const struct batch_frame *frame,
               struct batch_read *read)
{
	struct reader *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : SL_ENOMEM;

	if (rc != 0)
		return rc;
	*read = (struct batch_read){.next = frame->known ? frame->expected : batch->first};
	*r = (struct reader){.batch = batch, .frame = frame, .out = read, .position = batch->first};
	buf_init(&read->text, (size_t)REMOTE_EVENT_LINES_MAX * TEXT_A_RECORD);
	(void)snprintf(read->gap_device, sizeof(read->gap_device), INGEST_SELF "/%s",
	               batch->device);
	if (!read_epoch(batch->epoch, &r->epoch) || batch->first >> INTAKE_SEQ_BITS)
		rc = SL_EINVAL;
	if (rc == 0)
		rc = take_lines(r);
	free(r);
	if (rc == 0)
		settle_texts(read);
	else
		batch_read_fini(read);
	return rc;
}

void batch_read_fini(struct batch_read *read)
{
	free(read->records);
	buf_fini(&read->text);
}
