/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc ingress of every port: the first that sees a frame from the wire. It leaves by the other
 * port, goes up to user space, into the stack, or nowhere; the host's own stack never gets one.
 */
#include "bpf/lib/handle.h"

SEC("tc")
int port_ingress(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct wire_port *port = bpf_map_lookup_elem(&ports, &ifindex);

	if (!port)
		return drop(WIRE_DROP_NO_PORT);
	return handle_packet(skb, port);
}
