/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device should be: asked all the time, fetched (fetch.c), handed to `control`. Each
 * revision is handled once, whatever becomes of it. It is asked on while one is being fetched and
 * applied, or cannot be: panic mode (panic.c) does not wait for a document.
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
#include "lib/base/hex.h"
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

static struct link *link_of_work(struct loop_timer *timer)
{
	return (struct link *)(void *)((char *)timer - offsetof(struct link, follow.work));
}

static void ask(struct link *link);

static void on_ask(struct loop_timer *timer)
{
	ask(link_of(timer));
}

static void work_after_ms(struct link *link, uint64_t ms, loop_timer_fn *fn)
{
	(void)loop_timer_set(link->proc->loop, &link->follow.work, ms * CLOCK_NS_PER_MS, fn);
}

/* What went wrong: said once, and tried again after a while. */
static void again_after(struct link *link, struct loop_timer *timer, unsigned *failures,
                        loop_timer_fn *fn, const char *why)
{
	if (*failures == 0)
		log_warning("SMS: %s; tried again", why);
	(void)snprintf(link->trouble, sizeof(link->trouble), "%s", why);
	link_set_state(link, LINK_TRYING);
	(void)loop_timer_set(link->proc->loop, timer, link_backoff_ns(*failures), fn);
	(*failures)++;
}

static void ask_later(struct link *link, const char *why)
{
	again_after(link, &link->follow.timer, &link->follow.failures, on_ask, why);
}

static void ask_again(struct link *link)
{
	uint64_t past_ms = (clock_now_ns() - link->follow.asked_ns) / CLOCK_NS_PER_MS;

	(void)loop_timer_set(link->proc->loop, &link->follow.timer,
	                     past_ms < HASTE_MS ? (HASTE_MS - past_ms) * CLOCK_NS_PER_MS : 0,
	                     on_ask);
}

static void on_fetch(struct loop_timer *timer)
{
	fetch_start(link_of_work(timer));
}

void follow_fetch_later(struct link *link, const char *why)
{
	again_after(link, &link->follow.work, &link->follow.fetch_failures, on_fetch, why);
}

void follow_fetch_over(struct link *link)
{
	struct follow *f = &link->follow;

	f->busy = false;
	f->fetch_failures = 0;
	loop_timer_cancel(&f->work);
	/* What is asked has in it that this revision is as good as here: if not, another is. */
	if (f->latest == link->record.revision)
		return;
	https_cancel(f->call);
	f->call = NULL;
	ask_again(link);
}

/* A newer one takes the place of what is being fetched; what `control` has is left to its end. */
static void take_revision(struct link *link, const struct wanted *w)
{
	struct follow *f = &link->follow;
	bool known = w->revision == (f->busy ? f->latest : link->record.revision);

	f->latest = w->revision;
	if (known || f->applying)
		return;
	if (w->revision == 0 || w->revision == link->record.revision) {
		if (f->busy)
			fetch_drop(link);
		return;
	}
	loop_timer_cancel(&f->work);
	f->wanted = *w;
	f->busy = true;
	f->fetch_failures = 0;
	fetch_start(link);
}

static void reached(struct link *link)
{
	struct follow *f = &link->follow;

	if (f->failures > 0)
		log_info("SMS: reached again");
	f->failures = 0;
	if (!f->busy && (link->state == LINK_TRYING || link->state == LINK_ENROLLING))
		link_set_state(link, link->record.state == REMOTE_STATE_IN_FORCE ? LINK_PROVING
		                                                                 : LINK_CONNECTED);
}

static void on_wanted(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct follow *f = &link->follow;
	struct answer answer;
	struct wanted w;
	bool first = false;

	f->call = NULL;
	if (!link_take(link, REMOTE_WANTED, in, &answer))
		return;
	if (answer.status == 0 && answer_wanted(answer.value, &w) != 0) {
		answer.status = SL_EMALFORMED;
		(void)snprintf(answer.text, sizeof(answer.text),
		               "what the SMS says is wanted makes no sense");
	}
	/* Whole or not at all: an SMS that is asked at once again would be asked each second. */
	if (answer.status == 0) {
		answer.status = panic_take(link, answer.value, &first);
		if (answer.status != 0)
			(void)snprintf(answer.text, sizeof(answer.text),
			               "what it says of panic mode is not taken: %s",
			               err_text(answer.status));
	}
	if (answer.status != 0) {
		ask_later(link, answer.text);
	} else {
		licence_take(link, answer.value);
		reached(link);
		take_revision(link, &w);
		if (first)
			ask(link); /* that answer was not held */
		else
			ask_again(link);
	}
	answer_fini(&answer);
}

static void ask(struct link *link)
{
	struct follow *f = &link->follow;
	char query[192], hex[65];
	bool held = !f->failures && link->panic.heard;
	int rc;

	(void)snprintf(query, sizeof(query),
	               "have=%" PRIu32 "&wait=%d&panic=%" PRIu64 "&licence=%s",
	               f->busy ? f->latest : link->record.revision, held ? REMOTE_WAIT_S : 0,
	               link->panic.number,
	               hex_text(link->licence.wanted, sizeof(link->licence.wanted), hex));
	loop_timer_cancel(&f->timer);
	https_cancel(f->call);
	f->call = NULL;
	f->asked_ns = clock_now_ns();
	rc = link_call(link, REMOTE_WANTED, query, NULL, REMOTE_WAIT_S + SLACK_S, false, on_wanted,
	               &f->call);
	if (rc != 0)
		ask_later(link, err_text(rc));
}

void follow_start(struct link *link)
{
	struct follow *f = &link->follow;

	f->failures = f->fetch_failures = 0;
	f->busy = false;
	f->latest = link->record.revision;
	ask(link);
}

void follow_stop(struct link *link)
{
	struct follow *f = &link->follow;

	loop_timer_cancel(&f->timer);
	loop_timer_cancel(&f->work);
	https_cancel(f->call);
	f->call = NULL;
	f->applying = f->busy = false;
	fetch_stop(link);
}

/* ---- to control -------------------------------------------------------------------------- */

static void on_apply(struct loop_timer *timer)
{
	follow_apply(link_of_work(timer));
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
	work_after_ms(link, f->applying ? CONTROL_S * 1000 : BUSY_RETRY_MS, on_apply);
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
	follow_fetch_over(link);
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
		work_after_ms(link, BUSY_RETRY_MS, on_apply);
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
		work_after_ms(link, BUSY_RETRY_MS, on_apply);
}
