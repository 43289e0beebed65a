/* SPDX-License-Identifier: Apache-2.0 */
/* UDP that policy drops (`quic: drop`), packet by packet. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/bpf/rig.h"

enum { UDP = 17 };

static struct rig rig;
static const struct frame_plan quic = {.proto = UDP, .payload = "a datagram"};

static void put(int fd, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
}

static void set_rule(uint32_t bank, uint32_t at, const struct wire_quic_rule *r)
{
	uint32_t key = bank * WIRE_SEGMENTS_MAX * WIRE_QUIC_RULES + at;

	put(rig.program.map.quic_rules, &key, r);
}

static void set_net(uint8_t bank, uint8_t end, uint32_t addr, unsigned bits, uint64_t rules)
{
	struct wire_quic_net_key key = {.prefix_len = 32 + 96 + bits,
	                                .bank = bank,
	                                .end = end,
	                                .addr = {0, 0, htonl(0xffff), htonl(addr)}};

	put(rig.program.map.quic_nets, &key, &rules);
}

/* One rule: UDP 443 of clients on side A is dropped. */
static int setup(void **state)
{
	const struct wire_quic_rule none = {.port_count = 0}, drop = {.ports = {{443, 443}},
	                                                              .port_count = 1,
	                                                              .sides = 1 << WIRE_SIDE_A,
	                                                              .drop = 1};
	struct wire_quic_net_key at;

	rig_reset(&rig);
	while (!bpf_map_get_next_key(rig.program.map.quic_nets, NULL, &at))
		assert_int_equal(bpf_map_delete_elem(rig.program.map.quic_nets, &at), 0);
	for (uint32_t bank = 0; bank < 2; bank++)
		for (uint32_t i = 0; i < 4; i++)
			set_rule(bank, i, &none);
	set_rule(0, 0, &drop);
	set_net(0, WIRE_QUIC_SOURCE, 0, 0, 1);
	set_net(0, WIRE_QUIC_DESTINATION, 0, 0, 1);
	rig_segment_flags(&rig, WIRE_SEG_QUIC, 0);
	return 0;
}

static uint64_t dropped(const struct frame_plan *plan)
{
	return rig_dropped(&rig, WIRE_DROP_QUIC, plan);
}

static void passes(const struct frame_plan *plan)
{
	uint64_t before = rig_drops(&rig, WIRE_DROP_QUIC);

	assert_int_equal(rig_counted(&rig, WIRE_COUNT_FORWARDED_PACKETS, plan, RIG_PASS), 1);
	assert_int_equal(rig_drops(&rig, WIRE_DROP_QUIC) - before, 0);
}

static void udp_to_a_detection_port_is_dropped_from_the_clients_side_only(void **state)
{
	const struct frame_plan other = {.proto = UDP, .dport = 444, .payload = "x"};
	const struct frame_plan answer = {.proto = UDP, .from_server = true, .payload = "x"};
	const struct frame_plan tcp = {.payload = "x"};
	struct frame_plan inward = {.proto = UDP, .from_server = true, .payload = "x"};

	assert_int_equal(dropped(&quic), 1);
	passes(&other);
	passes(&answer);
	/* Who is on side B is nobody's client. */
	inward.sport = 443;
	inward.dport = 1000;
	passes(&inward);
	passes(&tcp);
}

static void a_source_port_of_gtp_hides_nothing(void **state)
{
	const struct frame_plan gtp = {.proto = UDP, .sport = 2152, .payload = "x"};

	assert_int_equal(dropped(&gtp), 1);
}

static void the_first_rule_that_names_both_addresses_says_it(void **state)
{
	const struct wire_quic_rule drop = {
	        .ports = {{443, 443}}, .port_count = 1, .sides = 3, .drop = 1};
	const struct wire_quic_rule pass = {.ports = {{400, 500}}, .port_count = 1, .sides = 3};

	set_rule(0, 0, &pass);
	set_rule(0, 1, &drop);
	set_net(0, WIRE_QUIC_SOURCE, 0, 0, 2);
	set_net(0, WIRE_QUIC_DESTINATION, 0, 0, 3);
	assert_int_equal(dropped(&quic), 1);
	set_net(0, WIRE_QUIC_SOURCE, 0x0a010000, 24, 3);
	passes(&quic);
	set_net(0, WIRE_QUIC_SOURCE, 0x0a010001, 32, 2);
	assert_int_equal(dropped(&quic), 1);
	set_net(0, WIRE_QUIC_DESTINATION, 0x0a020002, 32, 1);
	passes(&quic);
}

static void only_the_rules_vlans_and_bank_count(void **state)
{
	struct wire_quic_rule tagged = {.ports = {{443, 443}},
	                                .vlans = {{10, 10}, {20, 30}},
	                                .port_count = 1,
	                                .vlan_count = 2,
	                                .sides = 1,
	                                .drop = 1};
	struct wire_global g;
	uint32_t zero = 0;

	set_rule(0, 0, &tagged);
	passes(&quic);
	tagged.vlans[1] = (struct wire_range){0, 0};
	set_rule(0, 0, &tagged);
	assert_int_equal(dropped(&quic), 1);
	assert_int_equal(bpf_map_lookup_elem(rig.program.map.global, &zero, &g), 0);
	g.bank = 1;
	put(rig.program.map.global, &zero, &g);
	passes(&quic);
}

static void a_segment_without_such_policy_is_not_looked_at(void **state)
{
	rig_segment_flags(&rig, 0, 0);
	passes(&quic);
}

static void tunnels_are_looked_into(void **state)
{
	static const uint8_t gre[4] = {0, 0, 8, 0};
	const struct frame_plan in_gre = {
	        .proto = UDP, .outer_proto = 47, .tunnel = gre, .tunnel_len = 4, .payload = "x"};
	const struct frame_plan in_ipip = {.proto = UDP, .outer_proto = 4, .payload = "x"};

	assert_int_equal(dropped(&in_gre), 1);
	assert_int_equal(dropped(&in_ipip), 1);
}

static void the_first_fragment_has_the_port_and_later_ones_have_none(void **state)
{
	const struct frame_plan first = {.proto = UDP, .fragment = 0x2000, .payload = "12345678"};
	const struct frame_plan later = {.proto = UDP, .fragment = 0x0002, .payload = "12345678"};

	assert_int_equal(dropped(&first), 1);
	passes(&later);
}

static void bypass_rules_come_before_it(void **state)
{
	const struct wire_bypass b = {.segments = 1,
	                              .src = {0, 0, 0, htonl(0x0a010001)},
	                              .src_mask = {0, 0, 0, 0xffffffff},
	                              .sport = {0, 65535},
	                              .dport = {0, 65535},
	                              .vlan = {0, WIRE_VLAN_ANY},
	                              .tunnel = 0xff};
	struct wire_global g;
	uint32_t zero = 0;

	put(rig.program.map.bypass, &zero, &b);
	assert_int_equal(bpf_map_lookup_elem(rig.program.map.global, &zero, &g), 0);
	g.bypass_count = 1;
	put(rig.program.map.global, &zero, &g);
	assert_int_equal(rig_counted(&rig, WIRE_COUNT_BYPASS_RULE, &quic, RIG_PASS), 1);
}

static void while_new_tcp_is_let_by_so_is_quic(void **state)
{
	static const enum wire_switch off[] = {WIRE_SWITCH_FALLBACK, WIRE_SWITCH_STOP};

	for (size_t i = 0; i < 2; i++) {
		rig_switch(&rig, off[i], 1);
		passes(&quic);
		rig_switch(&rig, off[i], 0);
	}
	rig.heartbeats[WIRE_SLOT_WIRE] = clock_now_ns() - 3 * CLOCK_NS_PER_S;
	passes(&quic);
	/* Where new TCP is blocked then, QUIC would be the way round. */
	rig_segment_flags(&rig, WIRE_SEG_QUIC | WIRE_SEG_FAILURE_BLOCK, 0);
	assert_int_equal(dropped(&quic), 1);
	rig_switch(&rig, WIRE_SWITCH_FALLBACK, 1);
	passes(&quic);
}

static void addresses_that_panic_excepts_pass(void **state)
{
	static const struct wire_exception_key keys[] = {
	        {.addr = {0, 0, 0, 0}, .server = 0},
	        {.addr = {0, 0, 0, 0}, .server = 1},
	};
	static const uint32_t addr[] = {0x0a010001, 0x0a020002};

	for (size_t i = 0; i < 2; i++) {
		struct wire_exception_key key = keys[i];
		uint64_t until = clock_now_ns() + 60 * CLOCK_NS_PER_S;

		key.addr[2] = htonl(0xffff);
		key.addr[3] = htonl(addr[i]);
		put(rig.program.map.exceptions, &key, &until);
		passes(&quic);
		until = clock_now_ns() - 1;
		put(rig.program.map.exceptions, &key, &until);
		assert_int_equal(dropped(&quic), 1);
	}
}

static void a_datagram_that_was_put_back_is_judged_alike(void **state)
{
	struct frame_built f;

	frame_build(&f, &quic);
	rig.mark = wire_mark(0, 0);
	assert_int_equal(rig_run_raw(&rig, PROGRAM_INJECT, rig.port[0], f.data, f.len), RIG_DROP);
	rig.mark = 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
	        T(udp_to_a_detection_port_is_dropped_from_the_clients_side_only),
	        T(a_source_port_of_gtp_hides_nothing),
	        T(the_first_rule_that_names_both_addresses_says_it),
	        T(only_the_rules_vlans_and_bank_count),
	        T(a_segment_without_such_policy_is_not_looked_at),
	        T(tunnels_are_looked_into),
	        T(the_first_fragment_has_the_port_and_later_ones_have_none),
	        T(bypass_rules_come_before_it),
	        T(while_new_tcp_is_let_by_so_is_quic),
	        T(addresses_that_panic_excepts_pass),
	        T(a_datagram_that_was_put_back_is_judged_alike),
	};
	int failed;

	rig_open(&rig);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
