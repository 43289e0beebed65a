/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Policy as the maps know it: inspection bypass rules, interests (which TCP flows are watched at
 * all; over-approximated, the worker decides), panic exceptions.
 */
#pragma once

#include "bpf/lib/visit.h"

inline_fn int range_has(const struct wire_range *r, __u16 v)
{
	return v >= r->first && v <= r->last;
}

/* Whether one of the first `count` of a list has it. */
inline_fn int ranges_have(const struct wire_range *list, __u32 count, __u16 v)
{
	int hit = 0;

#pragma unroll
	for (__u32 i = 0; i < WIRE_RANGES_MAX; i++)
		if (i < count && range_has(&list[i], v))
			hit = 1;
	return hit;
}

struct bypass_walk {
	const struct packet *packet;
	__u32 base;
	__u16 segment;
	__u16 found;
};

inline_fn int bypass_address(const struct wire_bypass *b, __be32 src, __be32 dst)
{
	return ((src ^ b->src[3]) & b->src_mask[3]) == 0 &&
	       ((dst ^ b->dst[3]) & b->dst_mask[3]) == 0;
}

static long bypass_step(__u32 i, void *arg)
{
	struct bypass_walk *w = arg;
	const struct packet *p = w->packet;
	__u32 at = w->base + i;
	struct wire_bypass *b = bpf_map_lookup_elem(&bypass, &at);
	__u16 sport, dport;

	if (!b)
		return 1;
	if (!(b->segments >> (w->segment & 63) & 1) || !(b->tunnel >> (p->tunnel & 7) & 1) ||
	    !range_has(&b->vlan, p->vlan) || (b->proto && b->proto != p->proto))
		return 0;
	sport = bpf_ntohs(p->sport);
	dport = bpf_ntohs(p->dport);
	if ((bypass_address(b, p->src, p->dst) && range_has(&b->sport, sport) &&
	     range_has(&b->dport, dport)) ||
	    (bypass_address(b, p->dst, p->src) && range_has(&b->sport, dport) &&
	     range_has(&b->dport, sport))) {
		w->found = 1;
		return 1;
	}
	return 0;
}

/* Whether a bypass rule matches the packet or its answer. */
global_fn int bypass_match(void)
{
	struct wire_global *g = global_get();
	struct visit *v = visit_get();
	struct bypass_walk w;

	if (!g || !v || g->bypass_count == 0 || g->bypass_count > WIRE_BYPASS_MAX)
		return 0;
	w.packet = &v->packet;
	w.base = (g->bank & 1) * WIRE_BYPASS_MAX;
	w.segment = v->segment;
	w.found = 0;
	bpf_loop(g->bypass_count, bypass_step, &w, 0);
	return w.found;
}

/*
 * Whether a server `addr`, `port` (network order) whose client is on `side` is of interest; port 0:
 * any port. What the interest says else is in the visit then.
 */
global_fn int interest_find(int side, __u32 addr, __u32 port)
{
	struct visit *v = visit_get();
	struct wire_interest_key k = {.prefix_len = 32 + 128,
	                              .addr = {0, 0, bpf_htonl(0xffff), addr}};
	struct wire_interest *in;

	if (!v)
		return 0;
	k.bank = v->bank & 1;
	k.side = side;
	k.segment = v->segment;
	in = bpf_map_lookup_elem(&interests, &k);
	if (!in || (port && !ranges_have(in->ports, in->port_count, bpf_ntohs((__be16)port))))
		return 0;
	if (in->vlan_count && !ranges_have(in->vlans, in->vlan_count, v->packet.vlan))
		return 0;
	v->interest_flags = in->flags;
	v->silence_ms = in->silence_ms;
	return 1;
}

inline_fn int exception_has(__be32 addr, __u32 server, __u64 now)
{
	struct wire_exception_key k = {.addr = {0, 0, bpf_htonl(0xffff), addr}, .server = server};
	__u64 *until = bpf_map_lookup_elem(&exceptions, &k);

	return until && (__s64)(*until - now) > 0;
}
