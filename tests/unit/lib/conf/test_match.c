/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/err.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

static struct config_packet packet(const struct config *c, const char *source,
                                   const char *destination, uint16_t port)
{
	struct config_packet p = {.segment = &c->segments[0],
	                          .direction = CONFIG_DIRECTION_A_TO_B,
	                          .tunnel = CONFIG_TUNNEL_NONE,
	                          .protocol = CONFIG_PROTOCOL_TCP,
	                          .source_port = 40000,
	                          .destination_port = port};

	assert_int_equal(addr_parse(source, &p.source), 0);
	assert_int_equal(addr_parse(destination, &p.destination), 0);
	return p;
}

static const char *virtual_segment_of(const struct config *c, struct config_packet p)
{
	const struct config_virtual_segment *v = config_match_virtual_segment(c, &p);

	return v ? v->name : "none";
}

static void the_first_virtual_segment_that_matches_counts(void **state)
{
	struct loaded l =
	        load_yaml("version: 1\n"
	                  "segments: [{name: wan, port_a: e1, port_b: e2}, {name: lan, port_a: e3, "
	                  "port_b: e4}]\n"
	                  "profiles: [{name: d}]\n"
	                  "virtual_segments:\n"
	                  "- {name: other, segment: lan, profile: d}\n"
	                  "- {name: back, segment: wan, direction: b_to_a, profile: d}\n"
	                  "- {name: vlan, segment: wan, vlans: [10-20], profile: d}\n"
	                  "- {name: dmz, segment: wan, destinations: [10.1.0.0/16], profile: d}\n"
	                  "- {name: guests, segment: wan, sources: [192.0.2.0/24], profile: d}\n"
	                  "- {name: plain, segment: wan, vlans: [untagged], profile: d}\n");
	const struct config *c = l.config;
	struct config_packet p;

	assert_int_equal(l.rc, 0);
	p = packet(c, "192.0.2.9", "10.1.2.3", 443);
	assert_string_equal(virtual_segment_of(c, p), "dmz");
	p.direction = CONFIG_DIRECTION_B_TO_A;
	assert_string_equal(virtual_segment_of(c, p), "back");
	p = packet(c, "192.0.2.9", "10.2.2.3", 443);
	assert_string_equal(virtual_segment_of(c, p), "guests");
	p = packet(c, "198.51.100.1", "10.2.2.3", 443);
	assert_string_equal(virtual_segment_of(c, p), "plain");
	p.vlan = 20;
	assert_string_equal(virtual_segment_of(c, p), "vlan");
	p.vlan = 21;
	assert_string_equal(virtual_segment_of(c, p), "none");
	p.segment = &c->segments[1];
	assert_string_equal(virtual_segment_of(c, p), "other");
	unload(&l);
}

static const char *policy_in(const struct config *c, size_t profile, const char *destination,
                             uint16_t port)
{
	struct config_packet p = packet(c, "192.0.2.1", destination, port);
	const struct config_server_policy *q =
	        config_match_server_policy(&c->profiles[profile], &p);

	return q ? q->common.name : "none";
}

static const char *policy_of(const struct config *c, const char *destination, uint16_t port)
{
	return policy_in(c, 0, destination, port);
}

#define SITE(name, to, ports)                                                                      \
	"- {name: " name ", destinations: [" to "], detection_ports: [" ports                      \
	"], certificates: [shop]}\n"

static void the_longest_prefix_then_the_narrowest_ports_win(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n" SEGMENT CERTIFICATE "ssl_server_proxies:\n" SITE(
	                "wide", "10.0.0.0/8", "443") SITE("host", "10.0.0.1", "400-500")
	                SITE("narrow", "10.0.0.1", "440-450") SITE("off", "10.0.0.1", "443") SITE(
	                        "watch", "10.9.9.9",
	                        "443") "profiles: [{name: d, ssl_server_policies: [{name: wide, "
	                               "proxy: wide}, "
	                               "{name: host, proxy: host}, {name: narrow, proxy: narrow}, "
	                               "{name: off, proxy: off, state: off}, {name: watch, proxy: "
	                               "watch, state: observe}]}]\n");
	const struct config *c = l.config;

	assert_int_equal(l.rc, 0);
	assert_string_equal(policy_of(c, "10.0.0.1", 443), "narrow");
	assert_string_equal(policy_of(c, "10.0.0.1", 499), "host");
	assert_string_equal(policy_of(c, "10.0.0.1", 501), "none");
	assert_string_equal(policy_of(c, "10.0.0.2", 443), "wide");
	assert_string_equal(policy_of(c, "10.9.9.9", 443), "watch");
	assert_string_equal(policy_of(c, "11.0.0.1", 443), "none");
	unload(&l);
}

static void the_order_of_policies_counts_only_between_equals(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n" SEGMENT CERTIFICATE
	        "ssl_server_proxies:\n" SITE("host", "10.0.0.1", "400-500")
	                SITE("wide", "10.0.0.0/8",
	                     "443") "profiles:\n"
	                            "- {name: a, ssl_server_policies: [{name: a1, proxy: host}, "
	                            "{name: a2, proxy: wide}]}\n"
	                            "- {name: b, ssl_server_policies: [{name: b1, proxy: wide}, "
	                            "{name: b2, proxy: host}, {name: b3, proxy: host}]}\n");
	const struct config *c = l.config;

	assert_int_equal(l.rc, 0);
	assert_string_equal(policy_in(c, 0, "10.0.0.1", 443), "a1");
	assert_string_equal(policy_in(c, 1, "10.0.0.1", 443), "b2");
	unload(&l);
}

static void source_exceptions_are_those_named_and_none_by_default(void **state)
{
	struct loaded l =
	        load_yaml("version: 1\n" SEGMENT CERTIFICATE PROXY
	                  "profiles: [{name: d, ssl_server_policies: [{name: a, proxy: p}, "
	                  "{name: b, proxy: p, source_exceptions: [10.9.0.0/16]}]}]\n");
	const struct config *c = l.config;
	const struct config_server_policy *q = c->profiles[0].server_policies;
	struct config_packet in = packet(c, "10.9.1.1", "10.0.0.1", 443);
	struct config_packet out = packet(c, "10.8.1.1", "10.0.0.1", 443);

	assert_false(config_source_excepted(&q[0], &in));
	assert_true(config_source_excepted(&q[1], &in));
	assert_false(config_source_excepted(&q[1], &out));
	unload(&l);
}

static bool bypassed(const struct config *c, struct config_packet p)
{
	return config_match_bypass_rule(c, &p) != NULL;
}

static void a_bypass_rule_matches_only_when_all_of_it_does(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n" SEGMENT
	        "inspection_bypass_rules: [{name: r, segments: [wan], vlans: [7], tunnel: gre, "
	        "sources: [192.0.2.0/24], destinations: [10.0.0.0/8], protocol: tcp, "
	        "source_ports: [40000], destination_ports: [443]}]\n");
	const struct config *c = l.config;
	struct config_packet good = packet(c, "192.0.2.1", "10.1.1.1", 443);
	struct config_packet p;

	good.vlan = 7;
	good.tunnel = CONFIG_TUNNEL_GRE;
	assert_true(bypassed(c, good));
	p = good, p.vlan = 8;
	assert_false(bypassed(c, p));
	p = good, p.tunnel = CONFIG_TUNNEL_GRE_KEY;
	assert_false(bypassed(c, p));
	p = good, p.protocol = CONFIG_PROTOCOL_UDP;
	assert_false(bypassed(c, p));
	p = good, p.source_port = 1;
	assert_false(bypassed(c, p));
	p = good, p.destination_port = 444;
	assert_false(bypassed(c, p));
	p = good, p.source = good.destination;
	assert_false(bypassed(c, p));
	p = good, p.destination = good.source;
	assert_false(bypassed(c, p));
	p = good, p.segment = NULL;
	assert_false(bypassed(c, p));
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_first_virtual_segment_that_matches_counts),
	        cmocka_unit_test(the_longest_prefix_then_the_narrowest_ports_win),
	        cmocka_unit_test(the_order_of_policies_counts_only_between_equals),
	        cmocka_unit_test(source_exceptions_are_those_named_and_none_by_default),
	        cmocka_unit_test(a_bypass_rule_matches_only_when_all_of_it_does),
	};

	return RUN_TESTS(tests);
}
