/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF programs packet by packet: parsing, states, verdicts, drop reasons. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/wire/packet.h"
#include "tests/bpf/rig.h"

static struct rig rig;

#define SYNTHETIC htonl(0xf0000042u)

static int setup(void **state)
{
	rig_reset(&rig);
	return 0;
}

/* A field of a packet, which stands wherever it stands. */
static uint64_t be_at(const uint8_t *at, size_t len)
{
	struct reader r = reader_of(at, len);

	return reader_uint_be(&r, len);
}

static void what_is_not_inspected_is_forwarded_and_counted(void **state)
{
	static const uint8_t gre_seq[8] = {0x10, 0, 8, 0}, gre_csum[8] = {0x80, 0, 8, 0};
	static const uint8_t gre_ipv6[4] = {0, 0, 0x86, 0xdd}, gre_v1[8] = {0x20, 1, 8, 0};
	static const uint8_t gre[4] = {0, 0, 8, 0};
	static const struct {
		enum wire_count what;
		struct frame_plan plan;
	} cases[] = {
	        {WIRE_COUNT_UNINSPECTED_NON_IP, {.ether_type = 0x88cc}},
	        {WIRE_COUNT_UNINSPECTED_NON_IP, {.ether_type = 0x8809}},
	        {WIRE_COUNT_UNINSPECTED_IPV6, {.ether_type = 0x86dd}},
	        {WIRE_COUNT_UNINSPECTED_QINQ,
	         {.ether_type = 0x88a8}}, /* the next tag's id is 0x528 */
	        {WIRE_COUNT_UNINSPECTED_GTP, {.proto = 17, .dport = 2152}},
	        {WIRE_COUNT_UNINSPECTED_IPV6_TUNNEL, {.outer_proto = 41}},
	        {WIRE_COUNT_UNINSPECTED_NESTED, {.outer_proto = 4, .proto = 47}},
	        {WIRE_COUNT_UNINSPECTED_NESTED,
	         {.outer_proto = 47, .tunnel = gre, .tunnel_len = 4, .proto = 4}},
	        {WIRE_COUNT_UNINSPECTED_GRE_OPTIONS,
	         {.outer_proto = 47, .tunnel = gre_seq, .tunnel_len = 8}},
	        {WIRE_COUNT_UNINSPECTED_GRE_OPTIONS,
	         {.outer_proto = 47, .tunnel = gre_csum, .tunnel_len = 8}},
	        {WIRE_COUNT_UNINSPECTED_GRE_OPTIONS,
	         {.outer_proto = 47, .tunnel = gre_v1, .tunnel_len = 8}},
	        {WIRE_COUNT_UNINSPECTED_GRE_OTHER,
	         {.outer_proto = 47, .tunnel = gre_ipv6, .tunnel_len = 4}},
	        {WIRE_COUNT_UNINSPECTED_OUTER_FRAGMENT,
	         {.outer_proto = 4, .outer_fragment = 0x2000}},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		assert_int_equal(rig_counted(&rig, cases[i].what, &cases[i].plan, RIG_PASS), 1);
	rig_segment_flags(&rig, WIRE_SEG_UNINSPECTABLE_DROP, 0);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_UNINSPECTABLE, &cases[2].plan), 1);
	assert_int_equal(rig_run(&rig, &cases[0].plan), RIG_PASS);
}

static void first_bytes_are_held_and_pure_acks_pass(void **state)
{
	struct frame_plan fin = {.flags = PACKET_FIN | PACKET_ACK, .seq = 1006, .ack = 5001};
	struct frame_plan rst = {.flags = PACKET_RST, .seq = 1006};
	struct frame_plan server = {
	        .from_server = true, .seq = 5001, .ack = 1001, .payload = "220 ready"};
	struct wire_flow f;

	rig_handshake(&rig);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD, &rig_hello, RIG_DROP), 1);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.state, WIRE_HELD);
	assert_int_equal(f.end[0].next, 1001);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD, &rig_hello, RIG_DROP), 0);
	assert_int_equal(rig_run(&rig, &rig_ack), RIG_PASS);
	assert_int_equal(rig_run(&rig, &server), RIG_DROP);
	assert_int_equal(rig_run(&rig, &fin), RIG_DROP);
	assert_int_equal(rig_run(&rig, &rst), RIG_DROP);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_HELD_SYN, &rig_syn), 1);
}

static void a_server_that_speaks_first_is_held(void **state)
{
	struct frame_plan server = {
	        .from_server = true, .seq = 5001, .ack = 1001, .payload = "220 ready"};

	rig_handshake(&rig);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD, &server, RIG_DROP), 1);
}

/* The bytes before it were overtaken: the server must not keep a FIN for a place in a stream that
 * a taken flow's leg makes anew. */
static void a_fin_ahead_of_the_first_bytes_does_not_go_on(void **state)
{
	struct frame_plan fin = {.flags = PACKET_FIN | PACKET_ACK, .seq = 1006, .ack = 5001};
	struct wire_flow f;

	rig_handshake(&rig);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_UNACCEPTABLE, &fin), 1);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.ended, 0);
	fin.seq = 1001;
	assert_int_equal(rig_run(&rig, &fin), RIG_PASS);
	assert_int_equal(rig_run(&rig, &fin), RIG_PASS); /* sent again */
}

static void decided_flows_pass_or_are_dropped(void **state)
{
	struct frame_plan rst = {.flags = PACKET_RST, .seq = 1006};
	struct wire_flow f;

	rig_handshake(&rig);
	(void)rig_run(&rig, &rig_hello);
	rig_set_state(&rig, WIRE_FORWARD, 0, 0);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	assert_int_equal(rig_run(&rig, &rst), RIG_PASS);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.ended, WIRE_RST);
	rig_set_state(&rig, WIRE_BLOCK, 0, 0);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_BLOCKED, &rig_hello), 1);
}

/* The RST that an end got when its flow was blocked may be lost. */
static void an_end_of_a_blocked_flow_is_reset_whenever_it_speaks(void **state)
{
	struct frame_plan fin = rig_hello;
	struct frame_plan server = {
	        .from_server = true, .seq = 5001, .ack = 1001, .payload = "late"};
	struct frame_plan rst = {.flags = PACKET_RST, .seq = 1006};
	struct wire_key key = rig_key();
	struct wire_flow f;
	uint64_t before;

	fin.flags |= PACKET_FIN;
	rig_handshake(&rig);
	(void)rig_run(&rig, &rig_hello);
	rig_set_state(&rig, WIRE_BLOCK, 0, 0);
	assert_int_equal(rig_flow(&rig, &f), 0);
	f.resets = 1 << WIRE_SIDE_A;
	assert_int_equal(bpf_map_update_elem(rig.program.map.flows, &key, &f, BPF_F_LOCK), 0);
	before = rig_drops(&rig, WIRE_DROP_BLOCKED);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_RESETS, &fin, RIG_PASS), 1);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_BLOCKED) - before, 1);
	assert_int_equal(rig.out.len, 14 + 20 + 20);
	assert_int_equal(rig.out.data[rig.out.l4 + 13], PACKET_RST | PACKET_ACK);
	assert_int_equal(be_at(rig.out.data + rig.out.l4, 2), 443);
	assert_int_equal(be_at(rig.out.data + rig.out.l4 + 4, 4), 5001);
	assert_int_equal(be_at(rig.out.data + rig.out.l4 + 8, 4), 1001 + 5 + 1);
	assert_int_equal(rig.out.data[5], 1); /* to the client's MAC */
	assert_true(frame_checksums_right(rig.out.data, rig.out.len, 14));
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_RESETS, &server, RIG_DROP), 0);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_RESETS, &rst, RIG_DROP), 0);
}

static void a_taken_flow_goes_into_the_stack_with_its_synthetic_address(void **state)
{
	struct frame_plan server = {
	        .from_server = true, .seq = 5001, .ack = 1006, .payload = "answer"};
	uint32_t addr[2];

	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_DIVERT, SYNTHETIC, 4);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_STACK);
	memcpy(addr, rig.out.data + rig.out.l3 + 12, sizeof(addr));
	assert_int_equal(addr[0], SYNTHETIC);
	assert_int_equal(addr[1], htonl(WIRE_LOCAL_CLIENT_LEG));
	assert_true(frame_checksums_right(rig.out.data, rig.out.len, rig.out.l3));
	assert_int_equal(rig_run(&rig, &server), RIG_STACK);
	memcpy(addr, rig.out.data + rig.out.l3 + 12, sizeof(addr));
	assert_int_equal(addr[1], htonl(WIRE_LOCAL_SERVER_LEG));
	assert_true(frame_checksums_right(rig.out.data, rig.out.len, rig.out.l3));
}

/* The TCP header is not where it is in most packets; and each sum comes out right. */
static void a_taken_packet_with_ip_options_is_read_where_they_end(void **state)
{
	struct frame_built f;
	uint16_t check;

	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_DIVERT, SYNTHETIC, 4);
	frame_build(&f, &rig_hello);
	memmove(f.data + 38, f.data + 34, f.len - 34);
	memset(f.data + 34, 1, 4);
	f.len += 4;
	f.data[14] = 0x46;
	f.data[17] += 4;
	for (unsigned id = 0; id < 65536; id += 251) {
		f.data[18] = (uint8_t)(id >> 8);
		f.data[19] = (uint8_t)id;
		memset(f.data + 24, 0, 2);
		check = packet_fold(packet_sum(f.data + 14, 24, 0));
		memcpy(f.data + 24, &check, 2);
		assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, rig.port[0], f.data, f.len),
		                 RIG_STACK);
		assert_true(frame_checksums_right(rig.out.data, rig.out.len, 14));
	}
}

static void tunnels_are_taken_off_on_the_way_in(void **state)
{
	static const uint8_t gre_key[8] = {0x20, 0, 8, 0, 0, 0, 0, 9}, gre[4] = {0, 0, 8, 0};
	static const struct {
		uint8_t proto;
		const uint8_t *header;
		size_t len;
	} kinds[] = {{47, gre_key, 8}, {47, gre, 4}, {4, NULL, 0}};

	for (size_t i = 0; i < SL_ARRAY_LEN(kinds); i++) {
		struct wire_key key, next;
		struct wire_flow f;
		struct frame_plan plan[4] = {rig_syn, rig_synack, rig_ack, rig_hello};

		rig_reset(&rig);
		for (int n = 0; n < 4; n++) {
			plan[n].outer_proto = kinds[i].proto;
			plan[n].tunnel = kinds[i].header;
			plan[n].tunnel_len = kinds[i].len;
		}
		for (int n = 0; n < 3; n++)
			assert_int_equal(rig_run(&rig, &plan[n]), RIG_PASS);
		assert_int_equal(bpf_map_get_next_key(rig.program.map.flows, NULL, &key), 0);
		assert_int_not_equal(bpf_map_get_next_key(rig.program.map.flows, &key, &next), 0);
		assert_int_equal(key.outer[0], htonl(0xc0a80001));
		assert_int_equal(key.tunnel_key, i == 0 ? 9 : 0);
		assert_int_equal(
		        bpf_map_lookup_elem_flags(rig.program.map.flows, &key, &f, BPF_F_LOCK), 0);
		f.state = WIRE_DIVERT;
		f.synthetic = SYNTHETIC;
		f.worker = 4;
		assert_int_equal(bpf_map_update_elem(rig.program.map.flows, &key, &f, BPF_F_LOCK),
		                 0);
		assert_int_equal(rig_run(&rig, &plan[3]), RIG_STACK);
		assert_int_equal(rig.out.len, 14 + 20 + 20 + 5);
		assert_true(frame_checksums_right(rig.out.data, rig.out.len, 14));
	}
}

static void what_the_stack_sends_is_dressed_as_the_far_end(void **state)
{
	struct frame_built f;
	uint32_t from = htonl(WIRE_LOCAL_CLIENT_LEG), to = SYNTHETIC;
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	const uint8_t *ip = rig.out.data + 14;
	struct frame_plan plan = {.from_server = true, .seq = 5001, .ack = 1006, .payload = "ok"};
	uint16_t check = 0;

	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_DIVERT, SYNTHETIC, 4);
	frame_build(&f, &plan);
	memcpy(f.data + 26, &from, 4);
	memcpy(f.data + 30, &to, 4);
	memset(f.data, 0xee, 12);
	f.data[22] = 7;    /* TTL */
	f.data[15] = 0x03; /* TOS: ECN bits only */
	memset(f.data + 24, 0, 2);
	check = packet_fold(packet_sum(f.data + 14, 20, 0));
	memcpy(f.data + 24, &check, 2);
	memset(f.data + 34 + 16, 0, 2);
	check = packet_fold(packet_sum(f.data + 34, 22, packet_sum(f.data + 26, 8, 6 + 22)));
	memcpy(f.data + 34 + 16, &check, 2);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_STACK, rig.port[0], f.data, f.len), RIG_PASS);
	assert_memory_equal(rig.out.data, macs, sizeof(macs));
	assert_int_equal(ip[8], 61);
	assert_int_equal(ip[1], 0x28 | 0x03);
	assert_int_equal(ip[15], 2);
	assert_int_equal(ip[19], 1);
	assert_true(frame_checksums_right(rig.out.data, rig.out.len, 14));
	memset(f.data + 33, 0x99, 1);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_STACK, rig.port[0], f.data, f.len), RIG_DROP);
}

static void a_dead_workers_flows_are_reset(void **state)
{
	uint64_t before = rig_counts(&rig, WIRE_COUNT_RESETS);

	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_DIVERT, SYNTHETIC, 4);
	rig.heartbeats[4] = clock_now_ns() - 3 * CLOCK_NS_PER_S;
	/* One RST went on by a clone; the packet itself is the one for its sender. */
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	assert_int_equal(rig_counts(&rig, WIRE_COUNT_RESETS) - before, 2);
	assert_int_equal(rig.out.len, 14 + 20 + 20);
	assert_int_equal(rig.out.data[rig.out.l4 + 13], PACKET_RST | PACKET_ACK);
	assert_int_equal(be_at(rig.out.data + rig.out.l4 + 4, 4), 5001);
	assert_int_equal(be_at(rig.out.data + rig.out.l4, 2), 443);
	assert_int_equal(rig.out.data[5], 1);
	assert_true(frame_checksums_right(rig.out.data, rig.out.len, 14));
}

static void a_heartbeat_newer_than_the_packet_is_fresh(void **state)
{
	struct wire_embryo m;

	rig.heartbeats[WIRE_SLOT_WIRE] = clock_now_ns() + 10 * CLOCK_NS_PER_S;
	assert_int_equal(rig_run(&rig, &rig_syn), RIG_PASS);
	assert_int_equal(rig_embryo(&rig, &m), 0);
}

static void with_inspection_dead_flows_are_let_by_or_blocked(void **state)
{
	struct wire_mark m;

	rig.heartbeats[WIRE_SLOT_WIRE] = clock_now_ns() - 3 * CLOCK_NS_PER_S;
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_FALLBACK, &rig_syn, RIG_PASS), 1);
	assert_int_equal(rig_mark(&rig, &m), 0);
	assert_int_equal(m.reason, WIRE_MARK_FALLBACK);
	/* One flow, one mark: its SYN-ACK is no flow of which one way was not seen. */
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_FALLBACK, &rig_synack, RIG_PASS), 0);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	rig_reset(&rig);
	rig.heartbeats[WIRE_SLOT_WIRE] = clock_now_ns() - 3 * CLOCK_NS_PER_S;
	rig_segment_flags(&rig, WIRE_SEG_FAILURE_BLOCK, 0);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_FAILURE, &rig_syn), 1);
}

static void a_held_flow_is_released_when_inspection_dies(void **state)
{
	struct wire_flow f;
	struct wire_mark m;

	rig_handshake(&rig);
	(void)rig_run(&rig, &rig_hello);
	rig.heartbeats[WIRE_SLOT_WIRE] = clock_now_ns() - 3 * CLOCK_NS_PER_S;
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD_RELEASED, &rig_hello, RIG_PASS), 1);
	assert_int_not_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(rig_mark(&rig, &m), 0);
}

static void fallback_on_command_forwards_even_where_failure_blocks(void **state)
{
	rig_segment_flags(&rig, WIRE_SEG_FAILURE_BLOCK, 0);
	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 1);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_FALLBACK, &rig_syn, RIG_PASS), 1);
}

static void a_commanded_fallback_leaves_live_sessions_unless_told(void **state)
{
	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_DIVERT, SYNTHETIC, 4);
	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 1);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_STACK);
	rig_switch(&rig, WIRE_SWITCH_CLEAR, 1);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	assert_int_equal(rig.out.data[rig.out.l4 + 13], PACKET_RST | PACKET_ACK);
}

static void uninspected_flows_are_reset_when_inspection_is_back(void **state)
{
	struct wire_global g;
	uint32_t zero = 0;

	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 1);
	(void)rig_run(&rig, &rig_syn);
	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 0);
	assert_int_equal(bpf_map_lookup_elem(rig.program.map.global, &zero, &g), 0);
	g.reclaim_epoch++;
	assert_int_equal(bpf_map_update_elem(rig.program.map.global, &zero, &g, BPF_ANY), 0);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	assert_int_not_equal(rig.out.data[rig.out.l4 + 13], PACKET_RST | PACKET_ACK);
	rig_segment_flags(&rig, WIRE_SEG_RECLAIM, 0);
	/* Once more, should a RST be lost. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
		assert_int_equal(rig.out.data[rig.out.l4 + 13], PACKET_RST | PACKET_ACK);
	}
}

static void what_its_receiver_would_not_take_is_no_first_byte(void **state)
{
	static const uint8_t md5[20] = {19, 18};
	static const uint8_t now[12] = {1, 1, 8, 10, 0, 0, 1, 0},
	                     old[12] = {1, 1, 8, 10, 0, 0, 0, 9};
	struct frame_plan first[3] = {rig_syn, rig_synack, rig_ack};
	struct frame_plan no_ack = rig_hello, with_md5 = rig_hello, late = rig_hello;
	struct frame_plan fin = {.flags = PACKET_FIN | PACKET_ACK, .seq = 1001, .ack = 5001};
	struct frame_built f;
	struct wire_flow flow;

	for (int i = 0; i < 3; i++) {
		first[i].options = now;
		first[i].options_len = sizeof(now);
		assert_int_equal(rig_run(&rig, &first[i]), RIG_PASS);
	}
	no_ack.flags = PACKET_PSH;
	with_md5.options = md5;
	with_md5.options_len = sizeof(md5);
	late.options = old;
	late.options_len = sizeof(old);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_UNACCEPTABLE, &no_ack), 1);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_UNACCEPTABLE, &with_md5), 1);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_UNACCEPTABLE, &late), 1);
	frame_build(&f, &fin);
	f.data[f.l4 + 16] ^= 1;
	assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, rig.port[0], f.data, f.len), RIG_DROP);
	assert_int_equal(rig_flow(&rig, &flow), 0);
	assert_int_equal(flow.state, WIRE_WATCH);
	assert_int_equal(flow.ended, 0);
	assert_int_equal(rig_run(&rig, &fin), RIG_PASS);
	assert_int_equal(rig_flow(&rig, &flow), 0);
	assert_int_equal(flow.ended, WIRE_FIN_A);
}

static void bypass_rules_come_first(void **state)
{
	struct wire_bypass b = {.segments = 1,
	                        .dst = {0, 0, 0, htonl(0x0a020002)},
	                        .dst_mask = {0, 0, 0, 0xffffffff},
	                        .sport = {0, 65535},
	                        .dport = {443, 443},
	                        .vlan = {0, WIRE_VLAN_ANY},
	                        .tunnel = 0xff,
	                        .proto = 6};
	struct wire_global g;
	struct wire_embryo m;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(rig.program.map.bypass, &zero, &b, BPF_ANY), 0);
	assert_int_equal(bpf_map_lookup_elem(rig.program.map.global, &zero, &g), 0);
	g.bypass_count = 1;
	assert_int_equal(bpf_map_update_elem(rig.program.map.global, &zero, &g, BPF_ANY), 0);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_BYPASS_RULE, &rig_syn, RIG_PASS), 1);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_BYPASS_RULE, &rig_synack, RIG_PASS), 1);
	assert_int_not_equal(rig_embryo(&rig, &m), 0);
}

static void fragments_of_watched_addresses_go_up(void **state)
{
	struct frame_plan fragment = {.seq = 1, .payload = "12345678", .fragment = 0x2000};
	struct frame_plan other = {.proto = 17, .payload = "12345678", .fragment = 0x2000};

	assert_int_equal(rig_counted(&rig, WIRE_COUNT_FRAGMENTS, &fragment, RIG_DROP), 1);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_FRAGMENTS, &other, RIG_PASS), 0);
}

static void a_malformed_tcp_header_to_a_watched_tuple_is_dropped(void **state)
{
	struct frame_built f;
	uint64_t before = rig_drops(&rig, WIRE_DROP_TCP_MALFORMED);

	frame_build(&f, &rig_hello);
	f.data[f.l4 + 12] = 0xf0;
	assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, rig.port[0], f.data, f.len), RIG_DROP);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_TCP_MALFORMED) - before, 1);
}

static void panic_exceptions_are_forwarded(void **state)
{
	struct wire_exception_key key = {.addr = {0, 0, htonl(0xffff), htonl(0x0a010001)}};
	uint64_t until = clock_now_ns() + 60 * CLOCK_NS_PER_S;

	assert_int_equal(bpf_map_update_elem(rig.program.map.exceptions, &key, &until, BPF_ANY), 0);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_PANIC, &rig_syn, RIG_PASS), 1);
	until = clock_now_ns() - 1;
	rig_reset(&rig);
	assert_int_equal(bpf_map_update_elem(rig.program.map.exceptions, &key, &until, BPF_ANY), 0);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_EMBRYOS, &rig_syn, RIG_PASS), 1);
}

static void put_back_packets_need_their_mark(void **state)
{
	uint64_t before = rig_drops(&rig, WIRE_DROP_INJECT_MARK);
	struct frame_built f;

	frame_build(&f, &rig_hello);
	rig.mark = 0;
	assert_int_equal(rig_run_raw(&rig, PROGRAM_INJECT, rig.port[0], f.data, f.len), RIG_DROP);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_INJECT_MARK) - before, 1);
	rig.mark = wire_mark(0, 0) | WIRE_MARK_PASS;
	assert_int_equal(rig_run_raw(&rig, PROGRAM_INJECT, rig.port[0], f.data, f.len), RIG_PASS);
	rig.mark = wire_mark(0, 0);
	before = rig_drops(&rig, WIRE_DROP_MIDSTREAM);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_INJECT, rig.port[0], f.data, f.len), RIG_DROP);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_MIDSTREAM) - before, 1);
	rig.mark = 0;
}

static void a_packet_of_no_port_is_dropped(void **state)
{
	uint64_t before = rig_drops(&rig, WIRE_DROP_NO_PORT);
	struct frame_built f;

	frame_build(&f, &rig_hello);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, 1, f.data, f.len), RIG_DROP);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_NO_PORT) - before, 1);
}

/* Not where an earlier packet found it. */
static void a_port_is_in_the_segment_that_has_it(void **state)
{
	uint32_t port = rig.port[0], from = 0, to = 1;
	struct wire_segment none = {0}, moved = {.ifindex = {rig.port[1], port}, .mtu = 1500};
	struct wire_port at = {.segment = 1, .side = 1};
	uint64_t before = rig_drops(&rig, WIRE_DROP_NO_PORT);
	struct frame_built f;

	frame_build(&f, &rig_hello);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, port, f.data, f.len), RIG_DROP);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_NO_PORT) - before, 0);
	assert_int_equal(bpf_map_delete_elem(rig.program.map.ports, &port), 0);
	assert_int_equal(bpf_map_update_elem(rig.program.map.segments, &from, &none, BPF_ANY), 0);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, port, f.data, f.len), RIG_DROP);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_NO_PORT) - before, 1);
	/* There nobody watches it. */
	assert_int_equal(bpf_map_update_elem(rig.program.map.segments, &to, &moved, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(rig.program.map.ports, &port, &at, BPF_ANY), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rig_run_raw(&rig, PROGRAM_PORT, port, f.data, f.len), RIG_PASS);
	assert_int_equal(bpf_map_update_elem(rig.program.map.segments, &to, &none, BPF_ANY), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
	        T(what_is_not_inspected_is_forwarded_and_counted),
	        T(first_bytes_are_held_and_pure_acks_pass),
	        T(a_server_that_speaks_first_is_held),
	        T(a_fin_ahead_of_the_first_bytes_does_not_go_on),
	        T(decided_flows_pass_or_are_dropped),
	        T(an_end_of_a_blocked_flow_is_reset_whenever_it_speaks),
	        T(a_taken_flow_goes_into_the_stack_with_its_synthetic_address),
	        T(a_taken_packet_with_ip_options_is_read_where_they_end),
	        T(tunnels_are_taken_off_on_the_way_in),
	        T(what_the_stack_sends_is_dressed_as_the_far_end),
	        T(a_dead_workers_flows_are_reset),
	        T(a_heartbeat_newer_than_the_packet_is_fresh),
	        T(with_inspection_dead_flows_are_let_by_or_blocked),
	        T(a_held_flow_is_released_when_inspection_dies),
	        T(fallback_on_command_forwards_even_where_failure_blocks),
	        T(a_commanded_fallback_leaves_live_sessions_unless_told),
	        T(uninspected_flows_are_reset_when_inspection_is_back),
	        T(what_its_receiver_would_not_take_is_no_first_byte),
	        T(bypass_rules_come_first),
	        T(fragments_of_watched_addresses_go_up),
	        T(a_malformed_tcp_header_to_a_watched_tuple_is_dropped),
	        T(panic_exceptions_are_forwarded),
	        T(put_back_packets_need_their_mark),
	        T(a_packet_of_no_port_is_dropped),
	        T(a_port_is_in_the_segment_that_has_it),
	};
	int failed;

	rig_open(&rig);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
