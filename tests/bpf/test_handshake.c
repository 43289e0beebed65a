/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF programs over a TCP handshake: what is noted of it, what may come again, late or
 * forged, and that none of that lets a flow by.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/wire/packet.h"
#include "tests/bpf/rig.h"

static struct rig rig;

#define ECE_CWR   0xc0
#define SYNTHETIC htonl(0xf0000042u)

static const struct frame_plan other_syn = {.flags = PACKET_SYN, .seq = 90000};

static int setup(void **state)
{
	rig_reset(&rig);
	return 0;
}

static void a_flow_that_nobody_wants_costs_no_entry(void **state)
{
	struct frame_plan other = rig_syn;
	struct wire_embryo m;

	other.dport = 80;
	assert_int_equal(rig_run(&rig, &other), RIG_PASS);
	other.flags = PACKET_ACK;
	assert_int_equal(rig_run(&rig, &other), RIG_PASS);
	assert_int_not_equal(rig_embryo(&rig, &m), 0);
}

static void a_handshake_is_noted_and_watched(void **state)
{
	static const uint8_t options[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
	                                    1, 1, 0, 0,    0, 0, 1, 3,  3, 7};
	struct frame_plan with = rig_syn;
	struct wire_embryo m;
	struct wire_flow f;

	with.options = options;
	with.options_len = sizeof(options);
	assert_int_equal(rig_run(&rig, &with), RIG_PASS);
	assert_int_equal(rig_embryo(&rig, &m), 0);
	assert_int_equal(m.phase, 1);
	assert_int_equal(m.client, WIRE_SIDE_A);
	assert_int_equal(m.end[0].isn, 1000);
	assert_int_equal(m.end[0].mss, 1460);
	assert_int_equal(m.end[0].wscale, 7);
	assert_int_equal(m.end[0].tsval, 0x101);
	assert_int_equal(m.end[0].options,
	                 WIRE_OPT_MSS | WIRE_OPT_WSCALE | WIRE_OPT_SACK | WIRE_OPT_TIMESTAMP);
	assert_int_equal(rig_run(&rig, &rig_synack), RIG_PASS);
	assert_int_not_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(rig_run(&rig, &rig_ack), RIG_PASS);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_not_equal(rig_embryo(&rig, &m), 0);
	assert_int_equal(f.state, WIRE_WATCH);
	assert_int_equal(f.end[0].next, 1001);
	assert_int_equal(f.end[0].ack, 5001);
	assert_int_equal(f.end[1].next, 5001);
	assert_int_equal(f.end[1].ack, 1001);
	assert_int_equal(f.end[0].dress.ttl, 61);
}

static void a_third_packet_that_does_not_fit_makes_no_flow(void **state)
{
	struct frame_plan wrong = rig_ack, data = rig_hello;
	struct wire_flow f;

	(void)rig_run(&rig, &rig_syn);
	(void)rig_run(&rig, &rig_synack);
	wrong.ack = 4711;
	assert_int_equal(rig_run(&rig, &wrong), RIG_PASS);
	assert_int_not_equal(rig_flow(&rig, &f), 0);
	data.ack = 4711;
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_EMBRYO_DATA, &data), 1);
}

static void fast_open_ecn_and_payload_are_taken_from_a_syn(void **state)
{
	static const uint8_t options[16] = {2, 4, 5, 0xb4, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 4, 2};
	static const uint8_t left[16] = {2, 4, 5, 0xb4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 2};
	struct frame_plan plan = rig_syn;

	plan.options = options;
	plan.options_len = sizeof(options);
	plan.payload = "GET / HTTP/1.0";
	plan.flags = PACKET_SYN | ECE_CWR;
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_SYN_STRIPPED, &plan, RIG_PASS), 1);
	assert_int_equal(rig.out.len, rig.out.l4 + 20 + sizeof(options));
	assert_memory_equal(rig.out.data + rig.out.l4 + 20, left, sizeof(left));
	assert_int_equal(rig.out.data[rig.out.l4 + 13], PACKET_SYN);
	assert_true(frame_checksums_right(rig.out.data, rig.out.len, rig.out.l3));
}

static void a_plain_syn_is_left_as_it_is(void **state)
{
	static const uint8_t options[4] = {2, 4, 5, 0xb4};
	struct frame_built as_sent;
	struct frame_plan plan = rig_syn;

	plan.options = options;
	plan.options_len = sizeof(options);
	frame_build(&as_sent, &plan);
	assert_int_equal(rig_run(&rig, &plan), RIG_PASS);
	assert_int_equal(rig.out.len, as_sent.len);
	assert_memory_equal(rig.out.data, as_sent.data, as_sent.len);
}

static void tcp_md5_is_a_class_of_its_own(void **state)
{
	static const uint8_t options[20] = {19, 18};
	struct frame_plan plan = rig_syn;
	struct wire_mark m;

	plan.options = options;
	plan.options_len = sizeof(options);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_TCP_AUTH, &plan, RIG_PASS), 1);
	assert_int_equal(rig_mark(&rig, &m), 0);
	assert_int_equal(m.reason, WIRE_MARK_TCP_AUTH);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	rig_segment_flags(&rig, WIRE_SEG_UNINSPECTABLE_DROP, 0);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_TCP_AUTH, &plan), 1);
}

static void syn_from_both_ends_is_dropped(void **state)
{
	struct frame_plan back = {.from_server = true, .flags = PACKET_SYN, .seq = 7};

	(void)rig_run(&rig, &rig_syn);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_SIMULTANEOUS_OPEN, &back), 1);
}

static void odd_flags_are_a_syn_all_the_same(void **state)
{
	struct frame_plan plan = rig_syn;
	struct wire_embryo m;

	plan.flags = PACKET_SYN | PACKET_FIN | PACKET_PSH;
	assert_int_equal(rig_run(&rig, &plan), RIG_PASS);
	assert_int_equal(rig_embryo(&rig, &m), 0);
}

static void packets_without_a_start_are_dropped_but_for_the_grace_time(void **state)
{
	struct frame_plan back = {.from_server = true, .seq = 5001, .ack = 1001, .payload = "x"};
	struct frame_plan bare = {.no_flags = true, .seq = 1, .payload = "x"};
	struct wire_mark m;

	assert_int_equal(rig_dropped(&rig, WIRE_DROP_MIDSTREAM, &rig_hello), 1);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_MIDSTREAM, &back), 1);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_MIDSTREAM, &bare), 1);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_ONE_WAY, &rig_synack), 1);
	rig_segment_flags(&rig, WIRE_SEG_MIDSTREAM_DROP, clock_now_ns() + CLOCK_NS_PER_S);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_MIDSTREAM, &rig_hello, RIG_PASS), 1);
	assert_int_equal(rig_mark(&rig, &m), 0);
	rig_segment_flags(&rig, WIRE_SEG_MIDSTREAM_DROP, 0);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	/* A SYN ends that: the next flow of the tuple is watched. */
	assert_int_equal(rig_run(&rig, &rig_syn), RIG_PASS);
	assert_int_not_equal(rig_mark(&rig, &m), 0);
}

static void a_flow_of_which_one_way_is_not_seen_goes_by_the_setting(void **state)
{
	struct wire_mark m;

	(void)rig_run(&rig, &rig_syn);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_ONE_WAY, &rig_hello), 1);
	rig_segment_flags(&rig, 0, 0);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_ONE_WAY, &rig_hello, RIG_PASS), 1);
	assert_int_equal(rig_mark(&rig, &m), 0);
	/* The other way is seen after all: no way round by data before the SYN-ACK. */
	assert_int_equal(rig_run(&rig, &rig_synack), RIG_PASS);
	assert_int_not_equal(rig_mark(&rig, &m), 0);
	assert_int_equal(rig_run(&rig, &rig_ack), RIG_PASS);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_DROP);
}

static void the_next_flow_of_a_tuple_is_watched_again(void **state)
{
	struct frame_plan again = {.flags = PACKET_SYN, .seq = 90000};
	struct frame_plan answer = {
	        .from_server = true, .flags = PACKET_SYN | PACKET_ACK, .seq = 70000, .ack = 90001};
	struct frame_plan third = {.seq = 90001, .ack = 70001};
	struct wire_flow f;
	uint64_t serial;

	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_FORWARD, 0, 0);
	assert_int_equal(rig_flow(&rig, &f), 0);
	serial = f.serial;
	assert_int_equal(rig_run(&rig, &again), RIG_PASS);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.serial, serial);
	assert_int_equal(rig_run(&rig, &answer), RIG_PASS);
	assert_int_not_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(rig_run(&rig, &third), RIG_PASS);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.state, WIRE_WATCH);
	assert_true(f.serial != serial);
}

/* The client's SYN-ACK was lost and its SYN, sent again, crosses the server's SYN-ACK. */
static void a_syn_sent_again_after_its_syn_ack_changes_nothing(void **state)
{
	struct wire_flow f;

	rig_segment_flags(&rig, 0, 0);
	(void)rig_run(&rig, &rig_syn);
	(void)rig_run(&rig, &rig_synack);
	assert_int_equal(rig_run(&rig, &rig_syn), RIG_PASS);
	assert_int_equal(rig_run(&rig, &rig_ack), RIG_PASS);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.end[1].next, 5001);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD, &rig_hello, RIG_DROP), 1);
}

/* Whichever of two SYNs the server answers: the connection is watched. */
static void the_syn_ack_says_which_of_two_syns_counts(void **state)
{
	struct frame_plan answer = {
	        .from_server = true, .flags = PACKET_SYN | PACKET_ACK, .seq = 70000, .ack = 90001};
	struct frame_plan third = {.seq = 90001, .ack = 70001};
	struct wire_flow f;

	rig_segment_flags(&rig, 0, 0);
	for (int answered = 0; answered < 2; answered++) {
		(void)rig_run(&rig, &rig_syn);
		if (answered)
			(void)rig_run(&rig, &rig_synack);
		(void)rig_run(&rig, &other_syn);
		if (!answered)
			(void)rig_run(&rig, &rig_synack);
		assert_int_equal(rig_run(&rig, &rig_ack), RIG_PASS);
		assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD, &rig_hello, RIG_DROP), 1);
		rig_reset(&rig);
		rig_segment_flags(&rig, 0, 0);
		(void)rig_run(&rig, &rig_syn);
		if (answered)
			(void)rig_run(&rig, &rig_synack);
		(void)rig_run(&rig, &other_syn);
		(void)rig_run(&rig, &answer);
		assert_int_equal(rig_run(&rig, &third), RIG_PASS);
		assert_int_equal(rig_flow(&rig, &f), 0);
		assert_int_equal(f.end[0].next, 90001);
		assert_int_equal(f.end[1].next, 70001);
		rig_reset(&rig);
		rig_segment_flags(&rig, 0, 0);
	}
}

/* A SYN-ACK or a challenge ACK that fits no SYN: both ways are seen, whatever the client sends. */
static void a_flow_whose_server_was_heard_is_not_one_way(void **state)
{
	struct frame_plan third_syn = {.flags = PACKET_SYN, .seq = 91000};
	struct frame_plan challenge = {.from_server = true, .seq = 5001, .ack = 1001};
	struct frame_plan answer = {
	        .from_server = true, .flags = PACKET_SYN | PACKET_ACK, .seq = 70000, .ack = 90001};
	struct frame_plan data = {.seq = 90001, .ack = 70001, .payload = "hello"};

	rig_segment_flags(&rig, 0, 0);
	(void)rig_run(&rig, &rig_syn);
	assert_int_equal(rig_run(&rig, &challenge), RIG_PASS);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_EMBRYO_DATA, &rig_hello), 1);
	rig_reset(&rig);
	rig_segment_flags(&rig, 0, 0);
	(void)rig_run(&rig, &rig_syn);
	(void)rig_run(&rig, &other_syn);
	(void)rig_run(&rig, &third_syn);
	assert_int_equal(rig_run(&rig, &answer), RIG_PASS);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_EMBRYO_DATA, &data), 1);
}

/* A RST that its receiver need not take, before the SYN-ACK: the SYN is not forgotten. */
static void a_rst_does_not_end_the_watch_over_a_handshake(void **state)
{
	struct frame_plan rst = {.flags = PACKET_RST, .seq = 4711};
	struct frame_plan early = {.flags = PACKET_RST | PACKET_ACK, .seq = 1001, .ack = 5001};
	struct wire_flow f;

	rig_segment_flags(&rig, 0, 0);
	(void)rig_run(&rig, &rig_syn);
	assert_int_equal(rig_run(&rig, &rst), RIG_PASS);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_MARKED_ONE_WAY, &rig_synack, RIG_PASS), 0);
	assert_int_equal(rig_run(&rig, &early), RIG_PASS);
	assert_int_not_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(rig_run(&rig, &rig_ack), RIG_PASS);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_HELD, &rig_hello, RIG_DROP), 1);
}

/* A SYN and the SYN-ACK of the flow itself, late, do not make a decided flow an undecided one. */
static void a_handshake_sent_again_leaves_its_flow_alone(void **state)
{
	static const enum wire_state states[] = {WIRE_WATCH, WIRE_FORWARD, WIRE_BLOCK};
	struct wire_flow f;

	for (size_t i = 0; i < SL_ARRAY_LEN(states); i++) {
		rig_reset(&rig);
		rig_handshake(&rig);
		rig_set_state(&rig, states[i], 0, 0);
		assert_int_equal(rig_run(&rig, &rig_syn), RIG_PASS);
		(void)rig_run(&rig, &rig_synack);
		assert_int_equal(rig_flow(&rig, &f), 0);
		assert_int_equal(f.state, states[i]);
	}
}

/* Beside a blocked flow a SYN notes a handshake; when the entry has gone, its client is no one
 * whose other direction is not seen. */
static void a_blocked_flow_does_not_become_one_way(void **state)
{
	struct wire_key key = rig_key();

	rig_segment_flags(&rig, WIRE_SEG_MIDSTREAM_DROP, 0);
	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_BLOCK, 0, 0);
	(void)rig_run(&rig, &other_syn);
	assert_int_equal(bpf_map_delete_elem(rig.program.map.flows, &key), 0);
	assert_int_equal(rig_dropped(&rig, WIRE_DROP_EMBRYO_DATA, &rig_hello), 1);
}

/* What was let by in fallback goes on when inspection is back, though an older SYN is noted. */
static void a_flow_let_by_is_not_stopped_by_an_older_handshake(void **state)
{
	struct frame_plan server = {
	        .from_server = true, .seq = 5001, .ack = 1006, .payload = "answer"};

	(void)rig_run(&rig, &other_syn);
	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 1);
	(void)rig_run(&rig, &rig_syn);
	(void)rig_run(&rig, &rig_synack);
	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 0);
	assert_int_equal(rig_run(&rig, &rig_hello), RIG_PASS);
	assert_int_equal(rig_run(&rig, &server), RIG_PASS);
}

/* A server agrees to timestamps only when they were asked for: by a SYN that is not the noted one,
 * and then it throws old ones away. */
static void what_the_server_agreed_to_was_offered(void **state)
{
	static const uint8_t now[12] = {1, 1, 8, 10, 0, 0, 1, 0};
	struct frame_plan with = rig_synack;
	struct wire_flow f;

	with.options = now;
	with.options_len = sizeof(now);
	(void)rig_run(&rig, &rig_syn);
	(void)rig_run(&rig, &with);
	(void)rig_run(&rig, &rig_ack);
	assert_int_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(f.end[0].options, WIRE_OPT_TIMESTAMP);
}

static void a_syn_begins_anew_once_the_client_leg_is_dead(void **state)
{
	struct wire_leg_pair pair;
	uint32_t synthetic = SYNTHETIC;
	struct wire_embryo m;
	struct wire_flow f;

	rig_handshake(&rig);
	rig_set_state(&rig, WIRE_DIVERT, SYNTHETIC, 4);
	assert_int_equal(rig_run(&rig, &rig_syn), RIG_STACK);
	assert_int_equal(bpf_map_lookup_elem(rig.program.map.pairs, &synthetic, &pair), 0);
	pair.dead = WIRE_LEG_CLIENT;
	assert_int_equal(bpf_map_update_elem(rig.program.map.pairs, &synthetic, &pair, BPF_ANY), 0);
	assert_int_equal(rig_run(&rig, &rig_syn), RIG_PASS);
	assert_int_not_equal(rig_flow(&rig, &f), 0);
	assert_int_equal(rig_embryo(&rig, &m), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
	        T(a_flow_that_nobody_wants_costs_no_entry),
	        T(a_handshake_is_noted_and_watched),
	        T(a_third_packet_that_does_not_fit_makes_no_flow),
	        T(fast_open_ecn_and_payload_are_taken_from_a_syn),
	        T(a_plain_syn_is_left_as_it_is),
	        T(tcp_md5_is_a_class_of_its_own),
	        T(syn_from_both_ends_is_dropped),
	        T(odd_flags_are_a_syn_all_the_same),
	        T(packets_without_a_start_are_dropped_but_for_the_grace_time),
	        T(a_flow_of_which_one_way_is_not_seen_goes_by_the_setting),
	        T(the_next_flow_of_a_tuple_is_watched_again),
	        T(a_syn_sent_again_after_its_syn_ack_changes_nothing),
	        T(the_syn_ack_says_which_of_two_syns_counts),
	        T(a_flow_whose_server_was_heard_is_not_one_way),
	        T(a_rst_does_not_end_the_watch_over_a_handshake),
	        T(a_handshake_sent_again_leaves_its_flow_alone),
	        T(a_blocked_flow_does_not_become_one_way),
	        T(a_flow_let_by_is_not_stopped_by_an_older_handshake),
	        T(what_the_server_agreed_to_was_offered),
	        T(a_syn_begins_anew_once_the_client_leg_is_dead),
	};
	int failed;

	rig_open(&rig);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
