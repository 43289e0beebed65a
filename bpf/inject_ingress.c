/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc ingress of the inject veth: packets that `tpsd: wire` puts back by AF_PACKET on the veth's
 * other end. skb->mark says at which port the packet is to appear to have come in, and whether it
 * has been decided already and is only to leave by the other one.
 */
#include "bpf/lib/handle.h"

SEC("tc")
int inject_ingress(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	struct wire_port port = {.segment = (mark & 0xffff) >> 1, .side = mark & 1};
	struct wire_segment *seg;
	__u32 index = port.segment;

	if ((mark & WIRE_MARK_MASK) != WIRE_MARK_MAGIC)
		return drop(WIRE_DROP_INJECT_MARK);
	skb->mark = 0;
	if (!(mark & WIRE_MARK_PASS))
		return handle_packet(skb, &port);
	seg = bpf_map_lookup_elem(&segments, &index);
	if (!seg || !seg->ifindex[0])
		return drop(WIRE_DROP_INJECT_MARK);
	return bpf_redirect(seg->ifindex[!port.side], 0);
}
