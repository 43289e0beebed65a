/* SPDX-License-Identifier: Apache-2.0 */
/* A thread a server: what it is told, connecting, and waiting until there is something to do. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/thread.h"
#include "smsd/base/moment.h"
#include "smsd/forward/sender_priv.h"

/* ---- from other threads ------------------------------------------------------------------ */

static void signal_fd(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* True: it was signalled. */
static bool clear_fd(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

void sender_order(struct sender *sender)
{
	signal_fd(sender->order);
}

void sender_tell(struct sender *sender)
{
	signal_fd(sender->news);
}

bool sender_has_ended(const struct sender *sender)
{
	return sender->ended;
}

struct sender **sender_next(struct sender *sender)
{
	return &sender->next;
}

int64_t sender_id(const struct sender *sender)
{
	return sender->id;
}

struct sender_status *sender_status(struct sender *sender)
{
	return &sender->status;
}

/* ---- what it says of itself -------------------------------------------------------------- */

static void set_state(struct sender *s, enum sender_state state)
{
	(void)pthread_mutex_lock(&s->forward->mutex);
	if (s->status.state != state || s->status.since_ms == 0)
		s->status.since_ms = moment_now_ms();
	s->status.state = state;
	(void)pthread_mutex_unlock(&s->forward->mutex);
}

static bool is_testing(struct sender *s)
{
	bool testing;

	(void)pthread_mutex_lock(&s->forward->mutex);
	testing = s->status.testing;
	(void)pthread_mutex_unlock(&s->forward->mutex);
	return testing;
}

/* The first failure is said, and when it is over. */
static void set_failed(struct sender *s, const char *error)
{
	int64_t now_ms = moment_now_ms();

	(void)pthread_mutex_lock(&s->forward->mutex);
	(void)snprintf(s->status.error, sizeof(s->status.error), "%s", error);
	s->status.error_ms = now_ms;
	(void)pthread_mutex_unlock(&s->forward->mutex);
	set_state(s, SENDER_WAITING);
	if (s->target.failing_ms != 0)
		return;
	s->target.failing_ms = now_ms;
	s->unsaved = true;
	log_warning("syslog server %s is not reached: %s", s->target.name, error);
}

static void set_connected(struct sender *s)
{
	(void)pthread_mutex_lock(&s->forward->mutex);
	s->status.error[0] = '\0';
	(void)pthread_mutex_unlock(&s->forward->mutex);
	set_state(s, SENDER_CONNECTED);
	s->connected_ns = clock_now_ns();
}

/* One that takes connections and ends them at once is not reached. */
static void look_reached(struct sender *s)
{
	if (s->target.failing_ms == 0 ||
	    clock_now_ns() - s->connected_ns < FORWARD_SETTLE_MS * CLOCK_NS_PER_MS)
		return;
	s->target.failing_ms = 0;
	s->unsaved = true;
	log_info("syslog server %s is reached again", s->target.name);
}

/* ---- its row ----------------------------------------------------------------------------- */

static void set_kinds(struct sender *s)
{
	const json_t *kinds = json_object_get(s->target.body, "kinds");

	s->filter = (struct message_filter){
	        .kinds = s->kinds,
	        .count = SL_MIN(json_array_size(kinds), (size_t)FORWARD_KINDS_MAX)};
	for (size_t i = 0; i < s->filter.count; i++)
		s->kinds[i] = json_string_value(json_array_get(kinds, i));
}

static void disconnect(struct sender *s)
{
	peer_close(&s->peer);
	s->retry_ns = clock_now_ns() + s->delay_s * CLOCK_NS_PER_S;
	s->delay_s = SL_MIN(s->delay_s ? s->delay_s * 2 : 1U, (unsigned)FORWARD_RETRY_MAX_S);
}

/* Where it is and what it counted are this thread's while it is enabled. */
static void use_row(struct sender *s, struct target_row *row)
{
	if (s->loaded && s->target.enabled && row->enabled) {
		row->at = s->target.at;
		row->sent = s->target.sent;
		row->skipped = s->target.skipped;
		row->skipped_ms = s->target.skipped_ms;
	}
	if (s->peer.fd >= 0)
		disconnect(s);
	target_row_fini(&s->target);
	s->target = *row;
	s->loaded = true;
	set_kinds(s);
	s->delay_s = 0;
	s->retry_ns = s->looked_ns = 0;
	pass_begin(s);
	set_state(s, row->enabled ? SENDER_CONNECTING : SENDER_DISABLED);
}

/* False: the row is gone, or all is to end. */
static bool take_orders(struct sender *s)
{
	struct target_row row;
	int rc;

	if (atomic_load(&s->forward->stopping))
		return false;
	if (!clear_fd(s->order) && s->loaded)
		return true;
	rc = target_by_id(s->forward->store, s->id, &row);
	if (rc == SL_ENOENT)
		return false;
	/* The database is away: once more, and not at once. */
	if (rc != 0) {
		(void)poll(NULL, 0, SENDER_NO_DATABASE_MS);
		signal_fd(s->order);
		return true;
	}
	if (!s->loaded || row.revision != s->target.revision)
		use_row(s, &row);
	else
		target_row_fini(&row);
	if (is_testing(s))
		s->retry_ns = 0;
	return true;
}

/* ---- turns ------------------------------------------------------------------------------- */

/* On orders, on what comes from the server, on room for more, on news. */
static void wait_for(const struct sender *s, int ms, bool news)
{
	struct pollfd fds[] = {
	        {.fd = s->order, .events = POLLIN},
	        {.fd = s->peer.fd, .events = peer_events(&s->peer, s->lot.len > 0)},
	        {.fd = news ? s->news : -1, .events = POLLIN},
	};

	(void)poll(fds, SL_ARRAY_LEN(fds), ms);
}

static void fail(struct sender *s, const char *error)
{
	set_failed(s, error);
	disconnect(s);
	pass_tested(s, false);
	pass_begin(s);
}

static void connect_turn(struct sender *s)
{
	const struct peer_options options = {
	        .host = target_text(&s->target, "host"),
	        .port = (uint16_t)target_number(&s->target, "port"),
	        .tls = strcmp(target_text(&s->target, "transport"), "tls") == 0,
	        .ca = target_text(&s->target, "ca"),
	        .order = s->order};
	uint64_t now_ns = clock_now_ns();
	char error[FORWARD_ERROR_MAX];
	int rc;

	if (now_ns < s->retry_ns) {
		uint64_t ms = (s->retry_ns - now_ns) / CLOCK_NS_PER_MS + 1;

		wait_for(s, (int)SL_MIN(ms, (uint64_t)SENDER_IDLE_MS), false);
		return;
	}
	set_state(s, SENDER_CONNECTING);
	rc = peer_connect(&options, &s->peer, error);
	if (rc == SL_ENOMEM)
		(void)snprintf(error, sizeof(error), "%s", err_text(rc));
	if (rc == 0)
		set_connected(s);
	else if (rc != SL_EAGAIN)
		fail(s, error);
}

static void pass_turn(struct sender *s)
{
	int wait_ms = 0, rc;
	bool news = false;
	char error[FORWARD_ERROR_MAX];

	rc = peer_read(&s->peer, error);
	(void)clear_fd(s->news);
	if (rc == 0)
		rc = pass_on(s, &wait_ms, &news, error);
	if (rc != 0) {
		fail(s, error);
		return;
	}
	look_reached(s);
	pass_save(s);
	if (wait_ms > 0)
		wait_for(s, wait_ms, news);
}

static void turn(struct sender *s)
{
	uint64_t now_ns = clock_now_ns();

	if (!s->loaded)
		return;
	if (!s->target.enabled) {
		wait_for(s, -1, false);
		return;
	}
	if (now_ns - s->looked_ns >= SENDER_LOOK_S * CLOCK_NS_PER_S) {
		s->looked_ns = now_ns;
		pass_look(s);
	}
	pass_save(s);
	if (s->peer.fd < 0)
		connect_turn(s);
	else
		pass_turn(s);
}

static void *run(void *arg)
{
	struct sender *s = arg;

	while (take_orders(s))
		turn(s);
	if (s->peer.fd >= 0 && s->lot.len == 0 && peer_finish(&s->peer))
		pass_confirm(s);
	peer_close(&s->peer);
	if (s->loaded)
		pass_save(s);
	(void)pthread_mutex_lock(&s->forward->mutex);
	s->ended = true;
	(void)pthread_mutex_unlock(&s->forward->mutex);
	return NULL;
}

/* ---- its life ---------------------------------------------------------------------------- */

static void sender_free(struct sender *s)
{
	if (s->news >= 0)
		(void)close(s->news);
	if (s->order >= 0)
		(void)close(s->order);
	message_maker_destroy(s->maker);
	buf_fini(&s->lot);
	target_row_fini(&s->target);
	free(s);
}

int sender_start(struct forward *forward, int64_t id, struct sender **ret_sender)
{
	struct sender *s = calloc(1, sizeof(*s));
	int rc = SL_ENOMEM;

	if (!s)
		return rc;
	s->forward = forward;
	s->id = id;
	s->peer.fd = -1;
	s->status.state = SENDER_CONNECTING;
	buf_init(&s->lot, (size_t)(SENDER_LOT + 1) * (MESSAGE_MAX + MESSAGE_FRAME_MAX));
	s->maker = message_maker_create();
	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->order = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->maker)
		rc = s->news >= 0 && s->order >= 0 ? thread_begin(run, s, &s->thread) : SL_ESYS;
	if (rc == 0)
		*ret_sender = s;
	else
		sender_free(s);
	return rc;
}

void sender_join(struct sender *sender)
{
	(void)pthread_join(sender->thread, NULL);
	sender_free(sender);
}
