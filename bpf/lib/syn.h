/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is done to the SYN of a watched flow before it goes on: options that the sockets of a take
 * would not know become NOPs, ECN is not asked for, payload is cut off. A client that wanted Fast
 * Open falls back to the ordinary handshake (RFC 7413 section 4.2), so that no byte of its goes
 * round the decision.
 */
#pragma once

#include "bpf/lib/csum.h"
#include "bpf/lib/options.h"

inline_fn int syn_write_options(struct __sk_buff *skb, const struct packet *p, struct options *o)
{
	__u32 at = p->l4 + sizeof(struct tcphdr), less = o->len - 1;
	__u8 old[OPTIONS_MAX] = {};
	__s64 diff;

	if (load_some(skb, at, old, o->len, OPTIONS_MAX))
		return -1;
	diff = bpf_csum_diff((__be32 *)old, OPTIONS_MAX, (__be32 *)o->raw, OPTIONS_MAX, 0);
	if (diff < 0 || less >= OPTIONS_MAX)
		return -1;
	forget(less);
	if (bpf_skb_store_bytes(skb, at, o->raw, less + 1, 0))
		return -1;
	return bpf_l4_csum_replace(skb, p->l4 + TCP_CSUM_AT, 0, diff, 0);
}

inline_fn int syn_clear_ecn(struct __sk_buff *skb, const struct packet *p)
{
	__u8 old[2], now[2];

	if (bpf_skb_load_bytes(skb, p->l4 + 12, old, sizeof(old)))
		return -1;
	now[0] = old[0];
	now[1] = old[1] & ~(TCP_ECE | TCP_CWR);
	if (bpf_skb_store_bytes(skb, p->l4 + 12, now, sizeof(now), 0))
		return -1;
	return bpf_l4_csum_replace(skb, p->l4 + TCP_CSUM_AT, *(__u16 *)old, *(__u16 *)now, 2);
}

inline_fn int syn_cut_payload(struct __sk_buff *skb, struct packet *p)
{
	__u8 header[64] = {};
	__u32 len = p->tcp_header;

	if (packet_cut(skb, p, len) || load_some(skb, p->l4, header, len, TCP_HEADER_MAX))
		return -1;
	header[TCP_CSUM_AT] = header[TCP_CSUM_AT + 1] = 0;
	return tcp_csum_make(skb, p->l4, csum_pseudo(p->src, p->dst, len),
	                     (__u32)bpf_csum_diff(0, 0, (__be32 *)header, sizeof(header), 0));
}

/* 0, or -1 when the packet could not be changed. */
global_fn int syn_strip(struct __sk_buff *skb)
{
	struct visit *v = visit_get();
	int changed = 0;

	if (!v)
		return -1;
	if (v->options.stripped) {
		if (syn_write_options(skb, &v->packet, &v->options))
			return -1;
		changed = 1;
	}
	if (v->packet.flags & (TCP_ECE | TCP_CWR)) {
		if (syn_clear_ecn(skb, &v->packet))
			return -1;
		changed = 1;
	}
	if (v->packet.payload_len) {
		if (syn_cut_payload(skb, &v->packet))
			return -1;
		changed = 1;
	}
	if (changed)
		count(WIRE_COUNT_SYN_STRIPPED);
	return 0;
}
