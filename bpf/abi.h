/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the eBPF programs and `tpsd: wire` have in common: keys and values of the maps, the records
 * of the ring buffer, marks and bits. Pinned maps outlive the daemon, so a change of any struct
 * here is a new WIRE_ABI; a daemon of the same ABI adopts what it finds (docs/internals/flow.md).
 * Addresses are in network order, ports too; sequence numbers and windows in host order; times are
 * CLOCK_MONOTONIC nanoseconds.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

enum {
	WIRE_ABI = 4,
	WIRE_SEGMENTS_MAX = 64,
	WIRE_FLOWS_MAX = 1 << 20,   /* as many addresses of legs */
	WIRE_RANGES_MAX = 8,        /* port or VLAN ranges of one interest; more are joined */
	WIRE_BYPASS_MAX = 256,      /* compiled bypass rules of one bank */
	WIRE_INTERESTS_MAX = 65536, /* prefixes of both banks */
	WIRE_QUIC_RULES = 64,       /* of a segment, bits of a word */
	WIRE_QUIC_NETS_MAX = 65536, /* prefixes of both banks */
	WIRE_HEARTBEATS = 69,       /* slots of the heartbeat array; PROC_SLOTS */
	WIRE_SLOT_WIRE = 1,         /* PROC_SLOT_WIRE */
	WIRE_VLAN_ANY = 4095,
};

/* Sides of a segment, and the index of what is kept a side. */
enum { WIRE_SIDE_A = 0, WIRE_SIDE_B = 1 };

/* Encapsulations that are inspected. Each has its own /8 of synthetic addresses, hence its MTU. */
enum wire_tunnel {
	WIRE_TUNNEL_NONE = 0,
	WIRE_TUNNEL_GRE = 1,
	WIRE_TUNNEL_GRE_KEY = 2,
	WIRE_TUNNEL_IPIP = 3,
	WIRE_TUNNELS = 4,
};

/* First byte of synthetic addresses: plus enum wire_tunnel. */
#define WIRE_SYNTHETIC_NET 240u
/* Addresses of lo in the private namespace: what a leg's socket is bound to (host order). */
#define WIRE_LOCAL_CLIENT_LEG 0xc0000201u /* 192.0.2.1 */
#define WIRE_LOCAL_SERVER_LEG 0xc0000202u /* 192.0.2.2 */

/*
 * A flow. Its two ends are named by the side of the segment on which they are, not by who is the
 * client: so a flow that crosses a box twice has two keys. IPv4 stands as ::ffff:a.b.c.d.
 */
struct wire_key {
	__be32 addr[2][4];
	__be16 port[2];
	__u16 segment;
	__u16 vlan; /* VLAN id; 0: untagged, or tagged with priority only */
	__u32 tunnel_key;
	__be32 outer[2]; /* tunnel ends; 0 without a tunnel */
	__u8 family;     /* 4 */
	__u8 proto;      /* IPPROTO_TCP */
	__u8 tunnel;     /* enum wire_tunnel */
	__u8 reserved;
};

/* States of a flow entry. */
enum wire_state {
	WIRE_WATCH = 1, /* the handshake is complete, nobody has spoken */
	WIRE_HELD,      /* first bytes went up; whatever has payload goes up */
	WIRE_FORWARD,   /* decided: left alone */
	WIRE_DIVERT,    /* taken: into the stack and out of it */
	WIRE_BLOCK,     /* decided: dropped */
};

/* TCP options that an end sent in its SYN or SYN-ACK. */
enum {
	WIRE_OPT_MSS = 1,
	WIRE_OPT_WSCALE = 2,
	WIRE_OPT_SACK = 4,
	WIRE_OPT_TIMESTAMP = 8,
	WIRE_OPT_AUTH = 16, /* MD5 or AO */
};

/* wire_flow.ended */
enum { WIRE_FIN_A = 1, WIRE_FIN_B = 2, WIRE_RST = 4 };

/* How frames of one end look: what goes to the other end in its name is dressed like this. */
struct wire_dress {
	__u8 mac[12];      /* destination, source, as in the frame */
	__be16 vlan_proto; /* 0: no tag */
	__u16 vlan_tci;
	__u8 ttl, tos;
	__u8 outer_ttl, outer_tos;
	__be16 outer_frag; /* the outer header's DF */
	__u16 reserved;
};

/* What was last seen of one end. */
struct wire_end {
	__u32 isn;
	__u32 next;   /* sequence number after its last byte */
	__u32 ack;    /* what it has acknowledged */
	__u32 window; /* as in the header; see scaled */
	__u32 tsval;
	__u32 tsecr;
	__u16 mss;
	__u8 wscale;
	__u8 options; /* WIRE_OPT_x */
	__u8 scaled;  /* window comes from a packet without SYN */
	__u8 reserved[3];
	struct wire_dress dress;
};

/*
 * A handshake: SYN or SYN and SYN-ACK were seen. In an LRU, so a flood pushes out its like. A SYN
 * with another number does not take the place of the first, whose SYN-ACK may be on its way or here
 * already: it is noted beside it, and the SYN-ACK says which counts.
 */
struct wire_embryo {
	__u64 serial;
	__u64 created_ns;
	__u8 client; /* side of the client */
	__u8 phase;  /* 1: SYN, 2: SYN-ACK too */
	__u8 heard;  /* the server's side was: both ways are seen, whatever is missing */
	__u8 again;  /* `later` is set */
	__u32 silence_ms;
	struct wire_end end[2];
	struct wire_end later; /* the client, by the newest SYN with another number */
};

/* A flow. Everything from `state` on is read and written under `lock` but where it says "loose". */
struct wire_flow {
	struct bpf_spin_lock lock;
	__u16 abi;
	__u8 state;   /* enum wire_state */
	__u8 client;  /* side of the client */
	__u64 serial; /* tells entries of one key apart; never given twice */
	__u64 flow;   /* number of the flow in user space, 0 before it has one */
	__u64 created_ns;
	__u64 seen_ns;    /* loose */
	__u32 generation; /* of the daemon that decided */
	__u32 revision;   /* of the configuration that decided */
	__u16 worker;     /* slot in the heartbeat array */
	__u16 reason;     /* enum reason of a FORWARD or BLOCK */
	__u16 ended;      /* WIRE_FIN_x, WIRE_RST; loose */
	__u8 resets;      /* of a BLOCK, bits 1 << side: what this end still sends gets a RST */
	__u8 reserved;
	__be32 synthetic; /* address of both legs when diverted */
	__u32 silence_ms; /* HELLO with the flag SILENT after this long in WATCH; 0: never */
	struct wire_end end[2];
};

/* A synthetic address, by which packets of the stack find their flow. */
struct wire_leg_pair {
	struct wire_key key;
	__u64 serial;
	__u32 dead; /* 1: the client leg's socket has ended, 2: the server leg's */
	__u32 reserved;
};
enum { WIRE_LEG_CLIENT = 1, WIRE_LEG_SERVER = 2, WIRE_LEGS_DEAD = 3 };

/* A flow that is let by uninspected; in an LRU. */
struct wire_mark {
	__u64 created_ns;
	__u64 seen_ns;
	__u32 epoch;  /* wire_global.reclaim_epoch at the time */
	__u16 reason; /* enum wire_mark_reason */
	__u8 client;  /* side of the client; 255: not known */
	__u8 reserved;
	__u32 ack[2]; /* last acknowledgement of each side, for a reset */
};
enum wire_mark_reason {
	WIRE_MARK_FALLBACK = 1,
	WIRE_MARK_OVERLOAD,
	WIRE_MARK_MIDSTREAM,
	WIRE_MARK_ONE_WAY,
	WIRE_MARK_TCP_AUTH,
	WIRE_MARK_PANIC,
	WIRE_MARK_END
};
/* In wire_up.mark of a notice: the flow is not let by but dropped. */
#define WIRE_NOTICE_BLOCKED 0x80

/* Segments. */
enum {
	WIRE_SEG_UNINSPECTABLE_DROP = 1,
	WIRE_SEG_FAILURE_BLOCK = 2,
	WIRE_SEG_OVERLOAD_BLOCK = 4,
	WIRE_SEG_MIDSTREAM_DROP = 8,
	WIRE_SEG_ASYMMETRIC_DROP = 16,
	WIRE_SEG_RECLAIM = 32,
	WIRE_SEG_QUIC = 64, /* it has rules of QUIC */
};
struct wire_segment {
	__u32 ifindex[2]; /* of port A and B; 0: no such segment */
	__u32 flags;
	__u32 mtu;
	__u64 grace_until_ns; /* flows without entry pass until then */
	__u64 grace_ns;       /* and for as long after a fallback ends */
};

/* Where a packet came in. */
struct wire_port {
	__u16 segment;
	__u8 side;
	__u8 reserved;
};

/* One record for the whole box. */
struct wire_global {
	__u32 abi;
	__u32 bank;         /* 0 or 1: which interests and bypass rules count */
	__u32 bypass_count; /* of that bank */
	__u32 watching;     /* 0: no configuration yet, everything is forwarded */
	__u32 generation;
	__u32 revision;
	__u32 stack_ifindex;  /* the veth whose egress maps back */
	__u32 inject_ifindex; /* the veth whose ingress takes put-back packets */
	__u64 heartbeat_max_ns;
	__u32 reclaim_epoch; /* marks of an older epoch are reset where the segment says reclaim */
	__u32 overload;      /* new flows go by on_overload */
};

/* Switches: a map of single words, so that `tps` can set one with the daemon dead. */
enum wire_switch {
	WIRE_SWITCH_FALLBACK, /* layer-2 fallback: nothing new is watched, held flows are released
	                       */
	WIRE_SWITCH_STOP,     /* no new decryption */
	WIRE_SWITCH_CLEAR,    /* with fallback: diverted flows are reset too (R24) */
	WIRE_SWITCH_END
};

/* Addresses that panic excepts: new flows from or to them are forwarded until `until_ns`. */
struct wire_exception_key {
	__be32 addr[4];
	__u32 server; /* 0: as a client, 1: as a server */
};

struct wire_range {
	__u16 first, last; /* host order, inclusive */
};

/* wire_interest.flags: a flow with TCP MD5 or AO is dropped (R155). */
enum { WIRE_INTEREST_AUTH_BLOCK = 1 };

/* Which TCP flows are watched: longest prefix of the server's address. */
struct wire_interest_key {
	__u32 prefix_len; /* bits that count, from `bank` on: 32 plus those of `addr` */
	__u8 bank;
	__u8 side; /* on which the client is */
	__u16 segment;
	__be32 addr[4];
};
struct wire_interest {
	struct wire_range ports[WIRE_RANGES_MAX];
	struct wire_range vlans[WIRE_RANGES_MAX];
	__u32 port_count;
	__u32 vlan_count; /* 0: any */
	__u32 silence_ms;
	__u32 flags; /* WIRE_INTEREST_x */
};

/* A bypass rule of one source, destination, VLAN range and port range; both directions match. */
struct wire_bypass {
	__u64 segments; /* bits */
	__be32 src[4], src_mask[4];
	__be32 dst[4], dst_mask[4];
	struct wire_range sport, dport;
	struct wire_range vlan; /* 0 to WIRE_VLAN_ANY: any */
	__u8 tunnel;            /* bits 1 << enum wire_tunnel */
	__u8 proto;             /* 0: any */
	__u16 reserved;
};

/*
 * QUIC: which UDP of clients is dropped. A segment's rules are in the order in which policy asks; a
 * packet's is the first that names its side, VLAN, port and both addresses. Of addresses a rule has
 * a bit in each prefix that it names, as source and as destination. Unlike interests they are
 * exact: what they drop nobody asks about again.
 */
struct wire_quic_rule {
	struct wire_range ports[WIRE_RANGES_MAX]; /* of the destination */
	struct wire_range vlans[WIRE_RANGES_MAX];
	__u32 port_count; /* 0: no rule, and none after it */
	__u32 vlan_count; /* 0: any */
	__u8 sides;       /* bits 1 << side on which the client is */
	__u8 drop;        /* 0: passes */
	__u16 reserved;
};
struct wire_quic_net_key {
	__u32 prefix_len; /* bits that count, from `bank` on: 32 plus those of `addr` */
	__u8 bank;
	__u8 end; /* enum wire_quic_end */
	__u16 segment;
	__be32 addr[4];
};
enum wire_quic_end { WIRE_QUIC_SOURCE, WIRE_QUIC_DESTINATION };

/* Ring buffer. */
enum wire_up_kind {
	WIRE_UP_HELD = 1, /* a packet of a held flow, not forwarded */
	WIRE_UP_FRAGMENT, /* a fragment of a watched destination, not forwarded */
	WIRE_UP_NOTICE,   /* no packet: a flow was marked, see `mark` */
};
struct wire_up {
	__u16 kind;
	__u8 side;
	__u8 mark; /* enum wire_mark_reason of a notice */
	__u16 segment;
	__u16 l3, l4; /* offsets of the inner IP header and of TCP in `data` */
	__u16 gso_size;
	__be16 vlan_proto; /* the tag is not in `data` */
	__u16 vlan_tci;
	__u32 len;      /* of the packet; what is longer than the record was cut, and is useless */
	__u32 data_len; /* of data */
	__u64 serial;
	__u64 stamp_ns;
	struct wire_key key;
	__u8 data[];
};
/* Records come in these sizes of data, so that the ring is not filled with air. */
enum { WIRE_UP_SMALL = 512, WIRE_UP_MEDIUM = 2048, WIRE_UP_LARGE = 66560 };

/*
 * skb->mark of a packet that user space puts back: which port it came from, and whether it is to
 * be forwarded as it is.
 */
#define WIRE_MARK_MAGIC      0x51c00000u
#define WIRE_MARK_MASK       0xffe00000u
#define WIRE_MARK_PASS       0x00010000u
#define wire_mark(seg, side) (WIRE_MARK_MAGIC | (__u32)(seg) << 1 | (side))

/* Drop reasons and kinds that are forwarded uninspected: per-CPU counters, append only. */
enum wire_drop {
#define WIRE_DROPPED(NAME, name, text) WIRE_DROP_##NAME,
#include "bpf/drop.def"
#undef WIRE_DROPPED
	WIRE_DROP_END
};
enum wire_count {
#define WIRE_COUNTED(NAME, name, text) WIRE_COUNT_##NAME,
#include "bpf/count.def"
#undef WIRE_COUNTED
	WIRE_COUNT_END
};
