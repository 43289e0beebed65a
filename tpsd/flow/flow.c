/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a flow in user space: first packet held, HELLO to a worker, verdict, forward, take
 * or drop. `tpsd: wire`; see docs/internals/flow.md.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/magic.h"
#include "tpsd/flow/flow_priv.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

enum { NOTICES_A_SECOND = 10 };

static void on_timer(struct loop_timer *timer);

static struct flow *flow_of_timer(struct loop_timer *t)
{
	return (struct flow *)((char *)t - offsetof(struct flow, timer));
}

static struct flow *find_key(struct wire *w, const struct wire_key *key)
{
	struct flow *f;

	HASH_FIND(by_key, w->flows_by_key, key, sizeof(*key), f);
	return f;
}

static struct flow *find_number(struct wire *w, uint64_t number)
{
	struct flow *f;

	HASH_FIND(by_number, w->flows_by_number, &number, sizeof(number), f);
	return f;
}

struct addr flow_addr(const struct wire_key *key, int side)
{
	struct addr a = {.family = key->family};

	memcpy(a.bytes, key->addr[side & 1], sizeof(a.bytes));
	return a;
}

void flow_set_timer(struct flow *f, uint64_t ms)
{
	(void)loop_timer_set(f->wire->proc->loop, &f->timer, ms * CLOCK_NS_PER_MS, on_timer);
}

void flow_count(struct wire *w, enum counter c)
{
	counter_add(w->proc->counters, c, 1);
}

/* They are in a list, oldest first. */
void flow_set_asked(struct flow *f, bool asked)
{
	struct wire *w = f->wire;

	if (f->asked == asked)
		return;
	f->asked = asked;
	if (asked) {
		f->asked_ns = loop_now_ns(w->proc->loop);
		f->older = w->newest;
		f->newer = NULL;
		*(w->newest ? &w->newest->newer : &w->oldest) = f;
		w->newest = f;
		w->workers[f->worker].waiting++;
		return;
	}
	*(f->older ? &f->older->newer : &w->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &w->newest) = f->older;
	f->older = f->newer = NULL;
	w->workers[f->worker].waiting--;
}

void flow_forget(struct flow *f)
{
	struct wire *w = f->wire;

	MAGIC_CHECK(f, FLOW_MAGIC);
	flow_set_asked(f, false);
	loop_timer_cancel(&f->timer);
	hold_clear(&w->pool, &f->hold);
	if (f->phase == FLOW_TAKEN) {
		limit_session_ends(w, f);
		w->workers[f->worker].sessions--;
		counter_sub(w->proc->counters, COUNTER_open, 1);
	}
	HASH_DELETE(by_key, w->flows_by_key, f);
	HASH_DELETE(by_number, w->flows_by_number, f);
	w->flows_count--;
	MAGIC_CLEAR(f);
	free(f);
}

static struct flow *flow_create(struct wire *w, const struct wire_key *key,
                                const struct wire_flow *entry)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	MAGIC_SET(f, FLOW_MAGIC);
	f->wire = w;
	f->key = *key;
	f->serial = entry->serial;
	f->number = w->next_number++;
	f->client = entry->client & 1;
	f->from[0] = entry->end[0].next;
	f->from[1] = entry->end[1].next;
	f->held_ns = loop_now_ns(w->proc->loop);
	hold_init(&f->hold);
	HASH_ADD(by_key, w->flows_by_key, key, sizeof(f->key), f);
	HASH_ADD(by_number, w->flows_by_number, number, sizeof(f->number), f);
	w->flows_count++;
	flow_count(w, COUNTER_held_flows);
	return f;
}

/* A packet of the ring goes on at once. */
static void put_back(struct wire *w, const struct wire_up *up)
{
	struct packet_tag tag = {.vlan_proto = up->vlan_proto, .vlan_tci = up->vlan_tci};
	struct packet_view v;

	if (!packet_read(up->data, up->data_len, up->l3, &v))
		(void)inject_packet(&w->inject, up->segment, up->side, false, &v, &tag,
		                    up->gso_size);
}

/* The first packet of a flow that we do not know, or whose record is gone already. */
static struct flow *flow_begin(struct wire *w, const struct wire_up *up)
{
	struct wire_flow e;

	if (table_get(&w->program, &up->key, up->serial, &e))
		return NULL;
	if (e.state == WIRE_FORWARD || e.state == WIRE_DIVERT)
		put_back(w, up);
	if (e.state != WIRE_HELD)
		return NULL;
	return flow_create(w, &up->key, &e);
}

static uint32_t incomplete_wait_ms(const struct wire *w)
{
	return w->config ? w->config->ssl_inspection.incomplete_hello_wait_ms : 30;
}

static void on_held(struct wire *w, const struct wire_up *up)
{
	struct flow *f = find_key(w, &up->key);
	bool first = false;

	if (f && f->serial != up->serial) {
		flow_forget(f);
		f = NULL;
	}
	if (!f) {
		f = flow_begin(w, up);
		first = true;
	}
	if (!f)
		return;
	switch (f->phase) {
	case FLOW_HOLDING:
		/* Past a bound the packet is gone; its sender sends it again. */
		if (hold_add(&w->pool, &f->hold, up))
			log_debug("flow %llu: a packet could not be held",
			          (unsigned long long)f->number);
		if (first && !limit_admits(w, f)) {
			flow_not_inspected(f, flow_on_overload(f), REASON_OVERLOAD);
			return;
		}
		if (first)
			flow_set_timer(f, incomplete_wait_ms(w));
		flow_advance(f);
		return;
	case FLOW_PASSED:
	case FLOW_TAKEN:
		/* By its entry, which is decided and notes how the flow ends. */
		put_back(w, up);
		return;
	case FLOW_DROPPED:
		return;
	}
}

/* An event, and for those whose ends we do not see whole a line in the system log (R159). */
static void on_notice(struct wire *w, const struct wire_up *up)
{
	static const enum reason reasons[WIRE_MARK_END] = {
	        [WIRE_MARK_MIDSTREAM] = REASON_MIDSTREAM,
	        [WIRE_MARK_ONE_WAY] = REASON_ONE_WAY,
	        [WIRE_MARK_TCP_AUTH] = REASON_TCP_AUTH,
	        [WIRE_MARK_OVERLOAD] = REASON_OVERLOAD,
	};
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	uint64_t now = loop_now_ns(w->proc->loop);
	struct addr from = flow_addr(&up->key, up->side), to = flow_addr(&up->key, !up->side);
	unsigned mark = up->mark & ~(unsigned)WIRE_NOTICE_BLOCKED;

	if (mark >= WIRE_MARK_END || reasons[mark] == REASON_NONE)
		return;
	report_flow(w, &up->key, up->side & 1, 0, reasons[mark],
	            up->mark & WIRE_NOTICE_BLOCKED ? OUTCOME_BLOCKED : OUTCOME_BYPASSED);
	if (now - w->notices_ns >= CLOCK_NS_PER_S) {
		w->notices_ns = now;
		w->notices = 0;
	}
	if (w->notices++ >= NOTICES_A_SECOND)
		return;
	log_info("segment %u: %s:%u to %s:%u %s: %s (%s)", up->segment, addr_format(&from, a),
	         ntohs(up->key.port[up->side & 1]), addr_format(&to, b),
	         ntohs(up->key.port[!up->side]),
	         up->mark & WIRE_NOTICE_BLOCKED ? "is blocked" : "goes on uninspected",
	         reason_text(reasons[mark]), reason_name(reasons[mark]));
}

void flow_on_up(struct wire *w, const struct wire_up *up)
{
	switch (up->kind) {
	case WIRE_UP_HELD:
		on_held(w, up);
		break;
	case WIRE_UP_FRAGMENT:
		fragment_add(w, up);
		break;
	case WIRE_UP_NOTICE:
		on_notice(w, up);
		break;
	default:
		break;
	}
}

void flow_on_silence(struct wire *w, const struct wire_key *key, const struct wire_flow *entry)
{
	struct hold_stream nothing = {0};
	struct flow *f = find_key(w, key);

	if (f && f->serial == entry->serial)
		return;
	if (f)
		flow_forget(f);
	if (table_set_undecided(&w->program, key, entry->serial, WIRE_HELD))
		return;
	f = flow_create(w, key, entry);
	if (!f)
		return;
	f->silent = true;
	buf_consume(&w->bytes, w->bytes.len);
	flow_offer(f, false, &nothing);
}

static void on_timer(struct loop_timer *timer)
{
	struct flow *f = flow_of_timer(timer);

	if (f->phase != FLOW_HOLDING) {
		flow_forget(f);
	} else if (f->taking) {
		flow_take(f);
	} else {
		f->timed_out = true;
		flow_advance(f);
	}
}

static void on_more(struct flow *f)
{
	/* The wait was over already, or nobody spoke: there is nothing that could still come. */
	if (f->silent)
		flow_block(f, REASON_NO_HANDSHAKE, IPC_RESET_BOTH);
	else
		flow_advance(f);
}

void flow_on_verdict(struct wire *w, unsigned worker, const struct ipc_verdict *v)
{
	struct flow *f = find_number(w, v->flow);

	if (!f || f->phase != FLOW_HOLDING || !f->asked || f->worker != worker)
		return;
	flow_set_asked(f, false);
	switch (v->action) {
	case IPC_FORWARD:
		flow_pass(f, v->reason < REASON_END ? (enum reason)v->reason : REASON_NONE);
		break;
	case IPC_TAKE:
		flow_take(f);
		break;
	case IPC_MORE:
		on_more(f);
		break;
	default:
		flow_block(f, v->reason < REASON_END ? (enum reason)v->reason : REASON_NONE,
		           v->reset);
		break;
	}
}

void flow_on_ended(struct wire *w, unsigned worker, uint64_t number)
{
	struct flow *f = find_number(w, number);

	if (f && f->phase == FLOW_TAKEN && f->worker == worker)
		flow_forget(f);
}

void flow_on_worker_lost(struct wire *w, unsigned worker)
{
	struct flow *f, *next;

	HASH_ITER (by_number, w->flows_by_number, f, next) {
		if (!f->has_worker || f->worker != worker)
			continue;
		if (f->phase == FLOW_TAKEN) {
			limit_suspect(w, f);
			report_flow(w, &f->key, f->client, f->number, REASON_WORKER_LOST,
			            OUTCOME_BLOCKED);
			flow_forget(f);
		} else if (f->phase == FLOW_HOLDING) {
			limit_suspect(w, f);
			flow_set_asked(f, false);
			f->has_worker = f->taking = false;
			f->sent_len = 0;
			f->attempts = 0;
			if (!limit_admits(w, f))
				flow_not_inspected(f, flow_on_overload(f), REASON_OVERLOAD);
			else
				flow_advance(f);
		}
	}
}

void flow_release_all(struct wire *w, enum reason reason)
{
	struct flow *f, *next;

	HASH_ITER (by_number, w->flows_by_number, f, next) {
		if (f->phase != FLOW_HOLDING)
			continue;
		flow_tell_gone(f, reason);
		flow_pass(f, reason);
	}
}

static void clear_entry(struct wire *w, struct flow *f)
{
	struct wire_flow e;

	if (table_get(&w->program, &f->key, f->serial, &e))
		return;
	(void)inject_reset(&w->inject, &f->key, &e, 0);
	(void)inject_reset(&w->inject, &f->key, &e, 1);
	/* And to our own two sockets, in the names of the two ends, so that the worker ends too. */
	for (int side = 0; side < 2; side++) {
		struct inject_tcp t = {.seq = e.end[side].next,
		                       .ack = e.end[side].ack,
		                       .flags = PACKET_RST | PACKET_ACK};

		(void)inject_tcp(&w->inject, &f->key, &e, side, false, &t);
	}
}

unsigned flow_clear(struct wire *w, uint64_t number)
{
	struct flow *f, *next;
	unsigned n = 0;

	HASH_ITER (by_number, w->flows_by_number, f, next) {
		if (f->phase != FLOW_TAKEN || (number && f->number != number))
			continue;
		clear_entry(w, f);
		n++;
	}
	return n;
}
