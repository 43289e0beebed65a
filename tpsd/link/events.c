/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to the SMS: what the reader has made a batch of is kept until the SMS says that it has it,
 * and sent again after any error. One batch at a time; a little while between two that are small,
 * none while there is much to catch up with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/event/counter.h"
#include "lib/event/stream.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/line.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/place.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/proc.h"

enum {
	BATCH_BYTES = 1024 * 1024, /* less than the SMS takes: documents and status pass between */
	GATHER_MS = 1000,
	BUSY_MS = 1,
	ASK_AGAIN_S = 5, /* `control` answers at once, or the question got lost */
	SAVE_S = 5,      /* being behind costs a repetition */
};

static struct link *link_of_timer(struct loop_timer *timer)
{
	return (struct link *)(void *)((char *)timer - offsetof(struct link, sender.timer));
}

static void go(struct link *link);

static void on_timer(struct loop_timer *timer)
{
	struct link *link = link_of_timer(timer);

	if (link->sender.idle)
		reader_want_again(link->sender.reader);
	link->sender.idle = false;
	go(link);
}

static void after_ns(struct link *link, uint64_t ns)
{
	link->sender.idle = false;
	(void)loop_timer_set(link->proc->loop, &link->sender.timer, ns, on_timer);
}

/* ---- the place --------------------------------------------------------------------------- */

static struct place_owner owner_of(const struct link *link)
{
	struct place_owner owner = {.name = link->record.name};

	memcpy(owner.pin, link->record.pin, sizeof(owner.pin));
	return owner;
}

static void save(struct link *link)
{
	struct sender *s = &link->sender;
	struct place_owner owner = owner_of(link);
	struct buf text;
	int rc;

	loop_timer_cancel(&s->saver);
	if (!s->unsaved)
		return;
	buf_init(&text, PLACE_MAX);
	rc = place_write(&s->place, &owner, &text);
	if (rc == 0)
		rc = store_write(link->store, "events.json", text.data, text.len);
	if (rc != 0)
		log_warning("%s/sms/events.json cannot be written: %s; after a restart events are "
		            "sent again",
		            link->proc->state_dir, err_text(rc));
	s->unsaved = false;
	buf_fini(&text);
}

static void on_save(struct loop_timer *timer)
{
	save((struct link *)(void *)((char *)timer - offsetof(struct link, sender.saver)));
}

static void save_later(struct link *link)
{
	link->sender.unsaved = true;
	if (!loop_timer_is_set(&link->sender.saver))
		(void)loop_timer_set(link->proc->loop, &link->sender.saver, SAVE_S * CLOCK_NS_PER_S,
		                     on_save);
}

static void read_place(struct link *link)
{
	struct sender *s = &link->sender;
	struct place_owner owner = owner_of(link);
	struct buf text;
	int rc;

	s->place = (struct reader_place){.known = false};
	buf_init(&text, PLACE_MAX);
	rc = store_read(link->store, "events.json", &text);
	if (rc == 0)
		rc = place_read(text.data, text.len, &owner, &s->place);
	if (rc != 0 && rc != SL_ENOENT)
		log_warning("%s/sms/events.json cannot be read: %s; events are sent from the "
		            "oldest on",
		            link->proc->state_dir, err_text(rc));
	buf_fini(&text);
}

uint64_t events_behind(const struct link *link)
{
	const struct sender *s = &link->sender;
	uint64_t from = s->place.known && s->place.epoch == s->border.epoch ? s->place.next : 1;

	return s->reader && s->told && s->border.next > from ? s->border.next - from : 0;
}

static void show_behind(struct link *link)
{
	counter_set(link->proc->counters, COUNTER_sms_events_behind, events_behind(link));
}

/* ---- what the SMS answers ---------------------------------------------------------------- */

static void failed(struct link *link, const char *why, unsigned retry_after_s)
{
	struct sender *s = &link->sender;

	if (s->failures == 0)
		log_warning("SMS: events: %s; they wait in their files", why);
	(void)snprintf(s->trouble, sizeof(s->trouble), "%s", why);
	after_ns(link, link_wait_ns(s->failures++, retry_after_s));
}

/* The SMS may know more than we remember, or less than was sent; never what was not numbered yet.
 */
static void move_to(struct link *link, uint64_t next)
{
	struct sender *s = &link->sender;
	uint64_t most = s->batch.epoch == s->border.epoch ? s->border.next : UINT64_MAX;

	s->place = s->batch.after;
	if (next > most && !s->ahead_said)
		log_error("SMS: it has events of this device up to %" PRIu64 ", which were never "
		          "numbered: an older state of this device is back, or it is another one",
		          next - 1);
	s->ahead_said = next > most;
	if (next <= most && next != s->batch.next) {
		s->place.next = next;
		reader_start(s->reader, &s->place);
	}
}

static void taken(struct link *link, const struct intake *intake)
{
	struct sender *s = &link->sender;
	bool large = s->lines.len >= BATCH_BYTES / 2 || s->batch.lines >= REMOTE_EVENT_LINES_MAX;

	counter_add(link->proc->counters, COUNTER_sms_events_sent,
	            SL_MIN(intake->stored + intake->repeated, s->batch.lines));
	counter_add(link->proc->counters, COUNTER_sms_events_refused,
	            SL_MIN(intake->refused, s->batch.lines));
	if (s->failures > 0)
		log_info("SMS: events are taken again");
	s->failures = 0;
	s->trouble[0] = '\0';
	move_to(link, intake->next);
	buf_consume(&s->lines, s->lines.len);
	s->batch.lines = 0;
	save_later(link);
	show_behind(link);
	after_ns(link, large ? 0 : GATHER_MS * CLOCK_NS_PER_MS);
}

static void on_sent(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct sender *s = &link->sender;
	struct answer answer;
	struct intake intake;

	s->call = NULL;
	if (!link_take(link, REMOTE_EVENTS, in, &answer))
		return;
	if (answer.status != 0)
		failed(link, answer.text, in->retry_after_s);
	else if (answer_intake(answer.value, &intake) != 0 || intake.epoch != s->batch.epoch ||
	         intake.next <= s->batch.first)
		failed(link, "what the SMS says that it has makes no sense", 0);
	else
		taken(link, &intake);
	answer_fini(&answer);
}

/* ---- sending ----------------------------------------------------------------------------- */

static void send_batch(struct link *link)
{
	struct sender *s = &link->sender;
	const struct link_bytes body = {s->lines.data, s->lines.len, "application/jsonl"};
	char query[80];
	int rc;

	(void)snprintf(query, sizeof(query), "epoch=%016" PRIx64 "&first=%" PRIu64, s->batch.epoch,
	               s->batch.first);
	rc = link_call_bytes(link, REMOTE_EVENTS, query, &body, LINK_CALL_S, on_sent, &s->call);
	if (rc != 0)
		failed(link, err_text(rc), 0);
}

static void ask_for_files(struct link *link)
{
	struct ipc_channel *control = proc_peer(link->proc, IPC_CONTROL, 0);
	struct ipc_message msg = {.type = IPC_EVENT_FILE_WANTED};
	enum event_kind kind;
	uint32_t number;

	while (control && reader_wants(link->sender.reader, &kind, &number)) {
		msg.event_file_wanted.kind = (uint8_t)kind;
		msg.event_file_wanted.number = number;
		if (ipc_send(control, &msg) != 0)
			return; /* asked again */
	}
}

static void wait_for_more(struct link *link)
{
	(void)loop_timer_set(link->proc->loop, &link->sender.timer, ASK_AGAIN_S * CLOCK_NS_PER_S,
	                     on_timer);
	link->sender.idle = true;
}

static void go(struct link *link)
{
	struct sender *s = &link->sender;
	int rc = 0;

	if (!s->reader || s->call || !s->told || (loop_timer_is_set(&s->timer) && !s->idle))
		return;
	if (s->batch.lines == 0) {
		rc = reader_fill(s->reader, &s->lines, REMOTE_EVENT_LINES_MAX, &s->batch);
		ask_for_files(link);
	}
	if (rc == 0)
		send_batch(link);
	else if (rc == SL_EBUSY)
		after_ns(link, BUSY_MS * CLOCK_NS_PER_MS);
	else
		wait_for_more(link);
	if (rc == 0 && s->idle) {
		loop_timer_cancel(&s->timer);
		s->idle = false;
	}
}

/* ---- from control ------------------------------------------------------------------------ */

/* From behind what is sent, or on its way. */
static void restart_reader(struct link *link)
{
	struct sender *s = &link->sender;

	if (s->reader)
		reader_start(s->reader, s->batch.lines ? &s->batch.after : &s->place);
}

void events_on_border(struct link *link, const struct ipc_events *msg)
{
	struct sender *s = &link->sender;
	struct reader_border border = {.next = msg->next};
	bool anew = !s->told || msg->run != s->run;

	if (!line_epoch_read(msg->epoch.data, msg->epoch.len, &border.epoch) ||
	    msg->files.len != sizeof(border.files))
		return;
	memcpy(border.files, msg->files.data, sizeof(border.files));
	s->border = border;
	s->run = msg->run;
	s->told = true;
	if (!s->reader)
		return;
	if (anew)
		restart_reader(link);
	reader_border(s->reader, &border);
	show_behind(link);
	go(link);
}

void events_on_file(struct link *link, unsigned kind, uint32_t number, int fd)
{
	if (!link->sender.reader) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	reader_file(link->sender.reader, (enum event_kind)kind, number, fd);
	go(link);
}

/* Another one numbers files anew, and may begin another epoch. */
void events_control_down(struct link *link)
{
	struct sender *s = &link->sender;

	s->told = false;
	if (s->reader)
		reader_untold(s->reader);
}

/* ---- life -------------------------------------------------------------------------------- */

void events_start(struct link *link)
{
	struct sender *s = &link->sender;

	buf_init(&s->lines, BATCH_BYTES);
	s->failures = 0;
	s->trouble[0] = '\0';
	s->batch.lines = 0;
	if (reader_create(&s->reader) != 0) {
		log_error("SMS: events are not sent: %s", err_text(SL_ENOMEM));
		return;
	}
	read_place(link);
	reader_name(s->reader, link->record.name);
	if (s->told)
		reader_border(s->reader, &s->border);
	reader_start(s->reader, &s->place);
	show_behind(link);
	go(link);
}

void events_stop(struct link *link)
{
	struct sender *s = &link->sender;

	loop_timer_cancel(&s->timer);
	https_cancel(s->call);
	s->call = NULL;
	if (!s->reader)
		return;
	save(link);
	reader_destroy(s->reader);
	s->reader = NULL;
	s->idle = false;
	buf_fini(&s->lines);
	show_behind(link);
}
