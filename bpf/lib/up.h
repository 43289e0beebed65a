/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Up to user space by the ring buffer: whole packets, in records of three sizes, and notices.
 */
#pragma once

#include "bpf/lib/parse.h"

inline_fn void up_fill(struct wire_up *r, struct __sk_buff *skb, const struct packet *p,
                       const struct wire_key *k, __u16 kind, __u8 side, __u64 serial, __u64 now)
{
	r->kind = kind;
	r->side = side;
	r->mark = 0;
	r->segment = k->segment;
	r->l3 = (__u16)p->l3;
	r->l4 = (__u16)p->l4;
	r->gso_size = (__u16)skb->gso_size;
	r->vlan_proto = p->dress.vlan_proto;
	r->vlan_tci = p->dress.vlan_tci;
	r->len = skb->len;
	r->data_len = 0;
	r->serial = serial;
	r->stamp_ns = now;
	r->key = *k;
}

/* `max` is a constant and at least 1. Submits or discards. */
inline_fn int up_send(struct __sk_buff *skb, struct wire_up *r, __u32 max)
{
	__u32 len = skb->len;

	forget(len);
	if (len == 0 || len > max || bpf_skb_load_bytes(skb, 0, r->data, len)) {
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
		up_fill(r, skb, p, k, kind, side, serial, now);                                    \
		return up_send(skb, r, size);                                                      \
	} while (0)

/* The packet goes up and no further: always TC_ACT_SHOT. */
inline_fn int up_packet(struct __sk_buff *skb, const struct packet *p, const struct wire_key *k,
                        __u16 kind, __u8 side, __u64 serial, __u64 now)
{
	if (skb->len <= WIRE_UP_SMALL)
		UP_RECORD(WIRE_UP_SMALL);
	if (skb->len <= WIRE_UP_MEDIUM)
		UP_RECORD(WIRE_UP_MEDIUM);
	UP_RECORD(WIRE_UP_LARGE);
}

/* Says that a flow was marked. Lost when the ring is full; the counter has it all the same. */
inline_fn void up_notice(struct __sk_buff *skb, const struct packet *p, const struct wire_key *k,
                         __u8 side, __u8 mark, __u64 now)
{
	struct wire_up *r = bpf_ringbuf_reserve(&up, sizeof(*r), 0);

	if (!r)
		return;
	up_fill(r, skb, p, k, WIRE_UP_NOTICE, side, 0, now);
	r->mark = mark;
	bpf_ringbuf_submit(r, 0);
}
