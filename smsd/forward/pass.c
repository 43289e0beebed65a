/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread sends: a lot of events at a time, and what is known of it at the other end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/moment.h"
#include "smsd/forward/sender_priv.h"
#include "smsd/ingest/ingest.h"

void pass_begin(struct sender *s)
{
	s->lot.len = 0;
	s->written = 0;
	s->tests = false;
	s->at = s->target.at;
	s->sent = s->target.sent;
	s->unconfirmed.on = false;
}

/* ---- what was skipped -------------------------------------------------------------------- */

static void count_skipped(struct sender *s, uint64_t skipped, const char *why)
{
	s->target.skipped += (int64_t)skipped;
	s->target.skipped_ms = moment_now_ms();
	s->unsaved = true;
	log_warning("syslog server %s: %" PRIu64 " events are skipped: %s", s->target.name, skipped,
	            why);
}

/* Rows from the oldest on, until no more wait than may. */
struct skipping {
	int64_t excess;
	int64_t row; /* where to go on */
	uint64_t skipped;
};

static int skip_row(void *arg, const struct store_row *row)
{
	struct skipping *k = arg;
	int64_t events = store_row_integer(row, 1);

	if (k->excess <= 0)
		return 1;
	k->excess -= events;
	k->skipped += (uint64_t)events;
	k->row = store_row_integer(row, 0) + 1;
	return 0;
}

static int take_number(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 1;
}

void pass_look(struct sender *s)
{
	const struct store_value from = store_integer(s->at.row);
	struct skipping k = {.row = s->at.row};
	int64_t waiting = 0;
	int rc = store_read(s->forward->store, STORE_ARRIVAL_WAITING, &from, 1, take_number,
	                    &waiting);

	k.excess = waiting - target_number(&s->target, "spool");
	if (rc < 0 || k.excess <= 0)
		return;
	if (store_read(s->forward->store, STORE_ARRIVAL_COUNTS, &from, 1, skip_row, &k) < 0)
		return;
	s->at = (struct arrival_place){.row = k.row};
	/* Without a connection nothing is on its way that could still be confirmed. */
	if (s->peer.fd < 0)
		s->target.at = s->at;
	count_skipped(s, k.skipped, "more wait than its spool has room for");
}

/* ---- a lot ------------------------------------------------------------------------------- */

static int add_event(void *arg, const char *line, size_t len)
{
	struct sender *s = arg;
	int rc = message_add(s->maker, &s->filter, line, len, &s->lot);

	s->sent += rc == 0;
	return SL_MIN(rc, 0);
}

/* A test is no event: it is in no store and counts nowhere. */
static void add_test(struct sender *s)
{
	static const struct message_filter all = {.count = 0};
	char time[CLOCK_TEXT_MAX];
	json_t *event = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "timestamp",
	                          clock_format_us(clock_wall_us(), time), "event_type",
	                          "syslog_test", "epoch", "0000000000000000", "seq", 0, "device",
	                          INGEST_SELF, "severity", "info", "process", "smsd", "message",
	                          "a test message, because somebody asked for it");
	char *line = event ? json_dumps(event, JSON_COMPACT) : NULL;

	s->tests = line && message_add(s->maker, &all, line, strlen(line), &s->lot) == 0;
	free(line);
	json_decref(event);
	if (!s->tests)
		pass_tested(s, false);
}

void pass_tested(struct sender *s, bool sent)
{
	(void)pthread_mutex_lock(&s->forward->mutex);
	s->status.testing = false;
	if (sent)
		s->status.tested_ms = moment_now_ms();
	(void)pthread_mutex_unlock(&s->forward->mutex);
	s->tests = false;
}

static bool is_test_asked(struct sender *s)
{
	bool asked;

	(void)pthread_mutex_lock(&s->forward->mutex);
	asked = s->status.testing;
	(void)pthread_mutex_unlock(&s->forward->mutex);
	return asked;
}

/* 0: there may be more; 1: there is not; a negative code of the store's. */
static int fill(struct sender *s)
{
	struct arrival_place next;
	int64_t sent = s->sent;
	uint64_t gone = 0;
	int rc;

	if (is_test_asked(s))
		add_test(s);
	rc = arrival_read(s->forward->ingest, &s->at, SENDER_LOT, add_event, s, &next, &gone);
	if (rc != 0) {
		/* The test may go alone. */
		if (!s->tests)
			s->lot.len = 0;
		s->sent = sent;
		return rc;
	}
	if (gone > 0)
		count_skipped(s, gone, "they are older than what is kept");
	rc = next.row == s->at.row && next.seq == s->at.seq;
	s->at = next;
	return rc;
}

/* What cannot be read stays the next, so it is said where people look; the log has it by who reads.
 */
static void tell_unread(struct sender *s, int rc)
{
	if (rc >= 0 && !s->unread)
		return;
	s->unread = rc < 0;
	(void)pthread_mutex_lock(&s->forward->mutex);
	s->status.error[0] = '\0';
	if (rc < 0) {
		(void)snprintf(s->status.error, sizeof(s->status.error),
		               "events cannot be read: %s", err_text(rc));
		s->status.error_ms = moment_now_ms();
	}
	(void)pthread_mutex_unlock(&s->forward->mutex);
}

static int send_lot(struct sender *s, char error[FORWARD_ERROR_MAX])
{
	size_t n = 1;
	int rc = 0;

	while (s->written < s->lot.len && n > 0) {
		rc = peer_write(&s->peer, s->lot.data + s->written, s->lot.len - s->written, &n,
		                error);
		if (rc != 0)
			return rc;
		s->written += n;
	}
	if (s->written < s->lot.len)
		return 0;
	s->lot.len = 0;
	s->written = 0;
	if (s->tests)
		pass_tested(s, true);
	return 0;
}

/* ---- what has arrived -------------------------------------------------------------------- */

void pass_confirm(struct sender *s)
{
	s->unsaved = true;
	s->target.at = s->at;
	s->target.sent = s->sent;
}

static void look_unconfirmed(struct sender *s)
{
	uint64_t now_ns = clock_now_ns();

	if (!s->unconfirmed.on)
		return;
	if (s->unconfirmed.had_ns == 0 && peer_has(&s->peer, s->unconfirmed.mark))
		s->unconfirmed.had_ns = now_ns;
	if (s->unconfirmed.had_ns == 0 ||
	    now_ns - s->unconfirmed.had_ns < FORWARD_SETTLE_MS * CLOCK_NS_PER_MS)
		return;
	s->unconfirmed.on = false;
	s->target.at = s->unconfirmed.at;
	s->target.sent = s->unconfirmed.sent;
	s->unsaved = true;
	/* A server that takes and keeps is one that is tried again soon. */
	s->delay_s = 0;
}

/* All until here is on its way, and of what went before nothing is looked for. */
static void mark_unconfirmed(struct sender *s)
{
	if (s->unconfirmed.on || s->lot.len > 0 ||
	    (s->at.row == s->target.at.row && s->at.seq == s->target.at.seq))
		return;
	s->unconfirmed.on = true;
	s->unconfirmed.at = s->at;
	s->unconfirmed.sent = s->sent;
	s->unconfirmed.mark = peer_mark(&s->peer);
	s->unconfirmed.had_ns = 0;
}

/* ---- a turn ------------------------------------------------------------------------------ */

int pass_on(struct sender *s, int *ret_wait_ms, bool *ret_news, char error[FORWARD_ERROR_MAX])
{
	int filled = s->lot.len == 0 ? fill(s) : 0;
	int rc = send_lot(s, error);

	if (rc != 0)
		return rc;
	tell_unread(s, filled);
	look_unconfirmed(s);
	mark_unconfirmed(s);
	*ret_news = filled == 1;
	*ret_wait_ms = s->unconfirmed.on ? SENDER_STEP_MS : SENDER_IDLE_MS;
	if (filled == SL_EAGAIN)
		*ret_wait_ms = SENDER_NO_DATABASE_MS;
	else if (filled < 0)
		*ret_wait_ms = SENDER_IDLE_MS;
	else if (filled == 0 && s->lot.len == 0)
		*ret_wait_ms = 0;
	return 0;
}

void pass_save(struct sender *s)
{
	if (s->unsaved && target_save(s->forward->store, &s->target) == 0)
		s->unsaved = false;
}
