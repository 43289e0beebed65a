/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc ingress of every port: the first that sees a frame from the wire. It leaves by the other
 * port, goes up to user space, into the stack, or nowhere; the host's own stack never gets one.
 */
#include "bpf/lib/handle.h"

/*
 * The port of `ifindex`. One that an earlier packet of this CPU came in at is not looked for again
 * when its segment still has it: the segment is read for each packet anyway.
 */
inline_fn struct wire_port *port_find(struct visit *v, __u32 ifindex)
{
	struct wire_port *near = &v->near[ifindex & (PORTS_NEAR - 1)], *port;
	__u32 index = near->segment;
	struct wire_segment *segment = bpf_map_lookup_elem(&segments, &index);

	if (segment && segment->ifindex[near->side & 1] == ifindex)
		return near;
	port = bpf_map_lookup_elem(&ports, &ifindex);
	if (port)
		*near = *port;
	return port;
}

SEC("tc")
int port_ingress(struct __sk_buff *skb)
{
	struct visit *v = visit_get();
	struct wire_port *port = v ? port_find(v, skb->ifindex) : NULL;

	if (!port)
		return drop(WIRE_DROP_NO_PORT);
	return handle_packet(skb, port);
}
