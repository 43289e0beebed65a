/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP without a flow entry, or a SYN or SYN-ACK that may begin the next flow of its tuple:
 * handshakes, marks, and what is seen from its middle on. Forwarding is the default of every
 * branch that policy does not touch.
 */
#pragma once

#include "bpf/lib/flow.h"
#include "bpf/lib/policy.h"
#include "bpf/lib/reset.h"
#include "bpf/lib/syn.h"
#include "bpf/lib/up.h"

enum { STRAY_PROMOTED = 100 };

inline_fn int forward(struct __sk_buff *skb, const struct visit *v)
{
	__u32 len = skb->len;

	count(WIRE_COUNT_FORWARDED_PACKETS);
	count_n(WIRE_COUNT_FORWARDED_BYTES, len);
	return bpf_redirect(v->to, 0);
}

/* Lets the flow by uninspected and remembers that. */
global_fn int mark_and_forward(struct __sk_buff *skb, __u32 reason, __u32 client)
{
	struct visit *v = visit_get();
	struct wire_mark *m;

	if (!v)
		return TC_ACT_SHOT;
	m = &v->mark;
	__builtin_memset(m, 0, sizeof(*m));
	m->created_ns = m->seen_ns = v->now;
	m->epoch = v->reclaim_epoch;
	m->reason = (__u16)reason;
	m->client = (__u8)client;
	m->ack[v->side & 1] = v->packet.ack;
	bpf_map_update_elem(&marks, &v->key, m, BPF_ANY);
	/* But for a one-way flow: when its other way is seen after all it is watched. */
	if (reason != WIRE_MARK_ONE_WAY)
		bpf_map_delete_elem(&embryos, &v->key);
	count(WIRE_COUNT_MARKED_FALLBACK - WIRE_MARK_FALLBACK + reason);
	if (reason != WIRE_MARK_FALLBACK && reason != WIRE_MARK_PANIC)
		up_notice(skb, v, (__u8)reason);
	return forward(skb, v);
}

/* A watched flow that cannot be inspected because inspection is off: forward, or block. */
inline_fn int off_action(struct __sk_buff *skb, const struct visit *v, __u8 client)
{
	if (v->off == OFF_DEAD && v->flags & WIRE_SEG_FAILURE_BLOCK)
		return drop(WIRE_DROP_FAILURE);
	return mark_and_forward(skb, WIRE_MARK_FALLBACK, client);
}

/*
 * Notes a SYN. One of a handshake that is noted already was sent again, and after the SYN-ACK
 * changes nothing; or it is another one, see struct wire_embryo. 0, or -1 without room.
 */
inline_fn int syn_note(struct visit *v, struct wire_embryo *old, __u32 silence_ms, int has_flow)
{
	struct packet *p = &v->packet;
	struct wire_embryo *m = &v->embryo;

	if (old && old->client == v->side) {
		struct wire_end *noted = &old->end[v->side & 1];

		if (p->seq != noted->isn) {
			end_begin(&old->later, p, &v->options);
			old->again = 1;
		} else if (old->phase == 1) {
			end_begin(noted, p, &v->options);
		}
		return 0;
	}
	__builtin_memset(m, 0, sizeof(*m));
	m->serial = v->now << 6 | (bpf_get_smp_processor_id() & 63);
	m->created_ns = v->now;
	m->client = v->side;
	m->phase = 1;
	m->heard = has_flow;
	m->silence_ms = silence_ms;
	end_begin(&m->end[v->side & 1], p, &v->options);
	return bpf_map_update_elem(&embryos, &v->key, m, BPF_ANY) ? -1 : 0;
}

/* A SYN with TCP MD5 or AO, which no one in the middle can go on with (R155). */
inline_fn int syn_auth(struct __sk_buff *skb, const struct visit *v)
{
	if (!(v->flags & WIRE_SEG_UNINSPECTABLE_DROP) &&
	    !(v->interest_flags & WIRE_INTEREST_AUTH_BLOCK))
		return mark_and_forward(skb, WIRE_MARK_TCP_AUTH, v->side);
	up_notice(skb, v, WIRE_MARK_TCP_AUTH | WIRE_NOTICE_BLOCKED);
	return drop(WIRE_DROP_TCP_AUTH);
}

/* SYN of a flow that policy may want: note it and let it go on, stripped. */
global_fn int syn_packet(struct __sk_buff *skb, int has_flow)
{
	struct visit *v = visit_get();
	struct wire_embryo *old;
	__u32 silence_ms;
	int wanted;

	if (!v)
		return TC_ACT_SHOT;
	wanted = interest_find(v->side, v->packet.dst, v->packet.dport);
	silence_ms = v->silence_ms;
	/* Ports that are swapped show by this (R158). */
	if (!wanted && interest_find(!v->side, v->packet.dst, v->packet.dport))
		count(WIRE_COUNT_SYN_WRONG_SIDE);
	old = bpf_map_lookup_elem(&embryos, &v->key);
	if (old && old->client != v->side && old->phase == 1)
		return drop(WIRE_DROP_SIMULTANEOUS_OPEN);
	if (!wanted)
		return forward(skb, v);
	if (v->off)
		return off_action(skb, v, v->side);
	if (exception_has(v->packet.src, 0, v->now) || exception_has(v->packet.dst, 1, v->now))
		return mark_and_forward(skb, WIRE_MARK_PANIC, v->side);
	if (options_read(skb, 1))
		return drop(WIRE_DROP_TCP_MALFORMED);
	if (v->options.seen & WIRE_OPT_AUTH)
		return syn_auth(skb, v);
	bpf_map_delete_elem(&marks, &v->key);
	if (syn_note(v, old, silence_ms, has_flow))
		return drop(WIRE_DROP_FLOWS_FULL);
	count(WIRE_COUNT_EMBRYOS);
	if (syn_strip(skb))
		return drop(WIRE_DROP_DRESS);
	return forward(skb, v);
}

/* Whether policy watches the flow of this packet, in either direction. */
inline_fn int watched(const struct visit *v)
{
	const struct packet *p = &v->packet;

	return interest_find(v->side, p->dst, p->dport) ||
	       interest_find(!v->side, p->src, p->sport);
}

/* A packet of a watched tuple of which we know nothing: R159. */
inline_fn int unknown_packet(struct __sk_buff *skb, int one_way)
{
	__u32 flag = one_way ? WIRE_SEG_ASYMMETRIC_DROP : WIRE_SEG_MIDSTREAM_DROP;
	struct visit *v = visit_get();

	if (!v)
		return TC_ACT_SHOT;
	if (!watched(v))
		return forward(skb, v);
	if (v->off)
		return off_action(skb, v, 255);
	if (v->flags & flag && (__s64)(v->grace_until_ns - v->now) <= 0)
		return drop(one_way ? WIRE_DROP_ONE_WAY : WIRE_DROP_MIDSTREAM);
	return mark_and_forward(skb, one_way ? WIRE_MARK_ONE_WAY : WIRE_MARK_MIDSTREAM, 255);
}

inline_fn int mark_packet(struct __sk_buff *skb, struct visit *v, struct wire_mark *m)
{
	const struct packet *p = &v->packet;

	m->seen_ns = v->now;
	if (!v->off && v->flags & WIRE_SEG_RECLAIM && m->epoch != v->reclaim_epoch &&
	    m->reason <= WIRE_MARK_OVERLOAD) {
		__builtin_memset(&v->reset, 0, sizeof(v->reset));
		v->reset.far_expects = m->ack[!v->side];
		v->reset.far_next = p->ack;
		if (!v->reset.far_expects)
			v->reset.far_expects = p->seq;
		/* A RST may be lost: the mark stays, for whoever goes on. */
		if (p->flags & TCP_RST)
			bpf_map_delete_elem(&marks, &v->key);
		return reset_both(skb, WIRE_DROP_RECLAIM);
	}
	if (p->flags & TCP_ACK)
		m->ack[v->side & 1] = p->ack;
	if (p->flags & TCP_RST)
		bpf_map_delete_elem(&marks, &v->key);
	return forward(skb, v);
}

global_fn int synack_packet(struct __sk_buff *skb, int has_flow)
{
	struct visit *v = visit_get();
	struct wire_embryo *m;
	struct wire_mark *mark;
	struct wire_end *client;
	struct packet *p;

	if (!v)
		return TC_ACT_SHOT;
	p = &v->packet;
	m = bpf_map_lookup_elem(&embryos, &v->key);
	if (!m) {
		mark = bpf_map_lookup_elem(&marks, &v->key);
		if (mark)
			return mark_packet(skb, v, mark);
		return has_flow ? forward(skb, v) : unknown_packet(skb, 1);
	}
	if (m->client == v->side)
		return drop(WIRE_DROP_SYNACK_SIDE);
	m->heard = 1;
	client = &m->end[!v->side];
	if (p->ack != client->next && !(m->again && p->ack == m->later.next))
		return forward(skb, v);
	if (p->payload_len || options_read(skb, 0))
		return drop(WIRE_DROP_EMBRYO_DATA);
	if (p->ack != client->next) {
		*client = m->later;
		m->again = 0;
	}
	/* A server agrees only to what some SYN has offered. */
	client->options |= v->options.seen & (WIRE_OPT_SACK | WIRE_OPT_TIMESTAMP);
	client->ack = p->seq; /* nothing yet; what it acknowledges is compared with this */
	end_begin(&m->end[v->side & 1], p, &v->options);
	m->phase = 2;
	if (has_flow && !bpf_map_delete_elem(&flows, &v->key))
		count(WIRE_COUNT_FLOWS_GONE);
	bpf_map_delete_elem(&marks, &v->key);
	return forward(skb, v);
}

/* Neither SYN nor SYN-ACK, and there is an embryo. */
inline_fn int embryo_packet(struct __sk_buff *skb, struct visit *v, struct wire_embryo *m)
{
	const struct wire_end *me = &m->end[v->side & 1], *far = &m->end[!v->side];
	const struct packet *p = &v->packet;
	__u8 client = m->client;
	struct wire_mark *mark;

	if (v->side != client)
		m->heard = 1;
	/* It may be one that its receiver does not take; and the next SYN needs no room made. */
	if (p->flags & TCP_RST)
		return forward(skb, v);
	if (m->phase == 2 && v->side == client && p->flags & TCP_ACK && p->ack == far->next &&
	    p->seq - me->next < FLOW_WINDOW) {
		if (!flow_promote(v, m))
			return STRAY_PROMOTED;
		if (v->flags & WIRE_SEG_OVERLOAD_BLOCK)
			return drop(WIRE_DROP_FLOWS_FULL);
		return mark_and_forward(skb, WIRE_MARK_OVERLOAD, client);
	}
	if (!p->payload_len)
		return forward(skb, v);
	if (m->phase != 1 || m->heard)
		return drop(WIRE_DROP_EMBRYO_DATA);
	/* One that was let by is said once, not with each packet. */
	mark = bpf_map_lookup_elem(&marks, &v->key);
	return mark ? mark_packet(skb, v, mark) : unknown_packet(skb, 1);
}

/* What it says at the top; STRAY_PROMOTED: there is an entry now, whose the packet is. */
global_fn int stray_packet(struct __sk_buff *skb, int has_flow)
{
	struct visit *v = visit_get();
	struct wire_embryo *m;
	struct wire_mark *mark;

	if (!v)
		return TC_ACT_SHOT;
	if ((v->packet.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return syn_packet(skb, has_flow);
	if (v->packet.flags & TCP_SYN)
		return synack_packet(skb, has_flow);
	m = bpf_map_lookup_elem(&embryos, &v->key);
	if (m && !(m->phase == 1 && v->off))
		return embryo_packet(skb, v, m);
	mark = bpf_map_lookup_elem(&marks, &v->key);
	if (mark)
		return mark_packet(skb, v, mark);
	return unknown_packet(skb, 0);
}
