/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way of a packet that came in at a port, whether from the wire or put back by user space:
 * parse, flow entry, or without one: handshake, mark, policy. Forwarding is the default of every
 * branch that policy does not touch.
 */
#pragma once

#include "bpf/lib/dress.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/policy.h"
#include "bpf/lib/quic.h"
#include "bpf/lib/reset.h"
#include "bpf/lib/syn.h"
#include "bpf/lib/up.h"

/* What every step needs to know of where and when. */
struct where {
	const struct wire_global *global;
	struct wire_segment *segment;
	__u64 now;
	__u16 index; /* of the segment */
	__u8 side;   /* on which the packet came in */
	__u8 off;    /* inspection: 0 on, 1 told to forward, 2 dead */
};

enum { OFF_TOLD = 1, OFF_DEAD = 2 };
enum { STRAY_PROMOTED = 100 };

inline_fn int forward(struct __sk_buff *skb, const struct where *w)
{
	__u32 len = skb->len;

	count(WIRE_COUNT_FORWARDED_PACKETS);
	count_n(WIRE_COUNT_FORWARDED_BYTES, len);
	return bpf_redirect(w->segment->ifindex[!w->side], 0);
}

inline_fn int inspection_off(const struct wire_global *g, __u64 now)
{
	if (switch_get(WIRE_SWITCH_FALLBACK) || switch_get(WIRE_SWITCH_STOP))
		return OFF_TOLD;
	return heartbeat_stale(WIRE_SLOT_WIRE, now, g->heartbeat_max_ns) ? OFF_DEAD : 0;
}

/* Lets the flow by uninspected and remembers that. */
inline_fn int mark_and_forward(struct __sk_buff *skb, const struct packet *p,
                               const struct wire_key *k, const struct where *w, __u16 reason,
                               __u8 client)
{
	struct scratch *s = scratch_get();

	if (s) {
		struct wire_mark *m = &s->mark;

		__builtin_memset(m, 0, sizeof(*m));
		m->created_ns = m->seen_ns = w->now;
		m->epoch = w->global->reclaim_epoch;
		m->reason = reason;
		m->client = client;
		m->ack[w->side & 1] = p->ack;
		bpf_map_update_elem(&marks, k, m, BPF_ANY);
	}
	/* But for a one-way flow: when its other way is seen after all it is watched. */
	if (reason != WIRE_MARK_ONE_WAY)
		bpf_map_delete_elem(&embryos, k);
	count(WIRE_COUNT_MARKED_FALLBACK - WIRE_MARK_FALLBACK + reason);
	if (reason != WIRE_MARK_FALLBACK && reason != WIRE_MARK_PANIC)
		up_notice(skb, p, k, w->side, reason, w->now);
	return forward(skb, w);
}

/* A watched flow that cannot be inspected because inspection is off: forward, or block. */
inline_fn int off_action(struct __sk_buff *skb, const struct packet *p, const struct wire_key *k,
                         const struct where *w, __u8 client)
{
	if (w->off == OFF_DEAD && w->segment->flags & WIRE_SEG_FAILURE_BLOCK)
		return drop(WIRE_DROP_FAILURE);
	return mark_and_forward(skb, p, k, w, WIRE_MARK_FALLBACK, client);
}

/*
 * Notes a SYN. One of a handshake that is noted already was sent again, and after the SYN-ACK
 * changes nothing; or it is another one, see struct wire_embryo. 0, or -1 without room.
 */
inline_fn int syn_note(const struct packet *p, const struct options *o, const struct wire_key *k,
                       const struct where *w, struct wire_embryo *old, __u32 silence_ms,
                       int has_flow)
{
	struct scratch *s = scratch_get();
	struct wire_embryo *m;

	if (old && old->client == w->side) {
		struct wire_end *noted = &old->end[w->side & 1];

		if (p->seq != noted->isn) {
			end_begin(&old->later, p, o);
			old->again = 1;
		} else if (old->phase == 1) {
			end_begin(noted, p, o);
		}
		return 0;
	}
	if (!s)
		return -1;
	m = &s->embryo;
	__builtin_memset(m, 0, sizeof(*m));
	m->serial = w->now << 6 | (bpf_get_smp_processor_id() & 63);
	m->created_ns = w->now;
	m->client = w->side;
	m->phase = 1;
	m->heard = has_flow;
	m->silence_ms = silence_ms;
	end_begin(&m->end[w->side & 1], p, o);
	return bpf_map_update_elem(&embryos, k, m, BPF_ANY) ? -1 : 0;
}

/* SYN of a flow that policy may want: note it and let it go on, stripped. */
inline_fn int syn_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                         const struct where *w, int has_flow)
{
	struct wire_interest *in = interest_find(w->global, p, w->index, w->side, p->dst, p->dport);
	struct wire_embryo *old = bpf_map_lookup_elem(&embryos, k);
	struct options o;

	if (!in) {
		/* Ports that are swapped show by this (R158). */
		if (interest_find(w->global, p, w->index, !w->side, p->dst, p->dport))
			count(WIRE_COUNT_SYN_WRONG_SIDE);
		if (old && old->client != w->side && old->phase == 1)
			return drop(WIRE_DROP_SIMULTANEOUS_OPEN);
		return forward(skb, w);
	}
	if (old && old->client != w->side && old->phase == 1)
		return drop(WIRE_DROP_SIMULTANEOUS_OPEN);
	if (w->off)
		return off_action(skb, p, k, w, w->side);
	if (exception_has(p->src, 0, w->now) || exception_has(p->dst, 1, w->now))
		return mark_and_forward(skb, p, k, w, WIRE_MARK_PANIC, w->side);
	if (options_read(skb, p, &o, 1))
		return drop(WIRE_DROP_TCP_MALFORMED);
	if (o.seen & WIRE_OPT_AUTH) {
		if (w->segment->flags & WIRE_SEG_UNINSPECTABLE_DROP ||
		    in->flags & WIRE_INTEREST_AUTH_BLOCK) {
			up_notice(skb, p, k, w->side, WIRE_MARK_TCP_AUTH | WIRE_NOTICE_BLOCKED,
			          w->now);
			return drop(WIRE_DROP_TCP_AUTH);
		}
		return mark_and_forward(skb, p, k, w, WIRE_MARK_TCP_AUTH, w->side);
	}
	bpf_map_delete_elem(&marks, k);
	if (syn_note(p, &o, k, w, old, in->silence_ms, has_flow))
		return drop(WIRE_DROP_FLOWS_FULL);
	count(WIRE_COUNT_EMBRYOS);
	if (syn_strip(skb, p, &o))
		return drop(WIRE_DROP_DRESS);
	return forward(skb, w);
}

/* Whether policy watches the flow of this packet, in either direction. */
inline_fn int watched(const struct packet *p, const struct where *w)
{
	return interest_find(w->global, p, w->index, w->side, p->dst, p->dport) ||
	       interest_find(w->global, p, w->index, !w->side, p->src, p->sport);
}

/* A packet of a watched tuple of which we know nothing: R159. */
inline_fn int unknown_packet(struct __sk_buff *skb, const struct packet *p,
                             const struct wire_key *k, const struct where *w, int one_way)
{
	__u32 flag = one_way ? WIRE_SEG_ASYMMETRIC_DROP : WIRE_SEG_MIDSTREAM_DROP;

	if (!watched(p, w))
		return forward(skb, w);
	if (w->off)
		return off_action(skb, p, k, w, 255);
	if (w->segment->flags & flag && (__s64)(w->segment->grace_until_ns - w->now) <= 0)
		return drop(one_way ? WIRE_DROP_ONE_WAY : WIRE_DROP_MIDSTREAM);
	return mark_and_forward(skb, p, k, w, one_way ? WIRE_MARK_ONE_WAY : WIRE_MARK_MIDSTREAM,
	                        255);
}

inline_fn int mark_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                          const struct where *w, struct wire_mark *m)
{
	m->seen_ns = w->now;
	if (!w->off && w->segment->flags & WIRE_SEG_RECLAIM &&
	    m->epoch != w->global->reclaim_epoch && m->reason <= WIRE_MARK_OVERLOAD) {
		struct reset_ends e = {.far_expects = m->ack[!w->side], .far_next = p->ack};

		if (!e.far_expects)
			e.far_expects = p->seq;
		/* A RST may be lost: the mark stays, for whoever goes on. */
		if (p->flags & TCP_RST)
			bpf_map_delete_elem(&marks, k);
		return reset_both(skb, p, w->segment, w->side, &e, WIRE_DROP_RECLAIM);
	}
	if (p->flags & TCP_ACK)
		m->ack[w->side & 1] = p->ack;
	if (p->flags & TCP_RST)
		bpf_map_delete_elem(&marks, k);
	return forward(skb, w);
}

inline_fn int synack_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                            const struct where *w, int has_flow)
{
	struct wire_embryo *m = bpf_map_lookup_elem(&embryos, k);
	struct wire_mark *mark;
	struct wire_end *client;
	struct options o;

	if (!m) {
		mark = bpf_map_lookup_elem(&marks, k);
		if (mark)
			return mark_packet(skb, p, k, w, mark);
		return has_flow ? forward(skb, w) : unknown_packet(skb, p, k, w, 1);
	}
	if (m->client == w->side)
		return drop(WIRE_DROP_SYNACK_SIDE);
	m->heard = 1;
	client = &m->end[!w->side];
	if (p->ack != client->next && !(m->again && p->ack == m->later.next))
		return forward(skb, w);
	if (p->payload_len || options_read(skb, p, &o, 0))
		return drop(WIRE_DROP_EMBRYO_DATA);
	if (p->ack != client->next) {
		*client = m->later;
		m->again = 0;
	}
	/* A server agrees only to what some SYN has offered. */
	client->options |= o.seen & (WIRE_OPT_SACK | WIRE_OPT_TIMESTAMP);
	client->ack = p->seq; /* nothing yet; what it acknowledges is compared with this */
	end_begin(&m->end[w->side & 1], p, &o);
	m->phase = 2;
	if (has_flow && !bpf_map_delete_elem(&flows, k))
		count(WIRE_COUNT_FLOWS_GONE);
	bpf_map_delete_elem(&marks, k);
	return forward(skb, w);
}

/* Neither SYN nor SYN-ACK, and there is an embryo. */
inline_fn int embryo_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                            const struct where *w, struct wire_embryo *m)
{
	const struct wire_end *me = &m->end[w->side & 1], *far = &m->end[!w->side];
	__u8 client = m->client;
	struct wire_mark *mark;

	if (w->side != client)
		m->heard = 1;
	/* It may be one that its receiver does not take; and the next SYN needs no room made. */
	if (p->flags & TCP_RST)
		return forward(skb, w);
	if (m->phase == 2 && w->side == client && p->flags & TCP_ACK && p->ack == far->next &&
	    p->seq - me->next < FLOW_WINDOW) {
		if (!flow_promote(k, m, w->global, w->now))
			return STRAY_PROMOTED;
		if (w->segment->flags & WIRE_SEG_OVERLOAD_BLOCK)
			return drop(WIRE_DROP_FLOWS_FULL);
		return mark_and_forward(skb, p, k, w, WIRE_MARK_OVERLOAD, client);
	}
	if (!p->payload_len)
		return forward(skb, w);
	if (m->phase != 1 || m->heard)
		return drop(WIRE_DROP_EMBRYO_DATA);
	/* One that was let by is said once, not with each packet. */
	mark = bpf_map_lookup_elem(&marks, k);
	return mark ? mark_packet(skb, p, k, w, mark) : unknown_packet(skb, p, k, w, 1);
}

/* No flow entry, or a SYN or SYN-ACK that may begin the next flow of its tuple. */
inline_fn int stray_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                           const struct where *w, int has_flow)
{
	struct wire_embryo *m;
	struct wire_mark *mark;

	if ((p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return syn_packet(skb, p, k, w, has_flow);
	if (p->flags & TCP_SYN)
		return synack_packet(skb, p, k, w, has_flow);
	m = bpf_map_lookup_elem(&embryos, k);
	if (m && !(m->phase == 1 && w->off))
		return embryo_packet(skb, p, k, w, m);
	mark = bpf_map_lookup_elem(&marks, k);
	if (mark)
		return mark_packet(skb, p, k, w, mark);
	return unknown_packet(skb, p, k, w, 0);
}

/* 0: the packet is the entry's; 1: it may begin a new flow; negative: drop. */
inline_fn int syn_on_flow(struct wire_flow *f, const struct packet *p, const struct wire_key *k,
                          const struct where *w)
{
	struct wire_leg_pair *pair;

	if (f->state == WIRE_HELD)
		return -1;
	/* Its own SYN-ACK, sent again: no other handshake has both numbers. */
	if (p->flags & TCP_ACK && w->side != f->client && p->seq == f->end[w->side & 1].isn &&
	    p->ack == f->end[!w->side].isn + 1)
		return 0;
	if (f->state != WIRE_DIVERT)
		return 1;
	pair = bpf_map_lookup_elem(&pairs, &f->synthetic);
	if (pair && !(pair->dead & WIRE_LEG_CLIENT))
		return 0;
	if (p->flags & TCP_ACK || w->side != f->client)
		return 0;
	if (!bpf_map_delete_elem(&flows, k))
		count(WIRE_COUNT_FLOWS_GONE);
	return 1;
}

/* Inspection went away under an undecided flow. */
inline_fn int flow_release(struct __sk_buff *skb, const struct packet *p, const struct wire_key *k,
                           const struct where *w, __u8 client)
{
	count(WIRE_COUNT_HELD_RELEASED);
	if (w->off == OFF_DEAD && w->segment->flags & WIRE_SEG_FAILURE_BLOCK)
		return drop(WIRE_DROP_FAILURE);
	if (!bpf_map_delete_elem(&flows, k))
		count(WIRE_COUNT_FLOWS_GONE);
	return mark_and_forward(skb, p, k, w, WIRE_MARK_FALLBACK, client);
}

inline_fn int flow_reset(struct __sk_buff *skb, struct packet *p, struct wire_flow *f,
                         const struct where *w, __u32 why)
{
	struct reset_ends e = {};

	bpf_spin_lock(&f->lock);
	e.far_expects = f->end[!w->side].ack;
	e.far_next = f->end[!w->side].next;
	__builtin_memcpy(e.back_mac, f->end[!w->side].dress.mac, sizeof(e.back_mac));
	f->ended |= WIRE_RST;
	bpf_spin_unlock(&f->lock);
	return reset_both(skb, p, w->segment, w->side, &e, why);
}

/* The RST that this end of a blocked flow got was lost: it still speaks. */
inline_fn int flow_reset_again(struct __sk_buff *skb, struct packet *p, struct wire_flow *f,
                               const struct where *w)
{
	struct reset_ends e = {};

	bpf_spin_lock(&f->lock);
	__builtin_memcpy(e.back_mac, f->end[!w->side].dress.mac, sizeof(e.back_mac));
	bpf_spin_unlock(&f->lock);
	drop(WIRE_DROP_BLOCKED);
	return reset_sender(skb, p, w->segment, w->side, &e);
}

inline_fn int flow_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                          const struct where *w, struct wire_flow *f)
{
	__u8 client = f->client;
	__be32 synthetic;
	struct options o;
	__u64 serial;

	if (f->state <= WIRE_HELD) {
		if (options_read(skb, p, &o, 0))
			return drop(WIRE_DROP_TCP_MALFORMED);
		if (p->flags & (TCP_FIN | TCP_RST) && !p->payload_len && !tcp_csum_right(skb, p))
			return drop(WIRE_DROP_UNACCEPTABLE);
	} else {
		__builtin_memset(&o, 0, sizeof(o));
	}
	switch (flow_step(f, p, &o, w->side, w->off, w->now, &serial, &synthetic)) {
	case FLOW_PASS:
		return forward(skb, w);
	case FLOW_UP_FIRST:
		count(WIRE_COUNT_HELD);
		return up_packet(skb, p, k, WIRE_UP_HELD, w->side, serial, w->now);
	case FLOW_UP:
		return up_packet(skb, p, k, WIRE_UP_HELD, w->side, serial, w->now);
	case FLOW_BAD:
		return drop(WIRE_DROP_UNACCEPTABLE);
	case FLOW_RELEASE:
		return flow_release(skb, p, k, w, client);
	case FLOW_BLOCK_RESET:
		return flow_reset_again(skb, p, f, w);
	case FLOW_DIVERT:
		if (heartbeat_stale(f->worker, w->now, w->global->heartbeat_max_ns))
			return flow_reset(skb, p, f, w, WIRE_DROP_STALE_RESET);
		if (w->off == OFF_TOLD && switch_get(WIRE_SWITCH_CLEAR))
			return flow_reset(skb, p, f, w, WIRE_DROP_CLEARED);
		return undress(skb, p, synthetic, client == w->side);
	default:
		return drop(WIRE_DROP_BLOCKED);
	}
}

inline_fn int tcp_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                         struct where *w)
{
	struct wire_flow *f = bpf_map_lookup_elem(&flows, k);
	int verdict = 0;

	if (!f && bypass_match(w->global, p, w->index)) {
		count(WIRE_COUNT_BYPASS_RULE);
		return forward(skb, w);
	}
	w->off = inspection_off(w->global, w->now);
	if (f && p->flags & TCP_SYN) {
		verdict = syn_on_flow(f, p, k, w);
		if (verdict < 0)
			return drop(WIRE_DROP_HELD_SYN);
	}
	if (!f || verdict > 0) {
		verdict = stray_packet(skb, p, k, w, verdict > 0);
		if (verdict != STRAY_PROMOTED)
			return verdict;
		f = bpf_map_lookup_elem(&flows, k);
		if (!f)
			return drop(WIRE_DROP_MIDSTREAM);
	}
	return flow_packet(skb, p, k, w, f);
}

/* While new TCP is let by uninspected there is nothing to fall back to. */
inline_fn int quic_drops(const struct packet *p, const struct where *w)
{
	int off;

	if (!(w->segment->flags & WIRE_SEG_QUIC) || !quic_match(w->global, p, w->index, w->side))
		return 0;
	off = inspection_off(w->global, w->now);
	if (off == OFF_TOLD || (off == OFF_DEAD && !(w->segment->flags & WIRE_SEG_FAILURE_BLOCK)))
		return 0;
	return !exception_has(p->src, 0, w->now) && !exception_has(p->dst, 1, w->now);
}

/* Whatever is not whole TCP over IPv4. */
inline_fn int other_packet(struct __sk_buff *skb, struct packet *p, const struct wire_key *k,
                           const struct where *w, int class)
{
	if (bypass_match(w->global, p, w->index)) {
		count(WIRE_COUNT_BYPASS_RULE);
		return forward(skb, w);
	}
	if (class == PACKET_TAG_BAD)
		return drop(WIRE_DROP_PRIORITY_TAG);
	if (p->proto == IPPROTO_UDP && quic_drops(p, w))
		return drop(WIRE_DROP_QUIC);
	if (class == PACKET_FRAGMENT || class == PACKET_TCP_BAD) {
		p->sport = p->dport = 0;
		if (!watched(p, w))
			return forward(skb, w);
		if (class == PACKET_TCP_BAD)
			return drop(WIRE_DROP_TCP_MALFORMED);
		if (inspection_off(w->global, w->now))
			return forward(skb, w);
		count(WIRE_COUNT_FRAGMENTS);
		return up_packet(skb, p, k, WIRE_UP_FRAGMENT, w->side, 0, w->now);
	}
	if (p->kind) {
		count(p->kind);
		/* Link control (LLDP, LACP, STP …) is no traffic of anybody's: always on. */
		if (w->segment->flags & WIRE_SEG_UNINSPECTABLE_DROP &&
		    p->kind != WIRE_COUNT_UNINSPECTED_NON_IP)
			return drop(WIRE_DROP_UNINSPECTABLE);
	}
	return forward(skb, w);
}

inline_fn int handle_packet(struct __sk_buff *skb, const struct wire_port *port)
{
	__u32 index = port->segment;
	struct where w = {.global = global_get(),
	                  .segment = bpf_map_lookup_elem(&segments, &index),
	                  .index = port->segment,
	                  .side = port->side & 1};
	struct packet p = {};
	struct wire_key k;
	int class;

	if (!w.global || !w.segment || !w.segment->ifindex[0])
		return drop(WIRE_DROP_NO_PORT);
	if (!w.global->watching)
		return forward(skb, &w);
	class = parse_packet(skb, &p);
	w.now = bpf_ktime_get_ns();
	key_fill(&k, &p, w.index, w.side);
	if (class == PACKET_TCP)
		return tcp_packet(skb, &p, &k, &w);
	return other_packet(skb, &p, &k, &w, class);
}
