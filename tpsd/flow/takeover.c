/* SPDX-License-Identifier: Apache-2.0 */
/* A flow that is to be inspected gets an address of its own, two sockets, and its worker. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/flow/flow_priv.h"
#include "tpsd/flow/table.h"
#include "tpsd/take/take.h"

enum {
	TAKE_ATTEMPTS = 12, /* 1, 2, 4 … 64 ms, then 64: about half a second */
	TAKE_WAIT_MAX_MS = 64,
	SYNTHETIC_TRIES = 64,
};

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
	flow_count(f->wire, COUNTER_take_failed);
	flow_tell_gone(f, reason);
	flow_not_inspected(f, flow_on_failure(f), reason);
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
	flow_inject_held(f, false);
	flow_set_asked(f, false);
	hold_clear(&w->pool, &f->hold);
	loop_timer_cancel(&f->timer);
	f->phase = FLOW_TAKEN;
	w->workers[f->worker].sessions++;
	limit_session_begins(w, f);
	flow_count(w, COUNTER_taken);
	flow_count(w, COUNTER_flows_taken);
	flow_count(w, COUNTER_open);
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

void flow_take(struct flow *f)
{
	struct wire_flow e;
	unsigned wait = 1u << SL_MIN(f->attempts, 6);

	if (table_get(&f->wire->program, &f->key, f->serial, &e) || e.state != WIRE_HELD) {
		flow_tell_gone(f, REASON_GONE);
		flow_settle(f, FLOW_DROPPED);
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
		flow_count(f->wire, COUNTER_take_retries);
		flow_set_timer(f, SL_MIN(wait, TAKE_WAIT_MAX_MS));
		return;
	default:
		flow_tell_gone(f, REASON_GONE);
		flow_block(f, REASON_GONE, IPC_RESET_BOTH);
		return;
	}
	take_failed(f, REASON_TAKE_FAILED);
}
