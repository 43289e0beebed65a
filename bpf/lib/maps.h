/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps. What must outlive the daemon (flows, marks, switches …) is pinned by user space under
 * /sys/fs/bpf/sluice/NAME/ by the names here. Flows are in a HASH, since a spin lock is not to be
 * had in an LRU and a diverted flow must never be evicted; embryos and marks are in LRUs, where a
 * flood pushes out only its like.
 */
#pragma once

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#define inline_fn static __always_inline

/* Makes the compiler forget what it knows of `v`, so that it goes on with the register that was
 * checked, which is the one of which the verifier knows. */
#define forget(v) asm volatile("" : "+r"(v))

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WIRE_FLOWS_MAX);
	__type(key, struct wire_key);
	__type(value, struct wire_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct wire_key);
	__type(value, struct wire_embryo);
} embryos SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct wire_key);
	__type(value, struct wire_mark);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WIRE_FLOWS_MAX);
	__type(key, __be32);
	__type(value, struct wire_leg_pair);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * WIRE_SEGMENTS_MAX);
	__type(key, __u32);
	__type(value, struct wire_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_SEGMENTS_MAX);
	__type(key, __u32);
	__type(value, struct wire_segment);
} segments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_global);
} global SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_SWITCH_END);
	__type(key, __u32);
	__type(value, __u32);
} switches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wire_exception_key);
	__type(value, __u64);
} exceptions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WIRE_INTERESTS_MAX);
	__type(key, struct wire_interest_key);
	__type(value, struct wire_interest);
} interests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * WIRE_BYPASS_MAX);
	__type(key, __u32);
	__type(value, struct wire_bypass);
} bypass SEC(".maps");

/* WIRE_QUIC_RULES of each segment of each bank; and the bits of prefixes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * WIRE_SEGMENTS_MAX * WIRE_QUIC_RULES);
	__type(key, __u32);
	__type(value, struct wire_quic_rule);
} quic_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WIRE_QUIC_NETS_MAX);
	__type(key, struct wire_quic_net_key);
	__type(value, __u64);
} quic_nets SEC(".maps");

/* Made by `parent`, written by every process of the daemon through its mapping. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WIRE_HEARTBEATS);
	__type(key, __u32);
	__type(value, __u64);
} heartbeats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_DROP_END);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_COUNT_END);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* Some 1,900 packets of up to WIRE_UP_MEDIUM, or 6,000 small ones: 200 ms of 10,000 new sessions a
 * second while user space is held up. All of it is memory from the start. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} up SEC(".maps");

inline_fn void count_n(__u32 what, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&counts, &what);

	if (v)
		*v += n;
}

inline_fn void count(__u32 what)
{
	count_n(what, 1);
}

/* Counts the reason and drops. */
inline_fn int drop(__u32 why)
{
	__u64 *v = bpf_map_lookup_elem(&drops, &why);

	if (v)
		*v += 1;
	return TC_ACT_SHOT;
}

inline_fn struct wire_global *global_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&global, &zero);
}

inline_fn __u32 switch_get(__u32 which)
{
	__u32 *v = bpf_map_lookup_elem(&switches, &which);

	return v ? *v : 0;
}

/* A process is taken as dead when its stamp is older than the limit. Compared signed: the stamp
 * may be newer than `now`, which was read before it. */
inline_fn int heartbeat_stale(__u32 slot, __u64 now, __u64 max_ns)
{
	__u64 *stamp = bpf_map_lookup_elem(&heartbeats, &slot);

	return !stamp || (__s64)(now - *(volatile __u64 *)stamp) > (__s64)max_ns;
}
