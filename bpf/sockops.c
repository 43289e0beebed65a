/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sockops on the cgroup in which `tpsd: wire` makes the sockets of taken flows: sees each of them
 * end, also when the worker that has it was killed, and marks its leg dead. The entry is removed
 * later by user space, or at once by the SYN of the next flow of the tuple.
 */
#include "bpf/lib/maps.h"

SEC("sockops")
int leg_end(struct bpf_sock_ops *ops)
{
	__be32 synthetic = ops->remote_ip4;
	struct wire_leg_pair *pair;

	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		bpf_sock_ops_cb_flags_set(ops, BPF_SOCK_OPS_STATE_CB_FLAG);
		return 1;
	}
	if (ops->op != BPF_SOCK_OPS_STATE_CB || ops->args[1] != BPF_TCP_CLOSE)
		return 1;
	pair = bpf_map_lookup_elem(&pairs, &synthetic);
	if (!pair)
		return 1;
	if (ops->local_ip4 == bpf_htonl(WIRE_LOCAL_CLIENT_LEG))
		__sync_fetch_and_or(&pair->dead, WIRE_LEG_CLIENT);
	else
		__sync_fetch_and_or(&pair->dead, WIRE_LEG_SERVER);
	return 1;
}
