/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP options: what an end offers, what must be noted for a take, and what is taken out of the SYN
 * of a watched flow. Of a SYN only MSS, window scale, SACK, timestamps and padding stay: an option
 * that changes what the stream means (Fast Open, Multipath TCP, ...) would be agreed between
 * the ends and not be known to the sockets that continue them. MD5 and AO are reported instead,
 * since without them the ends do not talk. The walk is a bpf_loop: as a plain loop it is past what
 * the verifier looks at.
 */
#pragma once

#include "bpf/lib/visit.h"

inline_fn __u32 options_be32(const struct options *o, __u32 at)
{
	return (__u32)o->raw[at & 63] << 24 | (__u32)o->raw[(at + 1) & 63] << 16 |
	       (__u32)o->raw[(at + 2) & 63] << 8 | o->raw[(at + 3) & 63];
}

static long options_nop(__u32 i, void *arg)
{
	struct options *o = *(struct options **)arg;

	if (o->at >= o->len || i >= OPTIONS_MAX)
		return 1;
	o->raw[o->at & 63] = 1;
	o->at++;
	return 0;
}

static long options_step(__u32 i, void *arg)
{
	struct options *o = *(struct options **)arg;
	__u32 at = o->at;
	__u8 kind, len;

	if (at >= o->len || at >= OPTIONS_MAX)
		return 1;
	kind = o->raw[at & 63];
	if (kind == 0)
		return 1;
	if (kind == 1) {
		o->at = at + 1;
		return 0;
	}
	len = o->raw[(at + 1) & 63];
	if (len < 2 || at + len > o->len)
		return 1;
	o->at = at + len;
	if (kind == 2 && len == 4) {
		o->mss = (__u16)(o->raw[(at + 2) & 63] << 8 | o->raw[(at + 3) & 63]);
		o->seen |= WIRE_OPT_MSS;
	} else if (kind == 3 && len == 3) {
		o->wscale = o->raw[(at + 2) & 63];
		if (o->wscale > 14)
			o->wscale = 14;
		o->seen |= WIRE_OPT_WSCALE;
	} else if (kind == 4 && len == 2) {
		o->seen |= WIRE_OPT_SACK;
	} else if (kind == 8 && len == 10) {
		o->tsval = options_be32(o, at + 2);
		o->tsecr = options_be32(o, at + 6);
		o->seen |= WIRE_OPT_TIMESTAMP;
	} else if (kind == 19 || kind == 29) {
		o->seen |= WIRE_OPT_AUTH;
	} else if (o->strip && kind != 5) {
		__u32 end = o->len;

		o->at = at;
		o->len = at + len;
		bpf_loop(OPTIONS_MAX, options_nop, &o, 0);
		o->len = end;
		o->at = at + len;
		o->stripped = 1;
	}
	return 0;
}

/* Reads the options of the TCP packet. 0, or -1 when they cannot be read. */
global_fn int options_read(struct __sk_buff *skb, int strip)
{
	struct visit *v = visit_get();
	struct options *o;
	__u32 len;

	if (!v)
		return -1;
	o = &v->options;
	len = v->packet.tcp_header - sizeof(struct tcphdr);
	__builtin_memset(o, 0, sizeof(*o));
	if (len == 0)
		return 0;
	if (load_some(skb, v->packet.l4 + sizeof(struct tcphdr), o->raw, len, OPTIONS_MAX))
		return -1;
	o->len = len;
	o->strip = strip;
	bpf_loop(OPTIONS_MAX, options_step, &o, 0);
	return 0;
}
