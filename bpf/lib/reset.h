/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RST made out of a packet: one goes on to where the packet was going, one back to its sender.
 * The sender's is exact (its own acknowledgement is the sequence it expects); the other's is what
 * that end acknowledged last, and if that is behind, the end answers with a challenge ACK
 * (RFC 5961), which is the next packet to be answered so.
 */
#pragma once

#include "bpf/lib/csum.h"
#include "bpf/lib/visit.h"

inline_fn int reset_write(struct __sk_buff *skb, const struct packet *p, int back, __u32 seq,
                          __u32 ack)
{
	__be32 addr[2] = {back ? p->dst : p->src, back ? p->src : p->dst};
	struct tcphdr tcp = {
	        .source = back ? p->dport : p->sport,
	        .dest = back ? p->sport : p->dport,
	        .seq = bpf_htonl(seq),
	        .ack_seq = bpf_htonl(ack),
	        .doff = 5,
	        .rst = 1,
	        .ack = 1,
	};

	/* The sum of an IPv4 header does not change when its addresses change places. */
	if (bpf_skb_store_bytes(skb, p->l3 + 12, addr, sizeof(addr), 0) ||
	    bpf_skb_store_bytes(skb, p->l4, &tcp, sizeof(tcp), 0))
		return -1;
	return tcp_csum_make(skb, p->l4, csum_pseudo(addr[0], addr[1], sizeof(tcp)),
	                     (__u32)bpf_csum_diff(0, 0, (__be32 *)&tcp, sizeof(tcp), 0));
}

inline_fn int reset_turn(struct __sk_buff *skb, const struct packet *p, const struct reset_ends *e)
{
	__be32 outer[2] = {p->outer_dst, p->outer_src};
	__u8 mac[12];

	if (e->back_mac[6] | e->back_mac[7] | e->back_mac[8] | e->back_mac[9] | e->back_mac[10] |
	    e->back_mac[11]) {
		__builtin_memcpy(mac, e->back_mac, sizeof(mac));
	} else {
		__builtin_memcpy(mac, p->dress.mac + 6, 6);
		__builtin_memcpy(mac + 6, p->dress.mac, 6);
	}
	if (p->tunnel_len && bpf_skb_store_bytes(skb, ETH_HLEN + 12, outer, sizeof(outer), 0))
		return -1;
	return bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0);
}

/* What the sender of a packet has sent with it, and what it expects to come next. */
inline_fn __u32 reset_seen(const struct packet *p)
{
	return p->seq + p->payload_len + !!(p->flags & (TCP_SYN | TCP_FIN));
}

/* The packet, cut already, becomes a RST to its sender. Never answers a RST. */
inline_fn int reset_back(struct __sk_buff *skb, const struct visit *v, __u32 seen)
{
	const struct packet *p = &v->packet;

	if (p->flags & TCP_RST || reset_write(skb, p, 1, p->flags & TCP_ACK ? p->ack : 0, seen) ||
	    reset_turn(skb, p, &v->reset))
		return TC_ACT_SHOT;
	count(WIRE_COUNT_RESETS);
	return bpf_redirect(v->from, 0);
}

/* The sender gets a RST; the packet is gone. Of `reset` only `back_mac` counts. */
global_fn int reset_sender(struct __sk_buff *skb)
{
	struct visit *v = visit_get();
	__u32 seen;

	if (!v)
		return TC_ACT_SHOT;
	seen = reset_seen(&v->packet);
	if (packet_cut(skb, &v->packet, sizeof(struct tcphdr)))
		return TC_ACT_SHOT;
	return reset_back(skb, v, seen);
}

/* Both ends get a RST, by `reset`; the packet is gone. Counts `why` as the drop. */
global_fn int reset_both(struct __sk_buff *skb, __u32 why)
{
	struct visit *v = visit_get();
	__u32 seen;

	drop(why);
	if (!v)
		return TC_ACT_SHOT;
	seen = reset_seen(&v->packet);
	if (packet_cut(skb, &v->packet, sizeof(struct tcphdr)) ||
	    reset_write(skb, &v->packet, 0, v->reset.far_expects, v->reset.far_next) ||
	    bpf_clone_redirect(skb, v->to, 0))
		return TC_ACT_SHOT;
	count(WIRE_COUNT_RESETS);
	return reset_back(skb, v, seen);
}
