/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a batch: what is known of its epoch, the lines, the days, and only then how far it
 * is. Killed in between, the days have it and the device was not answered: it sends it again, and
 * the days know it.
 */
#include "smsd/ingest/ingest.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/remote/remote.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/ingest/event_store.h"
#include "smsd/ingest/ingest_batch.h"
#include "smsd/ingest/ingest_priv.h"
#include "smsd/ingest/series.h"
#include "smsd/store/store.h"

/* ---- our own events ---------------------------------------------------------------------- */

/* Takes `own` over, which is under its kind's name; NULL: none. NULL: out of memory. */
static char *own_text(struct ingest *ingest, int64_t now_ms, uint64_t seq, enum log_level level,
                      const char *about, const char *kind, json_t *own, const char *message)
{
	char time[CLOCK_TEXT_MAX];
	json_t *line =
	        json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "timestamp",
	                  clock_format_us((uint64_t)now_ms * 1000, time), "event_type", kind,
	                  "epoch", ingest->epoch, "seq", (json_int_t)seq, "device", INGEST_SELF,
	                  "severity", log_level_name(level), "process", "smsd", "message", message);
	char *text;

	if (line && about)
		(void)json_object_set_new(line, "about", json_string(about));
	if (line && own)
		(void)json_object_set(line, kind, own);
	json_decref(own);
	text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	return text;
}

static int add_own(struct ingest *ingest, int64_t now_ms, uint64_t seq, const char *text)
{
	struct event_record record = {.time_ms = now_ms, .device = INGEST_SELF, .seq = seq};
	struct intake_line *line = malloc(sizeof(*line));
	struct buf words;
	int rc = line ? intake_line_read(text, strlen(text), line) : SL_ENOMEM;

	buf_init(&words, INTAKE_LINE_MAX);
	if (rc == 0)
		rc = intake_line_words(line, &words);
	if (rc == 0) {
		record.epoch = line->epoch;
		record.line = text;
		record.len = strlen(text);
		record.words = buf_text(&words);
		record.words_len = words.len;
		rc = event_store_add(ingest->events, &record, 1);
	}
	buf_fini(&words);
	free(line);
	return rc;
}

static void tell_came(const struct ingest *ingest)
{
	if (ingest->came)
		ingest->came(ingest->came_arg);
}

static int take_count(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

static int arrive_tx(void *arg, struct store_tx *tx)
{
	return arrival_add(tx, arg);
}

/* The row of arrival goes before the event: nobody sends it again if smsd dies in between. A write
 * of its own, so only where somebody waits for it. */
static int arrive_own(struct ingest *ingest, int64_t now_ms, uint64_t seq)
{
	struct arrival_row row = {event_day_of(now_ms), INGEST_SELF, seq, seq, 1};
	struct arrival_rows rows = {.epoch = ingest->epoch, .rows = &row, .count = 1};
	int64_t targets = 0;
	int rc = store_read(ingest->store, STORE_SYSLOG_TARGETS_ENABLED, NULL, 0, take_count,
	                    &targets);

	return rc || targets == 0 ? rc : store_write(ingest->store, arrive_tx, &rows);
}

static int tell_own(struct ingest *ingest, enum log_level level, const char *about,
                    const char *kind, json_t *own, const char *message)
{
	int64_t now_ms = moment_now_ms();
	uint64_t seq;
	char *text;
	int rc;

	(void)pthread_mutex_lock(&ingest->mutex);
	seq = ingest->seq++;
	(void)pthread_mutex_unlock(&ingest->mutex);
	text = own_text(ingest, now_ms, seq, level, about, kind, own, message);
	(void)atomic_fetch_add(&ingest->own_coming, 1);
	rc = text ? arrive_own(ingest, now_ms, seq) : SL_ENOMEM;
	if (rc == 0)
		rc = add_own(ingest, now_ms, seq, text);
	(void)atomic_fetch_sub(&ingest->own_coming, 1);
	free(text);
	tell_came(ingest);
	return rc;
}

int ingest_tell(struct ingest *ingest, enum log_level level, const char *about, const char *kind,
                json_t *own, const char *message)
{
	int rc = own ? tell_own(ingest, level, about, kind, own, message) : SL_ENOMEM;

	if (rc == 0)
		log_write(level, "%s", message);
	return rc;
}

void ingest_say(struct ingest *ingest, enum log_level level, const char *about, const char *fmt,
                ...)
{
	char message[EVENT_FILTER_TEXT_MAX * 2];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	log_write(level, "%s", message);
	if (tell_own(ingest, level, about, "system", NULL, message) != 0)
		log_error("events: the line above could not be stored as an event");
}

void ingest_on_heard(struct ingest *ingest, ingest_heard_fn *fn, void *arg)
{
	ingest->heard = fn;
	ingest->heard_arg = arg;
}

/* ---- one batch of a device at a time ----------------------------------------------------- */

static int begin_device(struct ingest *ingest, const char *device, char **ret_slot)
{
	char *slot = NULL;

	(void)pthread_mutex_lock(&ingest->mutex);
	for (size_t i = 0; i < INGEST_BUSY_MAX; i++) {
		if (strcmp(ingest->busy[i], device) == 0) {
			slot = NULL;
			break;
		}
		if (!slot && ingest->busy[i][0] == '\0')
			slot = ingest->busy[i];
	}
	if (slot)
		(void)snprintf(slot, EVENT_DAY_DEVICE_MAX, "%s", device);
	(void)pthread_mutex_unlock(&ingest->mutex);
	*ret_slot = slot;
	return slot ? 0 : SL_EAGAIN;
}

static void end_device(struct ingest *ingest, char *slot)
{
	(void)pthread_mutex_lock(&ingest->mutex);
	slot[0] = '\0';
	(void)pthread_mutex_unlock(&ingest->mutex);
}

/* ---- how far an epoch is ----------------------------------------------------------------- */

/* A row of `intake`. */
struct progress {
	bool known;
	uint64_t next;
	uint64_t odd_next; /* lines before it whose time was too far ahead are filed at odd_ms */
	int64_t odd_ms;
};

static int take_progress(void *arg, const struct store_row *row)
{
	struct progress *p = arg;

	*p = (struct progress){.known = true,
	                       .next = (uint64_t)store_row_integer(row, 0),
	                       .odd_next = (uint64_t)store_row_integer(row, 1),
	                       .odd_ms = store_row_integer(row, 2)};
	return 0;
}

static int read_progress(struct ingest *ingest, const struct ingest_batch *batch,
                         struct progress *ret)
{
	const struct store_value values[] = {store_text(batch->device), store_text(batch->epoch)};

	*ret = (struct progress){0};
	return store_read(ingest->store, STORE_INTAKE, values, 2, take_progress, ret);
}

struct saving {
	const struct ingest_batch *batch;
	const struct progress *progress;
	const struct arrival_rows *arrived; /* NULL: nothing */
};

static int save_tx(void *arg, struct store_tx *tx)
{
	const struct saving *s = arg;
	const struct store_value values[] = {
	        store_text(s->batch->device),
	        store_text(s->batch->epoch),
	        store_integer((int64_t)s->progress->next),
	        store_integer((int64_t)s->progress->odd_next),
	        store_integer(s->progress->odd_ms),
	        store_integer(moment_now_ms()),
	};
	const struct store_value old[] = {store_text(s->batch->device),
	                                  store_integer(INGEST_EPOCHS_KEPT)};
	int rc = store_tx_run(tx, STORE_INTAKE_SET, values, SL_ARRAY_LEN(values), NULL, NULL);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_INTAKE_DROP_OLD, old, 2, NULL, NULL);
	return rc || !s->arrived ? rc : arrival_add(tx, s->arrived);
}

static int save_progress(struct ingest *ingest, const struct ingest_batch *batch,
                         const struct progress *progress, const struct arrival_rows *arrived)
{
	struct saving saving = {batch, progress, arrived};

	return store_write(ingest->store, save_tx, &saving);
}

/* ---- a batch ----------------------------------------------------------------------------- */

/* Where lines of no time went the first time is written before they go there: should they come
 * again on another day, they are found. */
static int save_odd(struct ingest *ingest, const struct ingest_batch *batch,
                    const struct batch_read *read, const struct batch_frame *frame,
                    struct progress *progress)
{
	if (!read->odd || progress->odd_next >= read->next)
		return 0;
	progress->odd_next = read->next;
	progress->odd_ms = frame->odd_ms;
	return save_progress(ingest, batch, progress, NULL);
}

/* How far it is by now, and in the same write what arrived. */
static int save_stored(struct ingest *ingest, const struct ingest_batch *batch,
                       const struct batch_read *read, struct progress *progress)
{
	struct arrival_rows arrived;
	int rc = arrival_rows_make(batch->epoch, read->records, read->count, &arrived);

	progress->next = SL_MAX(read->next, progress->next);
	if (rc == 0)
		rc = save_progress(ingest, batch, progress, &arrived);
	arrival_rows_fini(&arrived);
	if (rc == 0)
		tell_came(ingest);
	return rc;
}

static int store_batch(struct ingest *ingest, const struct ingest_batch *batch,
                       const struct batch_read *read, const struct batch_frame *frame,
                       struct progress *progress)
{
	int rc = save_odd(ingest, batch, read, frame, progress);

	if (rc == 0 && read->count > 0)
		rc = event_store_add(ingest->events, read->records, read->count);
	if (rc == 0 && read->count > 0 && ingest->heard)
		rc = ingest->heard(ingest->heard_arg, batch->device, read->records, read->count);
	if (rc == 0 && (!progress->known || read->next > progress->next))
		rc = save_stored(ingest, batch, read, progress);
	return rc;
}

static void tell_refused(struct ingest *ingest, const struct ingest_batch *batch,
                         const struct batch_read *read)
{
	if (read->malformed + read->foreign + read->expired == 0)
		return;
	ingest_say(ingest, LOG_LEVEL_WARNING, batch->device,
	           "%s sent events that are not kept: %" PRIu64 " are no events, %" PRIu64
	           " are of another device or epoch, %" PRIu64 " are older than what is kept",
	           batch->device, read->malformed, read->foreign, read->expired);
}

static void fill_answer(const struct ingest_batch *batch, const struct batch_read *read,
                        struct ingest_answer *answer)
{
	*answer =
	        (struct ingest_answer){.next = SL_MAX(read->next, batch->first),
	                               .repeated = read->repeated,
	                               .lost = read->lost,
	                               .refused = read->malformed + read->foreign + read->expired};
	for (size_t i = 0; i < read->count; i++) {
		bool own = read->records[i].device == read->gap_device;

		answer->stored += !own && read->records[i].added;
		answer->repeated += !own && !read->records[i].added;
	}
}

static int take_batch(struct ingest *ingest, const struct ingest_batch *batch,
                      struct ingest_answer *answer)
{
	int64_t now_ms = moment_now_ms();
	struct batch_frame frame = {
	        .now_ms = now_ms,
	        .oldest_ms = (event_day_of(now_ms) - ingest->options.keep_days) * EVENT_DAY_MS,
	};
	struct progress progress;
	struct batch_read read;
	int rc = read_progress(ingest, batch, &progress);

	if (rc != 0)
		return rc;
	frame.known = progress.known;
	frame.expected = progress.next;
	frame.odd_ms =
	        progress.odd_next > SL_MAX(batch->first, progress.next) ? progress.odd_ms : now_ms;
	rc = batch_read(batch, &frame, &read);
	if (rc != 0)
		return rc;
	rc = store_batch(ingest, batch, &read, &frame, &progress);
	if (rc == 0) {
		fill_answer(batch, &read, answer);
		tell_refused(ingest, batch, &read);
	}
	batch_read_fini(&read);
	return rc;
}

static int refuse(struct problem *problem, int rc)
{
	switch (rc) {
	case SL_EINVAL:
		return problem_add(problem, rc, "", "",
		                   "epoch is 16 hexadecimal digits, first a number below 2^53");
	case SL_EAGAIN:
		problem->retry_s = 5;
		return problem_add(problem, rc, "", "keep the events and send them again",
		                   "the database is away");
	case SL_EFULL:
		problem->retry_s = 30;
		return problem_add(problem, SL_EAGAIN, "", "keep the events and send them again",
		                   "there is no room for events on the disk");
	case SL_EMALFORMED:
		return problem_add(problem, SL_EIO, "", "the log of smsd names it",
		                   "the file of a day of these events is damaged");
	case SL_ERANGE:
		return problem_add(problem, rc, "", "send less at a time",
		                   "a batch has %d lines at most", REMOTE_EVENT_LINES_MAX);
	default:
		return problem_add(problem, rc, "", "", "events cannot be stored: %s",
		                   err_text(rc));
	}
}

int ingest_take(struct ingest *ingest, const struct ingest_batch *batch,
                struct ingest_answer *ret_answer, struct problem *problem)
{
	char *slot;
	int rc = begin_device(ingest, batch->device, &slot);

	if (rc != 0) {
		problem->retry_s = 1;
		return problem_add(problem, rc, "", "send one batch at a time",
		                   "another batch of this device is under way");
	}
	rc = take_batch(ingest, batch, ret_answer);
	end_device(ingest, slot);
	return rc == 0 ? 0 : refuse(problem, rc);
}

int ingest_count(struct ingest *ingest, const char *device, const json_t *minutes,
                 struct problem *problem)
{
	int rc = series_add(ingest->store, device, minutes, moment_now_ms());

	return rc ? problem_add(problem, rc == SL_EFULL ? SL_EAGAIN : rc, "", "",
	                        "counters cannot be stored: %s", err_text(rc))
	          : 0;
}

/* ---- the whole --------------------------------------------------------------------------- */

void ingest_tick(struct ingest *ingest)
{
	int64_t today = event_day_of(moment_now_ms());
	unsigned dropped = 0;
	int rc = event_store_sweep(ingest->events, today - ingest->options.keep_days,
	                           ingest->options.keep_bytes, &dropped);

	if (rc == 0)
		rc = series_sweep(ingest->store, moment_now_ms());
	if (rc != 0)
		log_error("events: what is too old cannot be removed: %s", err_text(rc));
	if (dropped > 0)
		ingest_say(ingest, LOG_LEVEL_INFO, NULL,
		           "the events of %u days were removed, by age or for room", dropped);
}

struct event_store *ingest_events(struct ingest *ingest)
{
	return ingest->events;
}

int ingest_open(struct store *store, const struct ingest_options *options,
                struct ingest **ret_ingest, struct problem *problem)
{
	struct ingest *ingest = calloc(1, sizeof(*ingest));
	uint64_t random;
	int rc;

	if (!ingest)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	ingest->store = store;
	ingest->options = *options;
	(void)pthread_mutex_init(&ingest->mutex, NULL);
	rc = RAND_bytes((unsigned char *)&random, sizeof(random)) == 1 ? 0 : SL_ECRYPTO;
	(void)snprintf(ingest->epoch, sizeof(ingest->epoch), "%016" PRIx64, random);
	if (rc != 0)
		(void)problem_add(problem, rc, "", "", "%s", err_text(rc));
	else
		rc = event_store_open(store_database(store), options->directory, &ingest->events,
		                      problem);
	if (rc == 0)
		*ret_ingest = ingest;
	else
		ingest_close(ingest);
	return rc;
}

void ingest_close(struct ingest *ingest)
{
	if (!ingest)
		return;
	event_store_close(ingest->events);
	(void)pthread_mutex_destroy(&ingest->mutex);
	free(ingest);
}
