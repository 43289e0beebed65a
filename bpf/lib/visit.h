/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet at hand and all that is known of it, in a per-CPU map: too large for the stack of
 * functions that call each other. The programs run with bottom halves off, so there is one at a
 * time on a CPU.
 *
 * A `global_fn` is looked at by the verifier once, with nothing known of its arguments and of its
 * result; an inline one anew on each way that leads to it, and the ways multiply: all inline, the
 * two programs of the ports were 320,000 instructions of work, more than a second at each start of
 * the daemon. So what is behind a decision and not on every packet's way is global. It finds the
 * visit by itself: as key of a map, Linux 6.1 takes nothing that was an argument.
 */
#pragma once

#include "bpf/lib/parse.h"

#define global_fn __attribute__((noinline))

#define OPTIONS_MAX 40

struct options {
	__u8 raw[64]; /* OPTIONS_MAX bytes, zero behind the end; indexed with & 63 */
	__u32 len;
	__u32 at;
	__u32 tsval, tsecr;
	__u16 mss;
	__u8 wscale;
	__u8 seen;     /* WIRE_OPT_x */
	__u8 strip;    /* in: put NOPs over what may not stay */
	__u8 stripped; /* out: something was */
};

struct reset_ends {
	__u32 far_expects; /* sequence number that the packet's receiver expects */
	__u32 far_next;    /* and the one it will send next */
	__u8 back_mac[12]; /* of frames to the sender; all zero: those of the packet, exchanged */
};

enum { OFF_TOLD = 1, OFF_DEAD = 2 };

enum { PORTS_NEAR = 8 }; /* a power of 2 */

struct visit {
	struct packet packet;
	struct wire_key key;
	__u64 now;
	__u64 heartbeat_max_ns;
	__u64 grace_until_ns; /* as the next four: of the segment */
	__u32 flags;
	__u32 from, to; /* ifindex of the port at which the packet came in, and of the other one */
	__u16 segment;
	__u8 side; /* on which the packet came in */
	__u8 off;  /* inspection: 0 on, OFF_TOLD: told to forward, OFF_DEAD */
	__u32 bank;
	__u32 reclaim_epoch;

	struct options options;
	__u32 interest_flags, silence_ms; /* of the interest that was found */
	struct reset_ends reset;
	struct wire_embryo embryo;
	__u64 flow[(sizeof(struct wire_flow) + 7) / 8]; /* as bytes: no lock in a per-CPU map */
	struct wire_mark mark;
	struct wire_port near[PORTS_NEAR]; /* ports of earlier packets, by ifindex */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct visit);
} visits SEC(".maps");

/* Never NULL, but the verifier wants to see it looked at. */
inline_fn struct visit *visit_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&visits, &zero);
}
