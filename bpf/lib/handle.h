/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way of a packet that came in at a port, whether from the wire or put back by user space:
 * parse, flow entry, or without one: stray.h.
 */
#pragma once

#include "bpf/lib/dress.h"
#include "bpf/lib/quic.h"
#include "bpf/lib/stray.h"

inline_fn int inspection_off(const struct visit *v)
{
	if (switch_get(WIRE_SWITCH_FALLBACK) || switch_get(WIRE_SWITCH_STOP))
		return OFF_TOLD;
	return heartbeat_stale(WIRE_SLOT_WIRE, v->now, v->heartbeat_max_ns) ? OFF_DEAD : 0;
}

/* Sessions are to end, too. */
inline_fn int told_to_clear(void)
{
	return switch_get(WIRE_SWITCH_CLEAR) &&
	       (switch_get(WIRE_SWITCH_FALLBACK) || switch_get(WIRE_SWITCH_STOP));
}

/* 0: the packet is the entry's; 1: it may begin a new flow; negative: drop. */
inline_fn int syn_on_flow(struct wire_flow *f, const struct visit *v)
{
	const struct packet *p = &v->packet;
	struct wire_leg_pair *pair;

	if (f->state == WIRE_HELD)
		return -1;
	/* Its own SYN-ACK, sent again: no other handshake has both numbers. */
	if (p->flags & TCP_ACK && v->side != f->client && p->seq == f->end[v->side & 1].isn &&
	    p->ack == f->end[!v->side].isn + 1)
		return 0;
	if (f->state != WIRE_DIVERT)
		return 1;
	pair = bpf_map_lookup_elem(&pairs, &f->synthetic);
	if (pair && !(pair->dead & WIRE_LEG_CLIENT))
		return 0;
	if (p->flags & TCP_ACK || v->side != f->client)
		return 0;
	if (!bpf_map_delete_elem(&flows, &v->key))
		count(WIRE_COUNT_FLOWS_GONE);
	return 1;
}

/* Inspection went away under an undecided flow. */
inline_fn int flow_release(struct __sk_buff *skb, const struct visit *v, __u8 client)
{
	count(WIRE_COUNT_HELD_RELEASED);
	if (v->off == OFF_DEAD && v->flags & WIRE_SEG_FAILURE_BLOCK)
		return drop(WIRE_DROP_FAILURE);
	if (!bpf_map_delete_elem(&flows, &v->key))
		count(WIRE_COUNT_FLOWS_GONE);
	return mark_and_forward(skb, WIRE_MARK_FALLBACK, client);
}

inline_fn int flow_reset(struct __sk_buff *skb, struct visit *v, struct wire_flow *f, __u32 why)
{
	struct wire_end *far = &f->end[!v->side];

	bpf_spin_lock(&f->lock);
	v->reset.far_expects = far->ack;
	v->reset.far_next = far->next;
	__builtin_memcpy(v->reset.back_mac, far->dress.mac, sizeof(v->reset.back_mac));
	f->ended |= WIRE_RST;
	bpf_spin_unlock(&f->lock);
	return reset_both(skb, why);
}

/* The RST that this end of a blocked flow got was lost: it still speaks. */
inline_fn int flow_reset_again(struct __sk_buff *skb, struct visit *v, struct wire_flow *f)
{
	bpf_spin_lock(&f->lock);
	__builtin_memcpy(v->reset.back_mac, f->end[!v->side].dress.mac, sizeof(v->reset.back_mac));
	bpf_spin_unlock(&f->lock);
	drop(WIRE_DROP_BLOCKED);
	return reset_sender(skb);
}

inline_fn int flow_packet(struct __sk_buff *skb, struct visit *v, struct wire_flow *f)
{
	const struct packet *p = &v->packet;
	__u8 client = f->client;
	__be32 synthetic;
	__u64 serial;

	if (f->state <= WIRE_HELD) {
		if (options_read(skb, 0))
			return drop(WIRE_DROP_TCP_MALFORMED);
		if (p->flags & (TCP_FIN | TCP_RST) && !p->payload_len && !tcp_csum_right(skb, p))
			return drop(WIRE_DROP_UNACCEPTABLE);
	} else {
		v->options.seen = 0;
	}
	switch (flow_step(f, p, &v->options, v->side, v->off, v->now, &serial, &synthetic)) {
	case FLOW_PASS:
		return forward(skb, v);
	case FLOW_UP_FIRST:
		count(WIRE_COUNT_HELD);
		return up_packet(skb, WIRE_UP_HELD, serial);
	case FLOW_UP:
		return up_packet(skb, WIRE_UP_HELD, serial);
	case FLOW_BAD:
		return drop(WIRE_DROP_UNACCEPTABLE);
	case FLOW_RELEASE:
		return flow_release(skb, v, client);
	case FLOW_BLOCK_RESET:
		return flow_reset_again(skb, v, f);
	case FLOW_DIVERT:
		if (heartbeat_stale(f->worker, v->now, v->heartbeat_max_ns))
			return flow_reset(skb, v, f, WIRE_DROP_STALE_RESET);
		if (told_to_clear())
			return flow_reset(skb, v, f, WIRE_DROP_CLEARED);
		return undress(skb, v, synthetic, client == v->side);
	default:
		return drop(WIRE_DROP_BLOCKED);
	}
}

inline_fn int tcp_packet(struct __sk_buff *skb, struct visit *v, __u32 bypass_count)
{
	struct wire_flow *f;
	int verdict = 0;

	key_fill(&v->key, &v->packet, v->segment, v->side);
	f = bpf_map_lookup_elem(&flows, &v->key);
	if (!f && bypass_count && bypass_match()) {
		count(WIRE_COUNT_BYPASS_RULE);
		return forward(skb, v);
	}
	/* Whether inspection is on concerns no flow that is decided. */
	v->off = f && f->state > WIRE_HELD && !(v->packet.flags & TCP_SYN) ? 0 : inspection_off(v);
	if (f && v->packet.flags & TCP_SYN) {
		verdict = syn_on_flow(f, v);
		if (verdict < 0)
			return drop(WIRE_DROP_HELD_SYN);
	}
	if (!f || verdict > 0) {
		verdict = stray_packet(skb, verdict > 0);
		if (verdict != STRAY_PROMOTED)
			return verdict;
		f = bpf_map_lookup_elem(&flows, &v->key);
		if (!f)
			return drop(WIRE_DROP_MIDSTREAM);
	}
	return flow_packet(skb, v, f);
}

/* While new TCP is let by uninspected there is nothing to fall back to. */
inline_fn int quic_drops(const struct visit *v)
{
	int off;

	if (!(v->flags & WIRE_SEG_QUIC) || !quic_match())
		return 0;
	off = inspection_off(v);
	if (off == OFF_TOLD || (off == OFF_DEAD && !(v->flags & WIRE_SEG_FAILURE_BLOCK)))
		return 0;
	return !exception_has(v->packet.src, 0, v->now) && !exception_has(v->packet.dst, 1, v->now);
}

/* Whatever is not whole TCP over IPv4. */
inline_fn int other_packet(struct __sk_buff *skb, struct visit *v, int class, __u32 bypass_count)
{
	struct packet *p = &v->packet;

	if (bypass_count && bypass_match()) {
		count(WIRE_COUNT_BYPASS_RULE);
		return forward(skb, v);
	}
	if (class == PACKET_TAG_BAD)
		return drop(WIRE_DROP_PRIORITY_TAG);
	if (p->proto == IPPROTO_UDP && quic_drops(v))
		return drop(WIRE_DROP_QUIC);
	if (class == PACKET_FRAGMENT || class == PACKET_TCP_BAD) {
		p->sport = p->dport = 0;
		if (!watched(v))
			return forward(skb, v);
		if (class == PACKET_TCP_BAD)
			return drop(WIRE_DROP_TCP_MALFORMED);
		if (inspection_off(v))
			return forward(skb, v);
		count(WIRE_COUNT_FRAGMENTS);
		key_fill(&v->key, p, v->segment, v->side);
		return up_packet(skb, WIRE_UP_FRAGMENT, 0);
	}
	if (p->kind) {
		count(p->kind);
		/* Link control (LLDP, LACP, STP …) is no traffic of anybody's: always on. */
		if (v->flags & WIRE_SEG_UNINSPECTABLE_DROP &&
		    p->kind != WIRE_COUNT_UNINSPECTED_NON_IP)
			return drop(WIRE_DROP_UNINSPECTABLE);
	}
	return forward(skb, v);
}

inline_fn int handle_packet(struct __sk_buff *skb, const struct wire_port *port)
{
	__u32 index = port->segment;
	struct wire_segment *segment = bpf_map_lookup_elem(&segments, &index);
	struct wire_global *g = global_get();
	struct visit *v = visit_get();
	int class;

	if (!v || !g || !segment || !segment->ifindex[0])
		return drop(WIRE_DROP_NO_PORT);
	v->now = bpf_ktime_get_ns();
	v->heartbeat_max_ns = g->heartbeat_max_ns;
	v->grace_until_ns = segment->grace_until_ns;
	v->flags = segment->flags;
	v->from = segment->ifindex[port->side & 1];
	v->to = segment->ifindex[!(port->side & 1)];
	v->segment = port->segment;
	v->side = port->side & 1;
	v->bank = g->bank;
	v->reclaim_epoch = g->reclaim_epoch;
	if (!g->watching)
		return forward(skb, v);
	__builtin_memset(&v->packet, 0, sizeof(v->packet));
	class = parse_packet(skb, &v->packet);
	if (class == PACKET_TCP)
		return tcp_packet(skb, v, g->bypass_count);
	return other_packet(skb, v, class, g->bypass_count);
}
