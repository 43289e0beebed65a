/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Into the stack and out of it: undress a packet of a diverted flow to its inner IPv4 packet with
 * synthetic addresses; put the frame of the real flow (MACs, VLAN tag, tunnel, TTL, DSCP) on what
 * the stack sends in its name. Ports stay, so only addresses are in the checksums' differences.
 */
#pragma once

#include "bpf/lib/csum.h"
#include "bpf/lib/visit.h"

/* Replaces source and destination of the header at `l3` and mends the TCP checksum. */
inline_fn int addresses_replace(struct __sk_buff *skb, __u32 l3, __u32 l4, __be32 *from, __be32 *to)
{
	__s64 diff = bpf_csum_diff(from, 8, to, 8, 0);

	if (diff < 0 || bpf_l3_csum_replace(skb, l3 + IP_CSUM_AT, 0, diff, 0) ||
	    bpf_l4_csum_replace(skb, l4 + TCP_CSUM_AT, 0, diff, BPF_F_PSEUDO_HDR))
		return -1;
	return bpf_skb_store_bytes(skb, l3 + 12, to, 8, 0);
}

/* To the socket of the leg that talks to the packet's sender. */
inline_fn int undress(struct __sk_buff *skb, __u32 synthetic, int from_client)
{
	struct visit *v = visit_get();
	__be32 from[2];
	__be32 to[2] = {synthetic,
	                bpf_htonl(from_client ? WIRE_LOCAL_CLIENT_LEG : WIRE_LOCAL_SERVER_LEG)};
	struct packet *p;

	if (!v)
		return drop(WIRE_DROP_DRESS);
	p = &v->packet;
	from[0] = p->src;
	from[1] = p->dst;
	if (p->dress.vlan_proto && bpf_skb_vlan_pop(skb))
		return drop(WIRE_DROP_DRESS);
	if (p->tunnel_len) {
		if (bpf_skb_adjust_room(skb, -(__s32)p->tunnel_len, BPF_ADJ_ROOM_MAC,
		                        BPF_F_ADJ_ROOM_FIXED_GSO))
			return drop(WIRE_DROP_DRESS);
		p->l3 = ETH_HLEN;
		p->l4 = ETH_HLEN + p->ip_header;
	}
	if (addresses_replace(skb, p->l3, p->l4, from, to) ||
	    bpf_skb_change_type(skb, 0 /* PACKET_HOST */))
		return drop(WIRE_DROP_DRESS);
	count(WIRE_COUNT_DIVERTED_PACKETS);
	return TC_ACT_OK;
}

struct outer {
	struct iphdr ip;
	__be16 gre[2];
	__be32 key;
};

inline_fn void outer_ip(struct iphdr *ip, const struct wire_dress *d, __u32 total, __u8 proto,
                        __be32 src, __be32 dst)
{
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = d->outer_tos;
	ip->tot_len = bpf_htons((__u16)total);
	ip->id = (__u16)bpf_get_prandom_u32();
	ip->frag_off = d->outer_frag;
	ip->ttl = d->outer_ttl;
	ip->protocol = proto;
	ip->saddr = src;
	ip->daddr = dst;
	ip->check = ~csum_fold16((__u32)bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0));
}

/* Puts the tunnel's headers before the inner packet of `total` bytes. */
inline_fn int tunnel_push(struct __sk_buff *skb, const struct wire_key *k,
                          const struct wire_dress *d, __u32 total, __be32 src, __be32 dst)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
	struct outer o = {};

	if (k->tunnel == WIRE_TUNNEL_IPIP) {
		outer_ip(&o.ip, d, total + 20, PROTO_IPIP, src, dst);
		if (bpf_skb_adjust_room(skb, 20, BPF_ADJ_ROOM_MAC, flags))
			return -1;
		return bpf_skb_store_bytes(skb, ETH_HLEN, &o, 20, 0);
	}
	flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	o.gre[1] = bpf_htons(ETH_P_IP);
	if (k->tunnel == WIRE_TUNNEL_GRE) {
		outer_ip(&o.ip, d, total + 24, PROTO_GRE, src, dst);
		if (bpf_skb_adjust_room(skb, 24, BPF_ADJ_ROOM_MAC, flags))
			return -1;
		return bpf_skb_store_bytes(skb, ETH_HLEN, &o, 24, 0);
	}
	o.gre[0] = bpf_htons(GRE_FLAG_KEY);
	o.key = bpf_htonl(k->tunnel_key);
	outer_ip(&o.ip, d, total + 28, PROTO_GRE, src, dst);
	if (bpf_skb_adjust_room(skb, 28, BPF_ADJ_ROOM_MAC, flags))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN, &o, 28, 0);
}

/* TTL and DSCP of the end in whose name the packet goes; ECN bits are the stack's own. */
inline_fn int ip_dress(struct __sk_buff *skb, __u32 l3, const struct wire_dress *d)
{
	__u8 old[2], now[2], old_ttl[2], now_ttl[2];

	if (bpf_skb_load_bytes(skb, l3, old, 2) || bpf_skb_load_bytes(skb, l3 + 8, old_ttl, 2))
		return -1;
	now[0] = old[0];
	now[1] = (d->tos & 0xfc) | (old[1] & 3);
	now_ttl[0] = d->ttl;
	now_ttl[1] = old_ttl[1];
	if (bpf_l3_csum_replace(skb, l3 + IP_CSUM_AT, *(__u16 *)old, *(__u16 *)now, 2) ||
	    bpf_l3_csum_replace(skb, l3 + IP_CSUM_AT, *(__u16 *)old_ttl, *(__u16 *)now_ttl, 2))
		return -1;
	return bpf_skb_store_bytes(skb, l3, now, 2, 0) ||
	       bpf_skb_store_bytes(skb, l3 + 8, now_ttl, 2, 0);
}

/* The rest of the frame, after addresses: TTL, tunnel, VLAN tag, MACs. 0 or -1. */
inline_fn int dress(struct __sk_buff *skb, const struct wire_key *k, const struct wire_dress *d,
                    __u32 ip_total, __be32 outer_src, __be32 outer_dst)
{
	if (ip_dress(skb, ETH_HLEN, d))
		return -1;
	if (k->tunnel != WIRE_TUNNEL_NONE && tunnel_push(skb, k, d, ip_total, outer_src, outer_dst))
		return -1;
	if (bpf_skb_store_bytes(skb, 0, d->mac, sizeof(d->mac), 0))
		return -1;
	return d->vlan_proto ? bpf_skb_vlan_push(skb, d->vlan_proto, d->vlan_tci) : 0;
}
