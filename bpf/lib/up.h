/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Up to user space by the ring buffer: whole packets, in records of three sizes, and notices.
 */
#pragma once

#include "bpf/lib/visit.h"

inline_fn void up_fill(struct wire_up *r, struct __sk_buff *skb, const struct visit *v, __u16 kind,
                       __u64 serial)
{
	r->kind = kind;
	r->side = v->side;
	r->mark = 0;
	r->segment = v->key.segment;
	r->l3 = (__u16)v->packet.l3;
	r->l4 = (__u16)v->packet.l4;
	r->gso_size = (__u16)skb->gso_size;
	r->vlan_proto = v->packet.dress.vlan_proto;
	r->vlan_tci = v->packet.dress.vlan_tci;
	r->len = skb->len;
	r->data_len = 0;
	r->serial = serial;
	r->stamp_ns = v->now;
	r->key = v->key;
}

/* `max` is a constant and at least 1. Submits or discards. */
inline_fn int up_send(struct __sk_buff *skb, struct wire_up *r, __u32 max)
{
	__u32 len = skb->len;

	if (load_some(skb, 0, r->data, len, max)) {
		bpf_ringbuf_discard(r, 0);
		return drop(WIRE_DROP_TOO_LONG);
	}
	r->data_len = len;
	bpf_ringbuf_submit(r, 0);
	return TC_ACT_SHOT;
}

#define UP_RECORD(size)                                                                            \
	do {                                                                                       \
		struct wire_up *r = bpf_ringbuf_reserve(&up, sizeof(*r) + (size), 0);              \
		if (!r)                                                                            \
			return drop(WIRE_DROP_RING_FULL);                                          \
		up_fill(r, skb, v, kind, serial);                                                  \
		return up_send(skb, r, size);                                                      \
	} while (0)

/* The packet goes up and no further: always TC_ACT_SHOT. */
global_fn int up_packet(struct __sk_buff *skb, __u32 kind, __u64 serial)
{
	struct visit *v = visit_get();

	if (!v)
		return TC_ACT_SHOT;
	if (skb->len <= WIRE_UP_SMALL)
		UP_RECORD(WIRE_UP_SMALL);
	if (skb->len <= WIRE_UP_MEDIUM)
		UP_RECORD(WIRE_UP_MEDIUM);
	UP_RECORD(WIRE_UP_LARGE);
}

/* Says that a flow was marked. Lost when the ring is full; the counter has it all the same. */
inline_fn void up_notice(struct __sk_buff *skb, const struct visit *v, __u8 mark)
{
	struct wire_up *r = bpf_ringbuf_reserve(&up, sizeof(*r), 0);

	if (!r)
		return;
	up_fill(r, skb, v, WIRE_UP_NOTICE, 0);
	r->mark = mark;
	bpf_ringbuf_submit(r, 0);
}
