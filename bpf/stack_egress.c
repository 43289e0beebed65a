/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc egress of the veth to which the synthetic addresses are routed: what the sockets of taken
 * flows send becomes the real flow's packet again and leaves by the right port.
 */
#include "bpf/lib/dress.h"

/* The real flow of a packet, copied out of its entry. */
struct real {
	struct wire_key key;
	struct wire_dress dress; /* of the end in whose name the packet goes */
	__u8 to;                 /* side to which it goes */
};

inline_fn int real_find(const struct iphdr *ip, struct real *r)
{
	int client_leg = ip->saddr == bpf_htonl(WIRE_LOCAL_CLIENT_LEG);
	struct wire_leg_pair *pair = bpf_map_lookup_elem(&pairs, &ip->daddr);
	struct wire_flow *f;
	int found = 0;

	if (!pair || (!client_leg && ip->saddr != bpf_htonl(WIRE_LOCAL_SERVER_LEG)))
		return -1;
	r->key = pair->key;
	f = bpf_map_lookup_elem(&flows, &r->key);
	if (!f)
		return -1;
	bpf_spin_lock(&f->lock);
	if (f->serial == pair->serial && f->state == WIRE_DIVERT) {
		r->to = (client_leg ? f->client : !f->client) & 1;
		r->dress = f->end[!r->to].dress;
		found = 1;
	}
	bpf_spin_unlock(&f->lock);
	return found ? 0 : -1;
}

SEC("tc")
int stack_egress(struct __sk_buff *skb)
{
	struct iphdr ip;
	struct real r = {};
	struct wire_segment *seg;
	__be32 outer[2], to[2];
	__u32 index;

	if (skb->protocol != bpf_htons(ETH_P_IP) || parse_ip(skb, ETH_HLEN, &ip) ||
	    ip.protocol != IPPROTO_TCP)
		return drop(WIRE_DROP_STACK_NOT_TCP);
	if (real_find(&ip, &r))
		return drop(WIRE_DROP_STACK_UNKNOWN);
	index = r.key.segment;
	seg = bpf_map_lookup_elem(&segments, &index);
	if (!seg)
		return drop(WIRE_DROP_STACK_UNKNOWN);
	to[0] = r.to ? r.key.addr[0][3] : r.key.addr[1][3];
	to[1] = r.to ? r.key.addr[1][3] : r.key.addr[0][3];
	outer[0] = r.to ? r.key.outer[0] : r.key.outer[1];
	outer[1] = r.to ? r.key.outer[1] : r.key.outer[0];
	if (dress(skb, &r.key, &r.dress, &ip, to, outer))
		return drop(WIRE_DROP_DRESS);
	count(WIRE_COUNT_DRESSED_PACKETS);
	return bpf_redirect(seg->ifindex[r.to & 1], 0);
}
