/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF programs on a bench; see rig.h. */
#include "tests/bpf/rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/wire/packet.h"
#include "tests/unit/unit.h"
#include "tpsd/flow/table.h"
#include "tpsd/port/netlink.h"

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void make_ports(struct rig *r)
{
	struct netlink nl;
	struct netlink_link link;

	must(!unshare(CLONE_NEWNET), "unshare");
	must(!netlink_open(&nl), "netlink");
	must(!netlink_veth_add(&nl, "pa", "pax", 1500), "veth");
	must(!netlink_veth_add(&nl, "pb", "pbx", 1500), "veth");
	for (int side = 0; side < 2; side++) {
		must(!netlink_link_get(&nl, side ? "pb" : "pa", &link), "link");
		r->port[side] = link.index;
		must(!netlink_link_set(&nl, link.index, IFF_UP, IFF_UP, 0), "up");
		must(!netlink_link_get(&nl, side ? "pbx" : "pax", &link), "link");
		must(!netlink_link_set(&nl, link.index, IFF_UP, IFF_UP, 0), "up");
	}
	netlink_close(&nl);
}

void rig_open(struct rig *r)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd;

	memset(r, 0, sizeof(*r));
	make_ports(r);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "heartbeats", 4, 8, WIRE_HEARTBEATS, &opts);
	must(fd >= 0, "heartbeats");
	r->heartbeats =
	        mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(r->heartbeats != MAP_FAILED, "mmap");
	must(!program_load(&r->program, "", fd), "load");
	(void)close(fd);
}

void rig_close(struct rig *r)
{
	(void)munmap(r->heartbeats, (size_t)getpagesize());
	program_unload(&r->program);
}

static void empty(int fd, size_t key_size)
{
	uint8_t key[256];

	must(key_size <= sizeof(key), "key size");
	while (!bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			break;
}

static void set_interest(struct rig *r)
{
	struct wire_interest_key key = {
	        .prefix_len = 32 + 96 + 16,
	        .side = WIRE_SIDE_A,
	        .addr = {0, 0, htonl(0xffff), htonl(0x0a020000)},
	};
	struct wire_interest in = {.ports = {{443, 443}}, .port_count = 1, .silence_ms = 30000};

	must(!bpf_map_update_elem(r->program.map.interests, &key, &in, BPF_ANY), "interest");
}

void rig_segment_flags(struct rig *r, uint32_t flags, uint64_t grace_until_ns)
{
	struct wire_segment s = {.ifindex = {r->port[0], r->port[1]},
	                         .flags = flags,
	                         .mtu = 1500,
	                         .grace_until_ns = grace_until_ns};
	uint32_t zero = 0;

	must(!bpf_map_update_elem(r->program.map.segments, &zero, &s, BPF_ANY), "segment");
}

void rig_switch(struct rig *r, enum wire_switch which, uint32_t value)
{
	uint32_t key = which;

	must(!bpf_map_update_elem(r->program.map.switches, &key, &value, BPF_ANY), "switch");
}

void rig_reset(struct rig *r)
{
	struct wire_global g = {.abi = WIRE_ABI,
	                        .watching = 1,
	                        .generation = 1,
	                        .heartbeat_max_ns = 2 * CLOCK_NS_PER_S,
	                        .reclaim_epoch = 1};
	uint32_t zero = 0;

	empty(r->program.map.flows, sizeof(struct wire_key));
	empty(r->program.map.embryos, sizeof(struct wire_key));
	empty(r->program.map.marks, sizeof(struct wire_key));
	empty(r->program.map.pairs, 4);
	empty(r->program.map.exceptions, sizeof(struct wire_exception_key));
	must(!bpf_map_update_elem(r->program.map.global, &zero, &g, BPF_ANY), "global");
	for (int side = 0; side < 2; side++) {
		struct wire_port p = {.side = (uint8_t)side};

		must(!bpf_map_update_elem(r->program.map.ports, &r->port[side], &p, BPF_ANY),
		     "port");
	}
	rig_segment_flags(r, WIRE_SEG_MIDSTREAM_DROP | WIRE_SEG_ASYMMETRIC_DROP, 0);
	rig_switch(r, WIRE_SWITCH_FALLBACK, 0);
	rig_switch(r, WIRE_SWITCH_STOP, 0);
	rig_switch(r, WIRE_SWITCH_CLEAR, 0);
	set_interest(r);
	for (int i = 0; i < WIRE_HEARTBEATS; i++)
		r->heartbeats[i] = clock_now_ns() + 60 * CLOCK_NS_PER_S;
}

int rig_run_raw(struct rig *r, enum program_hook hook, uint32_t ifindex, const uint8_t *data,
                size_t len)
{
	struct __sk_buff ctx = {.ifindex = ifindex, .mark = r->mark};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = (uint32_t)len,
	            .data_out = r->out.data, .data_size_out = sizeof(r->out.data), .ctx_in = &ctx,
	            .ctx_size_in = sizeof(ctx), .repeat = 1);

	must(!bpf_prog_test_run_opts(program_fd(&r->program, hook), &opts), "test run");
	r->out.len = opts.data_size_out;
	return (int)opts.retval;
}

int rig_run(struct rig *r, const struct frame_plan *plan)
{
	struct frame_built f;

	frame_build(&f, plan);
	r->out.l3 = f.l3;
	r->out.l4 = f.l4;
	return rig_run_raw(r, PROGRAM_PORT, r->port[plan->from_server], f.data, f.len);
}

struct wire_key rig_key(void)
{
	return (struct wire_key){
	        .addr = {{0, 0, htonl(0xffff), htonl(0x0a010001)},
	                 {0, 0, htonl(0xffff), htonl(0x0a020002)}},
	        .port = {htons(1000), htons(443)},
	        .family = 4,
	        .proto = 6,
	};
}

int rig_flow(struct rig *r, struct wire_flow *ret_flow)
{
	struct wire_key key = rig_key();

	return bpf_map_lookup_elem_flags(r->program.map.flows, &key, ret_flow, BPF_F_LOCK);
}

int rig_embryo(struct rig *r, struct wire_embryo *ret_embryo)
{
	struct wire_key key = rig_key();

	return bpf_map_lookup_elem(r->program.map.embryos, &key, ret_embryo);
}

int rig_mark(struct rig *r, struct wire_mark *ret_mark)
{
	struct wire_key key = rig_key();

	return bpf_map_lookup_elem(r->program.map.marks, &key, ret_mark);
}

void rig_set_state(struct rig *r, enum wire_state state, uint32_t synthetic, uint16_t worker)
{
	struct wire_key key = rig_key();
	struct wire_leg_pair pair = {.key = key};
	struct wire_flow f;

	must(!rig_flow(r, &f), "flow");
	f.state = (uint8_t)state;
	f.synthetic = synthetic;
	f.worker = worker;
	pair.serial = f.serial;
	must(!bpf_map_update_elem(r->program.map.flows, &key, &f, BPF_F_LOCK), "flow");
	if (synthetic)
		must(!bpf_map_update_elem(r->program.map.pairs, &synthetic, &pair, BPF_ANY),
		     "pair");
}

uint64_t rig_drops(struct rig *r, enum wire_drop why)
{
	return table_dropped(&r->program, why);
}

uint64_t rig_counts(struct rig *r, enum wire_count what)
{
	return table_count(&r->program, what);
}

uint64_t rig_counted(struct rig *r, enum wire_count what, const struct frame_plan *plan,
                     int verdict)
{
	uint64_t before = rig_counts(r, what);

	assert_int_equal(rig_run(r, plan), verdict);
	return rig_counts(r, what) - before;
}

uint64_t rig_dropped(struct rig *r, enum wire_drop why, const struct frame_plan *plan)
{
	uint64_t before = rig_drops(r, why);

	assert_int_equal(rig_run(r, plan), RIG_DROP);
	return rig_drops(r, why) - before;
}

const struct frame_plan rig_syn = {.flags = PACKET_SYN, .seq = 1000};
const struct frame_plan rig_synack = {
        .from_server = true, .flags = PACKET_SYN | PACKET_ACK, .seq = 5000, .ack = 1001};
const struct frame_plan rig_ack = {.seq = 1001, .ack = 5001};
const struct frame_plan rig_hello = {
        .flags = PACKET_ACK | PACKET_PSH, .seq = 1001, .ack = 5001, .payload = "hello"};

void rig_handshake(struct rig *r)
{
	must(rig_run(r, &rig_syn) == RIG_PASS, "SYN");
	must(rig_run(r, &rig_synack) == RIG_PASS, "SYN-ACK");
	must(rig_run(r, &rig_ack) == RIG_PASS, "ACK");
}
