/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Into the stack and out of it: undress a packet of a diverted flow to its inner IPv4 packet with
 * synthetic addresses; put the frame of the real flow (MACs, VLAN tag, tunnel, TTL, DSCP) on what
 * the stack sends in its name. Ports stay, so only addresses are in the checksums' differences.
 */
#pragma once

#include "bpf/lib/csum.h"
#include "bpf/lib/visit.h"

/* To the socket of the leg that talks to the packet's sender. */
inline_fn int undress(struct __sk_buff *skb, struct visit *v, __u32 synthetic, int from_client)
{
	struct packet *p = &v->packet;
	__be32 from[2] = {p->src, p->dst};
	struct {
		__u16 pad, check;
		__be32 to[2];
	} ip = {.to = {synthetic,
	               bpf_htonl(from_client ? WIRE_LOCAL_CLIENT_LEG : WIRE_LOCAL_SERVER_LEG)}};
	__u32 diff = csum_exchange(from, ip.to);

	if (p->dress.vlan_proto && bpf_skb_vlan_pop(skb))
		return drop(WIRE_DROP_DRESS);
	if (p->tunnel_len) {
		if (bpf_skb_adjust_room(skb, -(__s32)p->tunnel_len, BPF_ADJ_ROOM_MAC,
		                        BPF_F_ADJ_ROOM_FIXED_GSO))
			return drop(WIRE_DROP_DRESS);
		p->l3 = ETH_HLEN;
		p->l4 = ETH_HLEN + p->ip_header;
	}
	ip.check = csum_mend(p->ip_check, diff);
	if (bpf_l4_csum_replace(skb, p->l4 + TCP_CSUM_AT, 0, diff, BPF_F_PSEUDO_HDR) ||
	    bpf_skb_store_bytes(skb, p->l3 + IP_CSUM_AT, &ip.check, sizeof(ip) - sizeof(ip.pad),
	                        0) ||
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

/* A frame up to the IP header's end, aligned as the verifier wants it. */
struct dressed {
	__u16 pad;
	__u8 mac[12];
	__be16 type;
	struct iphdr ip;
};

/*
 * Puts `to` (source, destination), and TTL and DSCP of the end in whose name the packet goes, into
 * a header; ECN bits are the stack's own. Returns what TCP's pseudo header changed by.
 */
inline_fn __u32 ip_dress(struct iphdr *ip, const struct wire_dress *d, const __be32 *to)
{
	__u8 tos = (d->tos & 0xfc) | (ip->tos & 3);
	__be32 from[2] = {ip->saddr, ip->daddr};
	__u32 addresses = csum_exchange(from, to);
	__u32 rest = csum_exchange16(bpf_htons(ip->tos), bpf_htons(tos)) +
	             csum_exchange16(bpf_htons(ip->ttl << 8), bpf_htons(d->ttl << 8));

	ip->tos = tos;
	ip->ttl = d->ttl;
	ip->saddr = to[0];
	ip->daddr = to[1];
	ip->check = csum_mend(ip->check, csum_add32(addresses, rest));
	return addresses;
}

/*
 * The frame of the real flow around a packet of the stack whose IP header is `ip`: addresses `to`,
 * TTL, MACs, tunnel between the addresses `outer`, VLAN tag. 0 or -1.
 */
inline_fn int dress(struct __sk_buff *skb, const struct wire_key *k, const struct wire_dress *d,
                    const struct iphdr *ip, const __be32 *to, const __be32 *outer)
{
	__u32 l4 = ETH_HLEN + ip->ihl * 4, diff;
	struct dressed frame = {.type = bpf_htons(ETH_P_IP), .ip = *ip};

	__builtin_memcpy(frame.mac, d->mac, sizeof(frame.mac));
	diff = ip_dress(&frame.ip, d, to);
	if (bpf_l4_csum_replace(skb, l4 + TCP_CSUM_AT, 0, diff, BPF_F_PSEUDO_HDR) ||
	    bpf_skb_store_bytes(skb, 0, frame.mac, sizeof(frame) - sizeof(frame.pad), 0))
		return -1;
	if (k->tunnel != WIRE_TUNNEL_NONE &&
	    tunnel_push(skb, k, d, bpf_ntohs(ip->tot_len), outer[0], outer[1]))
		return -1;
	return d->vlan_proto ? bpf_skb_vlan_push(skb, d->vlan_proto, d->vlan_tci) : 0;
}
