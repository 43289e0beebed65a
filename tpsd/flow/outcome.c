/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a flow: passed, blocked, or not inspected, as its segment and proxy say. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/flow/flow_priv.h"
#include "tpsd/flow/table.h"

enum { LINGER_MS = 2000 /* a decided flow's record waits this long for late packets */ };

void flow_settle(struct flow *f, enum flow_phase phase)
{
	flow_set_asked(f, false);
	hold_clear(&f->wire->pool, &f->hold);
	f->phase = phase;
	flow_set_timer(f, LINGER_MS);
}

void flow_inject_held(struct flow *f, bool pass)
{
	for (struct held_packet *p = f->hold.first; p; p = p->next)
		(void)inject_packet(&f->wire->inject, f->key.segment, p->side, pass, &p->view,
		                    &p->tag, p->gso_size);
}

void flow_pass(struct flow *f, enum reason reason)
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
	flow_inject_held(f, true);
	if (table_decide(&w->program, &f->key, f->serial, &d) == SL_ESYS)
		log_warning("flow %llu: the decision to forward it cannot be written: %s",
		            (unsigned long long)f->number, strerror(errno));
	flow_count(w, COUNTER_flows_forwarded);
	flow_settle(f, FLOW_PASSED);
}

void flow_block(struct flow *f, enum reason reason, unsigned reset)
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
	flow_count(w, COUNTER_flows_dropped);
	flow_settle(f, FLOW_DROPPED);
}

void flow_tell_gone(struct flow *f, enum reason reason)
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

void flow_not_inspected(struct flow *f, enum config_action action, enum reason reason)
{
	report_flow(f->wire, &f->key, f->client, f->number, reason,
	            action == CONFIG_BLOCK ? OUTCOME_BLOCKED : OUTCOME_BYPASSED);
	if (action == CONFIG_BLOCK)
		flow_block(f, reason, IPC_RESET_BOTH);
	else
		flow_pass(f, reason);
}

static const struct config_segment *segment_of(const struct flow *f)
{
	const struct config *c = f->wire->config;

	return c && f->key.segment < c->segments_count ? &c->segments[f->key.segment] : NULL;
}

enum config_action flow_on_failure(const struct flow *f)
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
	        .source = flow_addr(k, client),
	        .destination = flow_addr(k, !client),
	        .source_port = ntohs(k->port[client]),
	        .destination_port = ntohs(k->port[!client]),
	};

	if (!packet.segment)
		return NULL;
	config_match(c, &packet, &match);
	return match.proxy;
}

enum config_action flow_on_overload(const struct flow *f)
{
	const struct config_proxy *proxy = proxy_of(f);
	const struct config_segment *s = segment_of(f);

	if (proxy && proxy->on_failure[FAILURE_OVERLOAD] == CONFIG_BLOCK)
		return CONFIG_BLOCK;
	return s ? s->on_overload : CONFIG_BYPASS;
}
