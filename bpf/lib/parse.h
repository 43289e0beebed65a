/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a frame to what the programs decide on: VLAN tag, one layer of GRE or IPIP, IPv4, TCP.
 * Headers are copied out with bpf_skb_load_bytes, which also reads what is not in the linear part;
 * those of most packets, one after the other, with one call.
 */
#pragma once

#include "bpf/lib/maps.h"

#define ETHERTYPE_QINQ    0x88a8
#define GRE_FLAG_KEY      0x2000
#define GTP_PORT          2152
#define IP_FRAGMENT_BITS  0x3fff /* MF and offset */
#define PROTO_IPIP        4
#define PROTO_GRE         47
#define PROTO_IPV6_IN_IP4 41
#define TCP_FIN           0x01
#define TCP_SYN           0x02
#define TCP_RST           0x04
#define TCP_ACK           0x10
#define TCP_ECE           0x40
#define TCP_CWR           0x80
#define TCP_HEADER_MAX    60

enum packet_class {
	PACKET_OTHER,    /* forwarded; `kind` is a WIRE_COUNT_UNINSPECTED_x or 0 */
	PACKET_FRAGMENT, /* of inner TCP */
	PACKET_TCP,
	PACKET_TCP_BAD, /* TCP whose header does not fit */
	PACKET_TAG_BAD, /* a priority tag in a stack of tags */
};

struct packet {
	__u32 l3, l4, payload; /* offsets of the inner headers */
	__u32 payload_len;     /* of TCP, by the IP header: padding does not count */
	__u32 kind;
	__u32 tunnel_key;
	__u32 tunnel_len; /* bytes of outer IP and GRE header */
	__be32 src, dst, outer_src, outer_dst;
	__be16 sport, dport;
	__u16 vlan, flags; /* TCP flags, low byte */
	__u32 seq, ack;
	__u16 window, ip_total, ip_check;
	__u8 tunnel, proto, ip_header, tcp_header;
	struct wire_dress dress;
};

/* The front of a frame without tunnel and without IP options, aligned as the verifier wants it. */
struct front {
	__u16 pad;
	__u8 mac[12];
	__be16 type;
	struct iphdr ip;
	struct tcphdr tcp;
};
#define FRONT_LEN (sizeof(struct front) - sizeof(__u16))

/*
 * bpf_skb_load_bytes of 1 to `max` bytes. Linux 6.1's verifier does not learn that a number is not
 * 0 from a comparison with 0, and the check has to be seen on the register that is used.
 */
inline_fn int load_some(struct __sk_buff *skb, __u32 at, void *to, __u32 len, __u32 max)
{
	__u32 less = len - 1;

	if (less >= max)
		return -1;
	forget(less);
	return bpf_skb_load_bytes(skb, at, to, less + 1) ? -1 : 0;
}

inline_fn int parse_other(struct packet *p, __u32 kind)
{
	p->kind = kind;
	return PACKET_OTHER;
}

/* The inner IPv4 header is in `f` and at p->l3. `tcp_at`: where the TCP header that `f` has is. */
inline_fn int parse_inner(struct __sk_buff *skb, struct packet *p, struct front *f, __u32 tcp_at)
{
	const struct iphdr *ip = &f->ip;
	const struct tcphdr *tcp = &f->tcp;
	__u32 total = bpf_ntohs(ip->tot_len);

	p->src = ip->saddr;
	p->dst = ip->daddr;
	p->proto = ip->protocol;
	p->ip_header = ip->ihl * 4;
	p->ip_total = total;
	p->ip_check = ip->check;
	p->dress.ttl = ip->ttl;
	p->dress.tos = ip->tos;
	p->l4 = p->l3 + p->ip_header;
	if (p->proto == IPPROTO_TCP && ip->frag_off & bpf_htons(IP_FRAGMENT_BITS))
		return PACKET_FRAGMENT;
	if (p->proto == IPPROTO_UDP && !(ip->frag_off & bpf_htons(IP_FRAGMENT_BITS & 0x1fff))) {
		__be16 port[2];

		if (!bpf_skb_load_bytes(skb, p->l4, port, sizeof(port))) {
			p->sport = port[0];
			p->dport = port[1];
			if (port[0] == bpf_htons(GTP_PORT) || port[1] == bpf_htons(GTP_PORT))
				return parse_other(p, WIRE_COUNT_UNINSPECTED_GTP);
		}
		return PACKET_OTHER;
	}
	if (p->proto != IPPROTO_TCP)
		return PACKET_OTHER;
	if (p->l4 != tcp_at && bpf_skb_load_bytes(skb, p->l4, &f->tcp, sizeof(f->tcp)))
		return PACKET_TCP_BAD;
	p->sport = tcp->source;
	p->dport = tcp->dest;
	p->tcp_header = tcp->doff * 4;
	if (p->tcp_header < sizeof(*tcp) || p->ip_header + p->tcp_header > total)
		return PACKET_TCP_BAD;
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->window = bpf_ntohs(tcp->window);
	p->flags = ((const __u8 *)tcp)[13];
	p->payload = p->l4 + p->tcp_header;
	p->payload_len = total - p->ip_header - p->tcp_header;
	return PACKET_TCP;
}

/* 0 when the header, which is at `at`, fits into the packet. */
inline_fn int check_ip(struct __sk_buff *skb, __u32 at, const struct iphdr *ip)
{
	if (ip->version != 4 || ip->ihl < 5 || bpf_ntohs(ip->tot_len) < ip->ihl * 4 ||
	    at + bpf_ntohs(ip->tot_len) > skb->len)
		return -1;
	return 0;
}

/* 0 when there is a header at `at` that fits into the packet. */
inline_fn int parse_ip(struct __sk_buff *skb, __u32 at, struct iphdr *ip)
{
	if (bpf_skb_load_bytes(skb, at, ip, sizeof(*ip)))
		return -1;
	return check_ip(skb, at, ip);
}

/* Copies out MACs and IP header, and what follows where it is long enough: *ret_tcp_at is where,
 * 0: nothing. */
inline_fn int parse_front(struct __sk_buff *skb, struct front *f, __u32 *ret_tcp_at)
{
	*ret_tcp_at = ETH_HLEN + sizeof(f->ip);
	if (!bpf_skb_load_bytes(skb, 0, f->mac, FRONT_LEN))
		return check_ip(skb, ETH_HLEN, &f->ip);
	*ret_tcp_at = 0;
	if (bpf_skb_load_bytes(skb, 0, f->mac, sizeof(f->mac)))
		return -1;
	return parse_ip(skb, ETH_HLEN, &f->ip);
}

/* The outer header is `ip`, at p->l3; finds the inner one. 0, or a WIRE_COUNT_UNINSPECTED_x. */
inline_fn int parse_tunnel(struct __sk_buff *skb, struct packet *p, struct iphdr *ip)
{
	__be16 gre[2];
	__be32 key;
	__u32 len = sizeof(*ip);

	if (ip->ihl != 5)
		return WIRE_COUNT_UNINSPECTED_NESTED;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS))
		return WIRE_COUNT_UNINSPECTED_OUTER_FRAGMENT;
	p->tunnel = WIRE_TUNNEL_IPIP;
	if (ip->protocol == PROTO_GRE) {
		if (bpf_skb_load_bytes(skb, p->l3 + len, gre, sizeof(gre)))
			return WIRE_COUNT_UNINSPECTED_MALFORMED;
		if (gre[0] & ~bpf_htons(GRE_FLAG_KEY))
			return WIRE_COUNT_UNINSPECTED_GRE_OPTIONS;
		if (gre[1] != bpf_htons(ETH_P_IP))
			return WIRE_COUNT_UNINSPECTED_GRE_OTHER;
		len += 4;
		p->tunnel = WIRE_TUNNEL_GRE;
		if (gre[0]) {
			if (bpf_skb_load_bytes(skb, p->l3 + len, &key, sizeof(key)))
				return WIRE_COUNT_UNINSPECTED_MALFORMED;
			p->tunnel_key = bpf_ntohl(key);
			p->tunnel = WIRE_TUNNEL_GRE_KEY;
			len += 4;
		}
	}
	p->outer_src = ip->saddr;
	p->outer_dst = ip->daddr;
	p->dress.outer_ttl = ip->ttl;
	p->dress.outer_tos = ip->tos;
	p->dress.outer_frag = ip->frag_off;
	p->tunnel_len = len;
	p->l3 += len;
	if (parse_ip(skb, p->l3, ip))
		return WIRE_COUNT_UNINSPECTED_MALFORMED;
	if (ip->protocol == PROTO_GRE || ip->protocol == PROTO_IPIP ||
	    ip->protocol == PROTO_IPV6_IN_IP4)
		return WIRE_COUNT_UNINSPECTED_NESTED;
	return 0;
}

/* More than one tag; the second is at the beginning of the data. */
inline_fn int parse_tags(struct __sk_buff *skb, struct packet *p)
{
	__be16 tci;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &tci, sizeof(tci)))
		return parse_other(p, WIRE_COUNT_UNINSPECTED_MALFORMED);
	if (!(tci & bpf_htons(0xfff)) || (p->dress.vlan_proto && p->vlan == 0))
		return PACKET_TAG_BAD;
	return parse_other(p, WIRE_COUNT_UNINSPECTED_QINQ);
}

/* `p` is all zero. Returns an enum packet_class. */
inline_fn int parse_packet(struct __sk_buff *skb, struct packet *p)
{
	__u32 proto = skb->protocol, tcp_at;
	struct front f;
	int kind;

	if (skb->vlan_present) {
		p->dress.vlan_proto = skb->vlan_proto;
		p->dress.vlan_tci = skb->vlan_tci;
		p->vlan = skb->vlan_tci & 0xfff;
	}
	if (proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETHERTYPE_QINQ))
		return parse_tags(skb, p);
	/* A service tag of VLAN 0 says a priority only: hosts take it off, so it is no QinQ. */
	if (p->vlan && p->dress.vlan_proto == bpf_htons(ETHERTYPE_QINQ))
		return parse_other(p, WIRE_COUNT_UNINSPECTED_QINQ);
	if (proto == bpf_htons(ETH_P_IPV6))
		return parse_other(p, WIRE_COUNT_UNINSPECTED_IPV6);
	if (proto != bpf_htons(ETH_P_IP))
		return parse_other(p, WIRE_COUNT_UNINSPECTED_NON_IP);
	p->l3 = ETH_HLEN;
	if (parse_front(skb, &f, &tcp_at))
		return parse_other(p, WIRE_COUNT_UNINSPECTED_MALFORMED);
	__builtin_memcpy(p->dress.mac, f.mac, sizeof(f.mac));
	if (f.ip.protocol == PROTO_IPV6_IN_IP4)
		return parse_other(p, WIRE_COUNT_UNINSPECTED_IPV6_TUNNEL);
	if (f.ip.protocol == PROTO_GRE || f.ip.protocol == PROTO_IPIP) {
		kind = parse_tunnel(skb, p, &f.ip);
		if (kind)
			return parse_other(p, kind);
	}
	return parse_inner(skb, p, &f, tcp_at);
}

/* Who is where: `side` is the one on which the packet came in. */
inline_fn void key_fill(struct wire_key *k, const struct packet *p, __u32 segment, int side)
{
	__builtin_memset(k, 0, sizeof(*k));
	k->addr[0][2] = k->addr[1][2] = bpf_htonl(0xffff);
	if (side == WIRE_SIDE_A) {
		k->addr[0][3] = p->src;
		k->addr[1][3] = p->dst;
		k->port[0] = p->sport;
		k->port[1] = p->dport;
		k->outer[0] = p->outer_src;
		k->outer[1] = p->outer_dst;
	} else {
		k->addr[0][3] = p->dst;
		k->addr[1][3] = p->src;
		k->port[0] = p->dport;
		k->port[1] = p->sport;
		k->outer[0] = p->outer_dst;
		k->outer[1] = p->outer_src;
	}
	k->segment = segment;
	k->vlan = p->vlan;
	k->tunnel_key = p->tunnel_key;
	k->family = 4;
	k->proto = p->proto;
	k->tunnel = p->tunnel;
}
