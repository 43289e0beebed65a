/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RELAY: both directions are the same code with the legs exchanged. Read into the worker's scratch,
 * let the inspector release, write; what is not released or not taken stays in the direction's
 * buffer, and then its source is not read until that is gone. An idle session holds no buffer.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

static enum tse_direction index_of(const struct session *s, const struct direction *d)
{
	return d == &s->directions[TSE_TO_SERVER] ? TSE_TO_SERVER : TSE_TO_CLIENT;
}

/* A leg that failed in the relay: RST is passed on as RST; a broken one has had its alert. */
static int leg_failed(struct session *s, struct leg *leg)
{
	enum reason reason = leg->reason;

	if (leg->end == LEG_BROKEN)
		counter_add(s->host->counters,
		            leg->side == LEG_CLIENT ? COUNTER_clientErrors : COUNTER_serverErrors,
		            1);
	session_close(s, reason);
	return SL_EREFUSED;
}

/* Writes what it can of `len` bytes; SL_EAGAIN with *ret_len short of it, or with all of it taken
 * but some in the leg's hands. */
static int write_out(struct session *s, struct direction *d, const uint8_t *data, size_t len,
                     size_t *ret_len)
{
	size_t done = 0, n;
	int rc = 0;

	while (rc == 0 && done < len) {
		rc = d->to->ops->write(d->to, data + done, len - done, &n);
		if (rc == 0)
			done += n;
	}
	if (d->bytes == 0 && done > 0 && index_of(s, d) == TSE_TO_SERVER)
		counter_add_time(s->host->counters, HISTOGRAM_added_latency,
		                 clock_now_ns() - s->begun_ns);
	d->bytes += done;
	*ret_len = done;
	if (rc == 0 && d->to->unsent)
		rc = SL_EAGAIN;
	if (rc == SL_EAGAIN)
		d->write_wants = d->to->wants;
	return rc;
}

/* Sends what the far leg was given before. */
static int flush_leg(struct session *s, struct direction *d)
{
	int rc = d->to->unsent ? d->to->ops->flush(d->to) : 0;

	if (rc == SL_EAGAIN)
		d->write_wants = d->to->wants;
	return rc == 0 || rc == SL_EAGAIN ? rc : leg_failed(s, d->to);
}

/* Sends what was released before. */
static int flush(struct session *s, struct direction *d)
{
	size_t n = 0;
	int rc = flush_leg(s, d);

	if (rc != 0 || d->unsent == 0)
		return rc;
	rc = write_out(s, d, d->held.data, d->unsent, &n);
	buf_consume(&d->held, n);
	d->unsent -= n;
	if (d->held.len == 0)
		buf_fini(&d->held);
	if (rc == SL_EAGAIN || rc == 0)
		return rc;
	return leg_failed(s, d->to);
}

/* Adds released bytes to those that wait for the far leg, in front of what is not released. */
static int send_or_keep(struct session *s, struct direction *d, const uint8_t *data, size_t len)
{
	size_t n = 0;
	int rc = d->unsent == 0 ? write_out(s, d, data, len, &n) : SL_EAGAIN;

	if (rc != 0 && rc != SL_EAGAIN)
		return leg_failed(s, d->to);
	if (n == len)
		return 0;
	if (buf_add(&d->held, data + n, len - n) != 0) {
		session_close(s, REASON_HOLD_LIMIT);
		return SL_EREFUSED;
	}
	d->unsent += len - n;
	return 0;
}

/*
 * Inspects a view and sends what it releases. *ret_used is how much of the view is dealt with; the
 * rest is unreleased. The view must not lie in d->held, into which unsent bytes go.
 */
static int inspect(struct session *s, struct direction *d, uint8_t *view, size_t len, bool eof,
                   size_t *ret_used)
{
	struct tse_result *r = &s->host->result;
	size_t from = 0, release;
	int rc = inspection_feed(s, index_of(s, d), view, len, eof, r);

	if (rc != 0)
		return rc;
	release = SL_MIN(r->release, len);
	if (r->replacement) {
		from = SL_MIN(r->replaced, len);
		rc = send_or_keep(s, d, r->replacement, r->replacement_len);
	}
	if (rc == 0 && release > from)
		rc = send_or_keep(s, d, view + from, release - from);
	*ret_used = SL_MAX(from, release);
	return rc;
}

/* New bytes while earlier ones are unreleased: the view is both together, in a buffer of its own
 * until the inspector has spoken. */
static int inspect_with_held(struct session *s, struct direction *d, uint8_t *data, size_t len,
                             bool eof)
{
	struct buf view = d->held; /* nothing is unsent here */
	size_t used = 0;
	int rc = buf_add(&view, data, len);

	buf_init(&d->held, RELAY_HELD_MAX);
	if (rc != 0) {
		d->held = view;
		session_close(s, REASON_HOLD_LIMIT);
		return SL_EREFUSED;
	}
	rc = inspect(s, d, view.data ? view.data : data, view.len, eof, &used);
	if (rc == 0 && used == 0 && d->unsent == 0) {
		d->held = view; /* nothing released: no copy */
		return 0;
	}
	if (rc == 0 && used < view.len)
		rc = buf_add(&d->held, view.data + used, view.len - used);
	buf_fini(&view);
	return rc;
}

static int inspect_and_send(struct session *s, struct direction *d, uint8_t *data, size_t len,
                            bool eof)
{
	size_t used = 0;
	int rc;

	if (d->held.len > 0)
		return inspect_with_held(s, d, data, len, eof);
	rc = inspect(s, d, data, len, eof, &used);
	if (rc == 0 && used < len && buf_add(&d->held, data + used, len - used) != 0) {
		session_close(s, REASON_HOLD_LIMIT);
		return SL_EREFUSED;
	}
	return rc;
}

/* Reads as many records as the scratch takes without asking the socket more often than needed. */
static int read_some(struct direction *d, uint8_t *scratch, size_t size, size_t *ret_len)
{
	size_t len = 0, n;
	int rc;

	do {
		rc = d->from->ops->read(d->from, scratch + len, size - len, &n);
		if (rc == 0)
			len += n;
	} while (rc == 0 && len < size && d->from->ops->pending(d->from));
	*ret_len = len;
	return rc;
}

/* What follows a close_notify: 0 for the FIN (bytes behind a close_notify mean nothing in TLS, RFC
 * 8446 section 6.1), SL_EAGAIN while nothing has come, SL_ECLOSED for a RST. */
static int look_behind(const struct leg *from)
{
	uint8_t byte;

	if (recv(from->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN || errno == EINTR ? SL_EAGAIN : SL_ECLOSED;
}

/*
 * Passes an end on as what it was: close_notify as close_notify, and the FIN behind it when it
 * comes, in one packet when it is there already; a FIN without close_notify as such. 0 when nothing
 * is left to do for this direction.
 */
static int pass_end(struct session *s, struct direction *d)
{
	int behind = d->from->end == LEG_CLOSED ? look_behind(d->from) : 0;
	int rc;

	if (d->from->end == LEG_CLOSED && !d->notified) {
		d->to->fin_follows = behind == 0;
		rc = d->to->ops->shutdown(d->to, LEG_CLOSED);
		d->to->fin_follows = false;
		if (rc == SL_EAGAIN) {
			d->write_wants = d->to->wants;
			return rc;
		}
		d->notified = true;
	}
	if (behind == SL_EAGAIN) {
		d->read_wants = LEG_WANTS_READ;
		return SL_EAGAIN;
	}
	if (behind != 0) {
		session_close(s, d->from->side == LEG_CLIENT ? REASON_CLIENT_RESET
		                                             : REASON_SERVER_RESET);
		return SL_EREFUSED;
	}
	(void)shutdown(d->to->fd, SHUT_WR);
	d->to->shut = true;
	d->finished = true;
	return 0;
}

/* Everything that is there in one direction, up to its budget. 0: this direction has ended. */
static int pump(struct session *s, struct direction *d)
{
	uint8_t *scratch = s->host->read_scratch;
	size_t budget = RELAY_BUDGET, len = 0;
	int rc;

	d->read_wants = d->write_wants = LEG_WANTS_NOTHING;
	while (!d->finished) {
		rc = flush(s, d);
		if (rc != 0)
			return rc;
		if (d->eof && d->eof_fed)
			return pass_end(s, d);
		if (!d->eof) {
			rc = read_some(d, scratch, RELAY_READ_MAX, &len);
			d->eof = rc == SL_EEOF;
			if (d->eof && !s->first_end)
				s->first_end = (uint8_t)(d->from->side + 1);
			if (len > 0)
				s->active_ns = loop_now_ns(s->host->loop);
			if (rc != 0 && rc != SL_EAGAIN &&
			    (rc != SL_EEOF || d->from->end == LEG_RESET))
				return leg_failed(s, d->from);
		} else {
			len = 0;
			rc = SL_EEOF;
		}
		if (len > 0 || d->eof) {
			int fed = inspect_and_send(s, d, scratch, len, d->eof);

			if (fed != 0)
				return fed;
			d->eof_fed = d->eof;
		}
		if (d->unsent > 0 || d->to->unsent)
			return SL_EAGAIN; /* back-pressure: nothing is read until it is gone */
		if (rc == SL_EAGAIN) {
			d->read_wants = d->from->wants;
			return rc;
		}
		if (len >= budget) {
			session_wake(s);
			return SL_EAGAIN;
		}
		budget -= len;
		/* The socket says when there is more; what is inside of the library it does not. */
		if (!d->eof && !d->from->ops->pending(d->from)) {
			d->read_wants = LEG_WANTS_READ;
			return SL_EAGAIN;
		}
	}
	return 0;
}

static void set_direction(struct session *s, enum tse_direction d, enum leg_side from)
{
	s->directions[d].from = &s->legs[from];
	s->directions[d].to = &s->legs[1 - from];
}

/* Who ended first says it: the answer to a close_notify is often a FIN alone. */
enum reason relay_reason(const struct session *s)
{
	if (s->first_end == LEG_CLIENT + 1 && s->legs[LEG_CLIENT].end == LEG_TRUNCATED)
		return REASON_TRUNCATED_CLIENT;
	if (s->first_end == LEG_SERVER + 1 && s->legs[LEG_SERVER].end == LEG_TRUNCATED)
		return REASON_TRUNCATED_SERVER;
	return REASON_CLOSED;
}

static void begin_relay(struct session *s)
{
	const struct config_ssl_inspection *conf = &s->setup->config->ssl_inspection;

	set_direction(s, TSE_TO_SERVER, LEG_CLIENT);
	set_direction(s, TSE_TO_CLIENT, LEG_SERVER);
	s->active_ns = clock_now_ns();
	session_arm(s, SL_MIN(conf->idle_timeout_ms, conf->close_timeout_ms) * CLOCK_NS_PER_MS);
}

/* A direction that no event concerns is as it was: waiting or finished. */
static int run_direction(struct session *s, enum tse_direction d)
{
	struct direction *dir = &s->directions[d];

	if (s->ready & 1 << d)
		return pump(s, dir);
	return dir->finished ? 0 : SL_EAGAIN;
}

int step_relay(struct session *s)
{
	int to_server, to_client;

	if (s->splicing)
		return splice_run(s);
	if (!s->directions[0].from) {
		begin_relay(s);
		s->ready = 1 << TSE_TO_SERVER | 1 << TSE_TO_CLIENT;
	}
	to_server = run_direction(s, TSE_TO_SERVER);
	if (to_server != 0 && to_server != SL_EAGAIN)
		return to_server;
	to_client = run_direction(s, TSE_TO_CLIENT);
	if (to_client != 0 && to_client != SL_EAGAIN)
		return to_client;
	if (to_server == SL_EAGAIN || to_client == SL_EAGAIN)
		return SL_EAGAIN;
	session_close_orderly(s, relay_reason(s));
	return SL_EREFUSED;
}
