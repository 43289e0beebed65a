/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document in force that has to prove good (R161): judged when nine tenths of its time are over,
 * and confirmed, or left alone until `control` takes it back.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum { AGAIN_MS = 200 };

static uint64_t now_ms(void)
{
	return clock_wall_us() / 1000;
}

static struct proof_facts facts_of(const struct link *link)
{
	const struct record *r = &link->record;
	uint64_t failures = proof_failures(link->proc->counter_file), now = now_ms();

	return (struct proof_facts){
	        .reached = link->prover.reached,
	        .failures_before = r->failures_before,
	        .window_ms = r->window_ms,
	        /* Counters that began again since have those of after it alone. */
	        .failures_since =
	                failures < r->failures_commit ? failures : failures - r->failures_commit,
	        .since_ms = now > r->commit_ms ? now - r->commit_ms : 0,
	};
}

static void confirm(struct link *link)
{
	struct ipc_channel *control = proc_peer(link->proc, IPC_CONTROL, 0);
	struct ipc_message msg = {.type = IPC_CONFIRM};

	msg.confirm.sha256 = (struct ipc_bytes){link->record.sha256, 32};
	if (!control || ipc_send(control, &msg) != 0)
		return; /* judged again */
	log_info("SMS: revision %u proved good and is kept", link->record.revision);
	link->record.state = REMOTE_STATE_CONFIRMED;
	link->record.told = false;
	link_save(link);
	link_set_state(link, LINK_CONNECTED);
	tell(link);
}

static void on_judge(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, prover.timer));
	struct proof_facts facts = facts_of(link);
	enum proof_verdict verdict = proof_judge(&facts);

	if (link->record.state != REMOTE_STATE_IN_FORCE)
		return;
	if (verdict == PROOF_KEEP)
		confirm(link);
	if (link->record.state != REMOTE_STATE_IN_FORCE)
		return;
	proof_text(&facts, link->record.text, sizeof(link->record.text));
	if (verdict == PROOF_FAILURES)
		log_error("SMS: revision %u does not prove good and goes: %s",
		          link->record.revision, link->record.text);
	else
		(void)loop_timer_set(link->proc->loop, timer, AGAIN_MS * CLOCK_NS_PER_MS, on_judge);
}

static void watch(struct link *link)
{
	const struct record *r = &link->record;
	uint64_t judge_ms = r->commit_ms + r->prove_ms / 10 * 9, now = now_ms();

	(void)loop_timer_set(link->proc->loop, &link->prover.timer,
	                     (judge_ms > now ? judge_ms - now : 0) * CLOCK_NS_PER_MS, on_judge);
}

void prove_begin(struct link *link)
{
	struct record *r = &link->record;

	link->prover.reached = false;
	r->failures_commit = proof_failures(link->proc->counter_file);
	proof_before(&link->prover.samples, now_ms(), r->failures_commit, &r->failures_before,
	             &r->window_ms);
	watch(link);
}

static void on_sample(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, prover.sampler));

	proof_sample(&link->prover.samples, now_ms(), proof_failures(link->proc->counter_file));
	(void)loop_timer_set(link->proc->loop, timer, PROOF_SAMPLE_MS * CLOCK_NS_PER_MS, on_sample);
}

/* Also of a `link` that was started again while a document had to prove good. */
void prove_start_sampling(struct link *link)
{
	if (!loop_timer_is_set(&link->prover.sampler))
		on_sample(&link->prover.sampler);
	if (link->record.state == REMOTE_STATE_IN_FORCE)
		watch(link);
}

void prove_stop(struct link *link)
{
	loop_timer_cancel(&link->prover.timer);
	loop_timer_cancel(&link->prover.sampler);
}

void prove_on_in_force(struct link *link, bool reverted)
{
	struct record *r = &link->record;

	if (r->state != REMOTE_STATE_IN_FORCE || memcmp(link->held.sha256, r->sha256, 32) == 0)
		return;
	if (link->follow.applying && !reverted)
		return; /* a newer one of the SMS takes its place: DOCUMENT_DONE says so */
	loop_timer_cancel(&link->prover.timer);
	r->state = REMOTE_STATE_REVERTED;
	r->told = false;
	if (!reverted)
		(void)snprintf(r->text, sizeof(r->text), "another document came into force");
	else if (!r->text[0])
		(void)snprintf(r->text, sizeof(r->text), "it was not confirmed in time");
	log_error("SMS: revision %u was taken back: %s", r->revision, r->text);
	link_save(link);
	if (link->https)
		link_set_state(link, LINK_CONNECTED);
}
