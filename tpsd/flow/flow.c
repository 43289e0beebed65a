/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a flow in user space: first packet held, HELLO to a worker, verdict, forward, take
 * or drop. `tpsd: wire`; see docs/internals/flow.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/magic.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"
#include "tpsd/take/take.h"

enum {
	LINGER_MS = 2000,   /* a decided flow's record waits this long for late packets */
	TAKE_ATTEMPTS = 12, /* 1, 2, 4 … 64 ms, then 64: about half a second */
	TAKE_WAIT_MAX_MS = 64,
	SYNTHETIC_TRIES = 64,
	NOTICES_A_SECOND = 10,
	RST_WINDOW = 1 << 20,
};

static void on_timer(struct loop_timer *timer);
static void advance(struct flow *f);

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

static struct addr addr_of(const struct wire_key *key, int side)
{
	struct addr a = {.family = key->family};

	memcpy(a.bytes, key->addr[side & 1], sizeof(a.bytes));
	return a;
}

static void set_timer(struct flow *f, uint64_t ms)
{
	(void)loop_timer_set(f->wire->proc->loop, &f->timer, ms * CLOCK_NS_PER_MS, on_timer);
}

static void count(struct wire *w, enum counter c)
{
	counter_add(w->proc->counters, c, 1);
}

/* Asked flows are in a list, oldest first, for the age of the oldest decision. */
static void asked_set(struct flow *f, bool asked)
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
	asked_set(f, false);
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

/* Decided; packets that are in the ring still find the record for a while. */
static void settle(struct flow *f, enum flow_phase phase)
{
	asked_set(f, false);
	hold_clear(&f->wire->pool, &f->hold);
	f->phase = phase;
	set_timer(f, LINGER_MS);
}

static void inject_held(struct flow *f, bool pass)
{
	for (struct held_packet *p = f->hold.first; p; p = p->next)
		(void)inject_packet(&f->wire->inject, f->key.segment, p->side, pass, &p->view,
		                    &p->tag, p->gso_size);
}

static void pass(struct flow *f, enum reason reason)
{
	struct wire *w = f->wire;
	struct table_decision d = {.state = WIRE_FORWARD,
	                           .flow = f->number,
	                           .reason = (uint16_t)reason,
	                           .revision = w->global.revision};

	for (const struct held_packet *p = f->hold.first; p; p = p->next)
		if (p->view.flags & PACKET_FIN)
			d.ended |= p->side ? WIRE_FIN_B : WIRE_FIN_A;
	/* First what was held, so that what comes after the decision does not overtake it. */
	inject_held(f, true);
	if (table_decide(&w->program, &f->key, f->serial, &d) == SL_ESYS)
		log_warning("flow %llu: the decision to forward it cannot be written: %s",
		            (unsigned long long)f->number, strerror(errno));
	count(w, COUNTER_flows_forwarded);
	settle(f, FLOW_PASSED);
}

/*
 * `reset`: which ends get a RST (enum ipc_reset): now, and as that one may be lost, whenever they
 * send something again.
 */
static void block(struct flow *f, enum reason reason, unsigned reset)
{
	static const enum ipc_reset of_end[2] = {IPC_RESET_CLIENT, IPC_RESET_SERVER};
	struct wire *w = f->wire;
	struct table_decision d = {.state = WIRE_BLOCK,
	                           .flow = f->number,
	                           .reason = (uint16_t)reason,
	                           .revision = w->global.revision};
	struct wire_flow e;
	bool found = !table_get(&w->program, &f->key, f->serial, &e);

	for (int side = 0; side < 2; side++) {
		if (!(reset & of_end[side != f->client]))
			continue;
		d.resets |= (uint8_t)(1 << side);
		if (found)
			(void)inject_reset(&w->inject, &f->key, &e, side);
	}
	if (table_decide(&w->program, &f->key, f->serial, &d))
		log_debug("flow %llu was gone already", (unsigned long long)f->number);
	count(w, COUNTER_flows_dropped);
	settle(f, FLOW_DROPPED);
}

static void tell_gone(struct flow *f, enum reason reason)
{
	struct ipc_message m = {.type = IPC_GONE,
	                        .gone = {.flow = f->number, .reason = (uint16_t)reason}};
	struct ipc_channel *ch;

	if (!f->has_worker)
		return;
	ch = proc_peer(f->wire->proc, IPC_WORKER, f->worker);
	if (ch && ipc_send(ch, &m))
		log_debug("worker %u does not take a message", f->worker);
}

/* By the segment's setting for when it cannot be inspected. */
static void not_inspected(struct flow *f, enum config_action action, enum reason reason)
{
	report_flow(f->wire, &f->key, f->client, f->number, reason,
	            action == CONFIG_BLOCK ? OUTCOME_BLOCKED : OUTCOME_BYPASSED);
	if (action == CONFIG_BLOCK)
		block(f, reason, IPC_RESET_BOTH);
	else
		pass(f, reason);
}

static const struct config_segment *segment_of(const struct flow *f)
{
	const struct config *c = f->wire->config;

	return c && f->key.segment < c->segments_count ? &c->segments[f->key.segment] : NULL;
}

static enum config_action on_failure(const struct flow *f)
{
	const struct config_segment *s = segment_of(f);

	return s ? s->on_failure : CONFIG_BYPASS;
}

/* The proxy whose flow it is; NULL: none (any more). */
static const struct config_proxy *proxy_of(const struct flow *f)
{
	const struct config *c = f->wire->config;
	const struct wire_key *k = &f->key;
	int client = f->client & 1;
	struct config_match match;
	struct config_packet packet = {
	        .segment = segment_of(f),
	        .direction =
	                client == WIRE_SIDE_A ? CONFIG_DIRECTION_A_TO_B : CONFIG_DIRECTION_B_TO_A,
	        .vlan = k->vlan,
	        .tunnel = (enum config_tunnel)(CONFIG_TUNNEL_NONE + k->tunnel),
	        .protocol = CONFIG_PROTOCOL_TCP,
	        .source = addr_of(k, client),
	        .destination = addr_of(k, !client),
	        .source_port = ntohs(k->port[client]),
	        .destination_port = ntohs(k->port[!client]),
	};

	if (!packet.segment)
		return NULL;
	config_match(c, &packet, &match);
	return match.proxy;
}

/* One of the two that blocks is enough: the proxy, and the segment. */
static enum config_action on_overload(const struct flow *f)
{
	const struct config_proxy *proxy = proxy_of(f);
	const struct config_segment *s = segment_of(f);

	if (proxy && proxy->on_failure[FAILURE_OVERLOAD] == CONFIG_BLOCK)
		return CONFIG_BLOCK;
	return s ? s->on_overload : CONFIG_BYPASS;
}

/* The one with the fewest sessions and questions; -1: none is there. */
static int choose_worker(struct wire *w)
{
	uint32_t best_load = UINT32_MAX;
	int best = -1;

	for (unsigned i = 0; i < PROC_WORKERS_MAX; i++) {
		const struct wire_worker *k = &w->workers[i];

		if (k->up && k->sessions + k->waiting < best_load) {
			best_load = k->sessions + k->waiting;
			best = (int)i;
		}
	}
	return best;
}

static uint8_t hello_flags(const struct flow *f, bool server_first, const struct hold_stream *s)
{
	return (uint8_t)((server_first ? IPC_HELLO_SERVER_FIRST : 0) |
	                 (s->fin || s->reset ? IPC_HELLO_FIN : 0) |
	                 (f->timed_out ? IPC_HELLO_TIMED_OUT : 0) |
	                 (f->silent ? IPC_HELLO_SILENT : 0));
}

static void send_hello(struct flow *f, bool server_first, const struct hold_stream *s)
{
	struct wire *w = f->wire;
	const struct wire_key *k = &f->key;
	int c = f->client, worker = f->has_worker ? (int)f->worker : choose_worker(w);
	struct ipc_message m = {
	        .type = IPC_HELLO,
	        .hello = {.flow = f->number,
	                  .segment = k->segment,
	                  .client_side = (uint8_t)c,
	                  .vlan = k->vlan,
	                  .tunnel = k->tunnel,
	                  .tunnel_key = k->tunnel_key,
	                  .client = addr_of(k, c),
	                  .client_port = ntohs(k->port[c]),
	                  .server = addr_of(k, !c),
	                  .server_port = ntohs(k->port[!c]),
	                  .flags = hello_flags(f, server_first, s),
	                  .bytes = {.data = w->bytes.data, .len = (uint32_t)w->bytes.len}}};
	struct ipc_channel *ch =
	        worker >= 0 ? proc_peer(w->proc, IPC_WORKER, (unsigned)worker) : NULL;

	if (!ch) {
		not_inspected(f, on_failure(f), REASON_FALLBACK);
		return;
	}
	f->worker = (unsigned)worker;
	f->has_worker = true;
	f->sent_len = w->bytes.len;
	if (ipc_send(ch, &m)) {
		not_inspected(f, on_overload(f), REASON_OVERLOAD);
		return;
	}
	asked_set(f, true);
}

/* A RST of an end while its first bytes are held: the other end gets one that it accepts. */
static void end_by_reset(struct flow *f, int side)
{
	tell_gone(f, REASON_GONE);
	report_flow(f->wire, &f->key, f->client, f->number, REASON_GONE, OUTCOME_FAILED);
	block(f, REASON_GONE, side == f->client ? IPC_RESET_SERVER : IPC_RESET_CLIENT);
}

/* Whether there is something new to tell the worker, and telling it. */
static void advance(struct flow *f)
{
	struct hold_stream client, server;
	struct wire *w = f->wire;
	bool server_first = false;

	hold_assemble(&f->hold, !f->client, f->from[!f->client], &w->bytes, &server);
	if (server.reset) {
		end_by_reset(f, !f->client);
		return;
	}
	server_first = w->bytes.len > 0;
	hold_assemble(&f->hold, f->client, f->from[f->client], &w->bytes, &client);
	if (client.reset) {
		end_by_reset(f, f->client);
		return;
	}
	if (f->asked || f->taking)
		return;
	if (w->bytes.len == 0 && !client.fin && server_first) {
		hold_assemble(&f->hold, !f->client, f->from[!f->client], &w->bytes, &server);
		client = server;
	} else {
		server_first = false;
	}
	if (w->bytes.len > f->sent_len || (client.fin && !f->has_worker) || f->timed_out ||
	    f->silent || (client.fin && f->has_worker))
		send_hello(f, server_first, &client);
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
	count(w, COUNTER_held_flows);
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
			not_inspected(f, on_overload(f), REASON_OVERLOAD);
			return;
		}
		if (first)
			set_timer(f, incomplete_wait_ms(w));
		advance(f);
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
	struct addr from = addr_of(&up->key, up->side), to = addr_of(&up->key, !up->side);
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
	send_hello(f, false, &nothing);
}

/* An address that no other flow has; 0 when none was found. */
static uint32_t synthetic_get(struct flow *f)
{
	struct wire *w = f->wire;
	unsigned kind = f->key.tunnel % WIRE_TUNNELS;

	for (int i = 0; i < SYNTHETIC_TRIES; i++) {
		uint32_t id = w->next_synthetic[kind]++ & 0xffffff;
		uint32_t be = htonl((WIRE_SYNTHETIC_NET + kind) << 24 | id);

		/* The first and last of the /8 are no host's. */
		if (id == 0 || id == 0xffffff)
			continue;
		if (!table_pair_add(&w->program, be, &f->key, f->serial))
			return be;
	}
	return 0;
}

static void take_failed(struct flow *f, enum reason reason)
{
	count(f->wire, COUNTER_take_failed);
	tell_gone(f, reason);
	not_inspected(f, on_failure(f), reason);
}

/* The sockets are made and the entry diverts: now the bytes, then the worker. */
static void take_start(struct flow *f, const struct wire_flow *e, const struct take_pair *pair)
{
	struct wire *w = f->wire;
	const struct wire_end *server = &e->end[!f->client];
	struct inject_tcp last = {
	        .seq = server->next,
	        .ack = server->ack,
	        .window = (uint16_t)(server->scaled ? server->window
	                                            : server->window >> server->wscale),
	        .flags = PACKET_ACK,
	};
	struct ipc_message m = {.type = IPC_TAKEN, .taken = {.flow = f->number}};
	struct ipc_channel *ch = proc_peer(w->proc, IPC_WORKER, f->worker);
	int fds[2] = {pair->client_fd, pair->server_fd};

	(void)inject_tcp(&w->inject, &f->key, e, !f->client, false, &last);
	inject_held(f, false);
	asked_set(f, false);
	hold_clear(&w->pool, &f->hold);
	loop_timer_cancel(&f->timer);
	f->phase = FLOW_TAKEN;
	w->workers[f->worker].sessions++;
	limit_session_begins(w, f);
	count(w, COUNTER_taken);
	count(w, COUNTER_flows_taken);
	count(w, COUNTER_open);
	/* Sockets that do not reach the worker are closed here, which resets both ends. */
	if (!ch || ipc_send_fds(ch, &m, fds, 2))
		flow_forget(f);
}

static void take_now(struct flow *f, const struct wire_flow *e)
{
	struct wire *w = f->wire;
	struct table_decision d = {.state = WIRE_DIVERT,
	                           .flow = f->number,
	                           .worker = (uint16_t)(PROC_SLOT_WORKER + f->worker),
	                           .revision = w->global.revision};
	struct take_pair pair;

	f->synthetic = synthetic_get(f);
	if (!f->synthetic) {
		take_failed(f, REASON_OVERLOAD);
		return;
	}
	if (take_make(&f->key, e, f->synthetic, &pair)) {
		log_warning("flow %llu cannot be taken over: %s", (unsigned long long)f->number,
		            strerror(errno));
		table_pair_remove(&w->program, f->synthetic);
		take_failed(f, REASON_TAKE_FAILED);
		return;
	}
	d.synthetic = f->synthetic;
	if (table_decide(&w->program, &f->key, f->serial, &d)) {
		table_pair_remove(&w->program, f->synthetic);
		take_failed(f, REASON_GONE);
	} else {
		take_start(f, e, &pair);
	}
	(void)close(pair.client_fd);
	(void)close(pair.server_fd);
}

static void take(struct flow *f)
{
	struct wire_flow e;
	unsigned wait = 1u << SL_MIN(f->attempts, 6);

	if (table_get(&f->wire->program, &f->key, f->serial, &e) || e.state != WIRE_HELD) {
		tell_gone(f, REASON_GONE);
		settle(f, FLOW_DROPPED);
		return;
	}
	switch (take_ready(&e)) {
	case 0:
		take_now(f, &e);
		return;
	case SL_EAGAIN:
		if (++f->attempts > TAKE_ATTEMPTS)
			break;
		f->taking = true;
		count(f->wire, COUNTER_take_retries);
		set_timer(f, SL_MIN(wait, TAKE_WAIT_MAX_MS));
		return;
	default:
		tell_gone(f, REASON_GONE);
		block(f, REASON_GONE, IPC_RESET_BOTH);
		return;
	}
	take_failed(f, REASON_TAKE_FAILED);
}

static void on_timer(struct loop_timer *timer)
{
	struct flow *f = flow_of_timer(timer);

	if (f->phase != FLOW_HOLDING) {
		flow_forget(f);
	} else if (f->taking) {
		take(f);
	} else {
		f->timed_out = true;
		advance(f);
	}
}

static void on_more(struct flow *f)
{
	/* The wait was over already, or nobody spoke: there is nothing that could still come. */
	if (f->silent)
		block(f, REASON_NO_HANDSHAKE, IPC_RESET_BOTH);
	else
		advance(f);
}

void flow_on_verdict(struct wire *w, unsigned worker, const struct ipc_verdict *v)
{
	struct flow *f = find_number(w, v->flow);

	if (!f || f->phase != FLOW_HOLDING || !f->asked || f->worker != worker)
		return;
	asked_set(f, false);
	switch (v->action) {
	case IPC_FORWARD:
		pass(f, v->reason < REASON_END ? (enum reason)v->reason : REASON_NONE);
		break;
	case IPC_TAKE:
		take(f);
		break;
	case IPC_MORE:
		on_more(f);
		break;
	default:
		block(f, v->reason < REASON_END ? (enum reason)v->reason : REASON_NONE, v->reset);
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
			asked_set(f, false);
			f->has_worker = f->taking = false;
			f->sent_len = 0;
			f->attempts = 0;
			if (!limit_admits(w, f))
				not_inspected(f, on_overload(f), REASON_OVERLOAD);
			else
				advance(f);
		}
	}
}

void flow_release_all(struct wire *w, enum reason reason)
{
	struct flow *f, *next;

	HASH_ITER (by_number, w->flows_by_number, f, next) {
		if (f->phase != FLOW_HOLDING)
			continue;
		tell_gone(f, reason);
		pass(f, reason);
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
