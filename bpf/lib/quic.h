/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * UDP that policy drops, so that browsers that speak QUIC fall back to TCP. Nothing of it goes up
 * and no flow is kept: each packet is looked up, ports before addresses, and segments without such
 * a policy are not looked at.
 */
#pragma once

#include "bpf/lib/policy.h"

struct quic_walk {
	const struct packet *packet;
	__u64 rules, drops; /* that match but for addresses; those of them that drop */
	__u32 base;
	__u8 side;
};

static long quic_step(__u32 i, void *arg)
{
	struct quic_walk *w = arg;
	__u32 at = w->base + i;
	struct wire_quic_rule *r = bpf_map_lookup_elem(&quic_rules, &at);

	if (!r || !r->port_count)
		return 1;
	if (!(r->sides >> (w->side & 1) & 1) ||
	    !ranges_have(r->ports, r->port_count, bpf_ntohs(w->packet->dport)) ||
	    (r->vlan_count && !ranges_have(r->vlans, r->vlan_count, w->packet->vlan)))
		return 0;
	w->rules |= 1ULL << (i & 63);
	if (r->drop)
		w->drops |= 1ULL << (i & 63);
	return 0;
}

/* The rules that name an address. */
inline_fn __u64 quic_net(const struct visit *v, __u8 end, __be32 addr)
{
	struct wire_quic_net_key k = {.prefix_len = 32 + 128,
	                              .bank = v->bank & 1,
	                              .end = end,
	                              .segment = v->segment,
	                              .addr = {0, 0, bpf_htonl(0xffff), addr}};
	__u64 *rules = bpf_map_lookup_elem(&quic_nets, &k);

	return rules ? *rules : 0;
}

/* Whether the first rule that matches says drop. */
global_fn int quic_match(void)
{
	struct visit *v = visit_get();
	struct quic_walk w = {};
	__u64 rules;

	if (!v)
		return 0;
	w.packet = &v->packet;
	w.base = ((v->bank & 1) * WIRE_SEGMENTS_MAX + (v->segment & 63)) * WIRE_QUIC_RULES;
	w.side = v->side;
	bpf_loop(WIRE_QUIC_RULES, quic_step, &w, 0);
	if (!w.drops)
		return 0;
	rules = w.rules & quic_net(v, WIRE_QUIC_SOURCE, v->packet.src) &
	        quic_net(v, WIRE_QUIC_DESTINATION, v->packet.dst);
	return (rules & -rules & w.drops) != 0;
}
