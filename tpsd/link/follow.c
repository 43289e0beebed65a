/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device should be: asked all the time, fetched (fetch.c), handed to `control`. Each
 * revision is handled once, whatever becomes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum {
	SLACK_S = 15,    /* over what `wanted` is held */
	HASTE_MS = 1000, /* an SMS that holds nothing is asked no oftener */
	BUSY_RETRY_MS = 500,
	CONTROL_S = 60, /* that `control` may take over a document */
};

static struct link *link_of(struct loop_timer *timer)
{
	return (struct link *)(void *)((char *)timer - offsetof(struct link, follow.timer));
}

static void ask(struct link *link);

static void on_ask(struct loop_timer *timer)
{
	ask(link_of(timer));
}

static void after_ms(struct link *link, uint64_t ms, loop_timer_fn *fn)
{
	(void)loop_timer_set(link->proc->loop, &link->follow.timer, ms * CLOCK_NS_PER_MS, fn);
}

void follow_later(struct link *link, const char *why)
{
	struct follow *f = &link->follow;

	if (f->failures == 0)
		log_warning("SMS: %s; tried again", why);
	(void)snprintf(link->trouble, sizeof(link->trouble), "%s", why);
	link_set_state(link, LINK_TRYING);
	(void)loop_timer_set(link->proc->loop, &f->timer, link_backoff_ns(f->failures), on_ask);
	f->failures++;
}

void follow_again(struct link *link)
{
	uint64_t past_ms = (clock_now_ns() - link->follow.asked_ns) / CLOCK_NS_PER_MS;

	after_ms(link, past_ms < HASTE_MS ? HASTE_MS - past_ms : 0, on_ask);
}

static void on_wanted(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct follow *f = &link->follow;
	struct answer answer;
	struct wanted w;

	f->call = NULL;
	if (!link_take(link, REMOTE_WANTED, in, &answer))
		return;
	if (answer.status == 0 && answer_wanted(answer.value, &w) != 0) {
		answer.status = SL_EMALFORMED;
		(void)snprintf(answer.text, sizeof(answer.text),
		               "what the SMS says is wanted makes no sense");
	}
	if (answer.status != 0) {
		follow_later(link, answer.text);
	} else {
		licence_take(link, answer.value);
		if (f->failures > 0)
			log_info("SMS: reached again");
		f->failures = 0;
		if (link->state == LINK_TRYING || link->state == LINK_ENROLLING)
			link_set_state(link, link->record.state == REMOTE_STATE_IN_FORCE
			                             ? LINK_PROVING
			                             : LINK_CONNECTED);
		f->wanted = w;
		if (w.revision == 0 || w.revision == link->record.revision)
			follow_again(link);
		else
			fetch_start(link);
	}
	answer_fini(&answer);
}

static void ask(struct link *link)
{
	struct follow *f = &link->follow;
	char query[160], hex[65];
	int rc;

	(void)snprintf(query, sizeof(query), "have=%" PRIu32 "&wait=%d&licence=%s",
	               link->record.revision,
	               f->failures || !link->licence.heard ? 0 : REMOTE_WAIT_S,
	               answer_hex(link->licence.wanted, sizeof(link->licence.wanted), hex));
	f->asked_ns = clock_now_ns();
	rc = link_call(link, REMOTE_WANTED, query, NULL, REMOTE_WAIT_S + SLACK_S, false, on_wanted,
	               &f->call);
	if (rc != 0)
		follow_later(link, err_text(rc));
}

void follow_start(struct link *link)
{
	link->follow.failures = 0;
	ask(link);
}

void follow_stop(struct link *link)
{
	struct follow *f = &link->follow;

	loop_timer_cancel(&f->timer);
	https_cancel(f->call);
	f->call = NULL;
	f->applying = false;
	fetch_stop(link);
}

/* ---- to control -------------------------------------------------------------------------- */

static void on_apply(struct loop_timer *timer)
{
	follow_apply(link_of(timer));
}

void follow_apply(struct link *link)
{
	struct follow *f = &link->follow;
	struct ipc_channel *control = proc_peer(link->proc, IPC_CONTROL, 0);
	struct ipc_message msg = {.type = IPC_DOCUMENT};
	int fd = link_make_memfd("sms-document", f->document.data, f->document.len);
	char user[96];

	link_set_state(link, LINK_APPLYING);
	(void)snprintf(user, sizeof(user), "sms %s", link->record.name);
	msg.document.id = ++f->order;
	msg.document.size = f->document.len;
	msg.document.confirm_s = f->wanted.confirm_s;
	msg.document.user = ipc_text_of(user);
	f->applying = fd >= 0 && control && ipc_send_fds(control, &msg, &fd, 1) == 0;
	if (fd >= 0)
		(void)close(fd);
	after_ms(link, f->applying ? CONTROL_S * 1000 : BUSY_RETRY_MS, on_apply);
}

/* What became of it is what the SMS hears of this revision; the next is asked for. */
static void handled(struct link *link, enum remote_state state)
{
	struct record *r = &link->record;

	r->revision = link->follow.wanted.revision;
	r->state = state;
	r->told = false;
	if (state != REMOTE_STATE_REFUSED)
		r->text[0] = '\0';
	memcpy(r->sha256, link->held.sha256, sizeof(r->sha256));
	r->commit_ms = clock_wall_us() / 1000;
	r->prove_ms = (uint64_t)link->follow.wanted.confirm_s * 1000;
	if (state == REMOTE_STATE_IN_FORCE)
		prove_begin(link);
	link_save(link);
	fetch_stop(link);
	link_set_state(link, state == REMOTE_STATE_IN_FORCE ? LINK_PROVING : LINK_CONNECTED);
	tell(link);
	follow_again(link);
}

static void refused(struct link *link, const struct ipc_document_done *msg)
{
	json_t *items = json_loadb((const char *)msg->errors.data, msg->errors.len, 0, NULL);
	const char *text = json_string_value(json_object_get(json_array_get(items, 0), "text"));

	(void)snprintf(link->record.text, sizeof(link->record.text), "%.1000s",
	               text ? text : err_text(msg->status));
	log_error("SMS: revision %u is refused: %s", link->follow.wanted.revision,
	          link->record.text);
	json_decref(link->teller.items);
	link->teller.items = items;
	handled(link, REMOTE_STATE_REFUSED);
}

void follow_on_done(struct link *link, const struct ipc_document_done *msg)
{
	struct follow *f = &link->follow;

	if (!f->applying || msg->id != f->order)
		return;
	f->applying = false;
	if (msg->status == SL_EBUSY) {
		after_ms(link, BUSY_RETRY_MS, on_apply);
	} else if (msg->status != 0) {
		refused(link, msg);
	} else {
		log_info("SMS: revision %u is in force as revision %u", f->wanted.revision,
		         msg->revision);
		json_decref(link->teller.items);
		link->teller.items =
		        json_loadb((const char *)msg->errors.data, msg->errors.len, 0, NULL);
		handled(link, f->wanted.confirm_s ? REMOTE_STATE_IN_FORCE : REMOTE_STATE_CONFIRMED);
	}
}

/* A `control` that was started again knows nothing of the document that it was given. */
void follow_control_up(struct link *link)
{
	if (link->follow.applying)
		after_ms(link, BUSY_RETRY_MS, on_apply);
}
