/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `quic: drop` comes to in the tables, by asking them as the eBPF side does, beside what the
 * configuration says of the same packet.
 */
#include "tests/unit/tpsd/flow/document.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "tpsd/flow/compile.h"

#define HEAD                                                                                       \
	"version: 1\n"                                                                             \
	"segments: [{name: s, port_a: p1, port_b: p2}, {name: t, port_a: p3, port_b: p4}]\n"       \
	"certificates: [{name: c, certificate: /c.pem, private_key: /c.key},\n"                    \
	"               {name: ca, certificate: /a.pem, private_key: /a.key}]\n"                   \
	"ssl_client_proxies:\n"                                                                    \
	"  - {name: out, signing_certificate: ca, detection_ports: [443, 8443], quic: drop}\n"     \
	"  - {name: other, signing_certificate: ca, detection_ports: [9443], quic: forward}\n"

static bool ranges_have(const struct wire_range *list, uint32_t count, uint16_t v)
{
	for (uint32_t i = 0; i < count; i++)
		if (v >= list[i].first && v <= list[i].last)
			return true;
	return false;
}

/* The longest prefix. */
static uint64_t net_of(const struct compiled_quic *q, uint32_t segment, enum wire_quic_end end,
                       const struct addr *a)
{
	const struct quic_net *best = NULL;

	for (size_t i = 0; i < q->nets_count; i++) {
		const struct quic_net *n = &q->nets[i];
		struct addr_prefix p = {.addr = {.family = ADDR_V4},
		                        .prefix_len = (uint8_t)(n->key.prefix_len - 32)};

		memcpy(p.addr.bytes, n->key.addr, sizeof(p.addr.bytes));
		if (n->key.segment == segment && n->key.end == end && addr_prefix_contains(&p, a) &&
		    (!best || n->key.prefix_len > best->key.prefix_len))
			best = n;
	}
	return best ? best->rules : 0;
}

static bool tables_drop(const struct compiled_quic *q, const struct config_packet *p)
{
	uint32_t segment = p->segment->index;
	unsigned side = p->direction == CONFIG_DIRECTION_A_TO_B ? WIRE_SIDE_A : WIRE_SIDE_B;
	uint64_t rules = 0;

	for (unsigned i = 0; i < q->counts[segment]; i++) {
		const struct wire_quic_rule *r = &q->rules[segment * WIRE_QUIC_RULES + i];

		if (r->sides >> side & 1 &&
		    ranges_have(r->ports, r->port_count, p->destination_port) &&
		    (!r->vlan_count || ranges_have(r->vlans, r->vlan_count, p->vlan)))
			rules |= 1ULL << i;
	}
	rules &= net_of(q, segment, WIRE_QUIC_SOURCE, &p->source) &
	         net_of(q, segment, WIRE_QUIC_DESTINATION, &p->destination);
	return rules && q->rules[segment * WIRE_QUIC_RULES + (unsigned)__builtin_ctzll(rules)].drop;
}

static bool policy_drops(const struct config *config, const struct config_packet *p)
{
	struct config_match m;

	config_match(config, p, &m);
	return m.client && m.client->common.state == CONFIG_STATE_ON &&
	       m.client->proxy->quic == CONFIG_DROP &&
	       !(m.client->never_decrypt_sources.count &&
	         config_prefixes_match(&m.client->never_decrypt_sources, &p->source));
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Compares the two for packets of all kinds; how many are dropped. */
static unsigned compare(const char *text)
{
	static const char *const addresses[] = {"10.1.0.1", "10.1.0.9",    "10.1.2.3",
	                                        "10.2.0.2", "192.168.7.7", "172.16.0.1"};
	static const uint16_t ports[] = {53, 443, 8443, 8444, 9443}, vlans[] = {0, 10, 11, 300};
	struct config *config = document_build(text);
	struct compiled c;
	unsigned dropped = 0;

	assert_int_equal(compile_config(config, &c), 0);
	for (unsigned n = 0; n < 2 * 2 * 6 * 6 * 5 * 4; n++) {
		struct config_packet p = {
		        .segment = &config->segments[n % 2],
		        .direction = n / 2 % 2 ? CONFIG_DIRECTION_B_TO_A : CONFIG_DIRECTION_A_TO_B,
		        .source = address(addresses[n / 4 % 6]),
		        .destination = address(addresses[n / 24 % 6]),
		        .destination_port = ports[n / 144 % 5],
		        .vlan = vlans[n / 720 % 4],
		        .protocol = CONFIG_PROTOCOL_UDP,
		};

		if (tables_drop(&c.quic, &p) != policy_drops(config, &p))
			fail_msg("%s to %s port %u, VLAN %u, segment %u, direction %u: %d",
			         addresses[n / 4 % 6], addresses[n / 24 % 6], p.destination_port,
			         p.vlan, n % 2, p.direction, tables_drop(&c.quic, &p));
		dropped += tables_drop(&c.quic, &p);
	}
	compile_free(&c);
	config_put(config);
	return dropped;
}

static void udp_to_the_detection_ports_is_dropped_the_way_clients_send(void **state)
{
	assert_int_equal(
	        compare(HEAD
	                "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: out},\n"
	                "           {name: b, proxy: other}]}]\n"
	                "virtual_segments: [{name: v, segment: t, direction: a_to_b, profile: p}]\n"
	                "ssl_inspection: {client: true}\n"),
	        6 * 6 * 2 * 4);
}

static void sources_that_are_never_decrypted_pass(void **state)
{
	assert_int_equal(
	        compare(HEAD
	                "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: out,\n"
	                "            never_decrypt_sources: [10.1.0.0/24, \"2001:db8::/32\"],\n"
	                "            always_decrypt_sources: [10.1.0.1]}]}]\n"
	                "virtual_segments: [{name: v, segment: s, profile: p}]\n"
	                "ssl_inspection: {client: true}\n"),
	        2 * 4 * 6 * 2 * 4);
}

/* The first that matches says it, also when it lets by (R166). */
static void virtual_segments_are_asked_in_their_order(void **state)
{
	assert_int_not_equal(
	        compare(HEAD "profiles:\n"
	                     "  - {name: p, ssl_client_policies: [{name: a, proxy: out,\n"
	                     "     never_decrypt_sources: [10.1.2.0/24]}]}\n"
	                     "  - {name: none}\n"
	                     "virtual_segments:\n"
	                     "  - {name: v1, segment: s, sources: [10.1.0.0/28, 172.16.0.0/12],\n"
	                     "     destinations: [10.2.0.0/16], profile: none}\n"
	                     "  - {name: v2, segment: s, vlans: [10, 300-400], direction: b_to_a,\n"
	                     "     destinations: [10.0.0.0/8, 10.1.0.0/16], profile: p}\n"
	                     "  - {name: v3, segment: t, vlans: [untagged], profile: none}\n"
	                     "  - {name: v4, segment: t, sources: [10.1.0.0/16, 192.168.0.0/16],\n"
	                     "     profile: p}\n"
	                     "  - {name: v5, segment: s, sources: [\"::/0\"], profile: p}\n"
	                     "ssl_inspection: {client: true}\n"),
	        0);
}

/* R32. */
static void what_a_server_policy_names_passes(void **state)
{
	static const char document[] = HEAD
	        "ssl_server_proxies:\n"
	        "  - {name: one, destinations: [10.1.0.1/32], detection_ports: [443],\n"
	        "     certificates: [c]}\n"
	        "  - {name: two, destinations: [10.1.0.8/30], detection_ports: [443],\n"
	        "     certificates: [c]}\n"
	        "  - {name: three, destinations: [10.2.0.2/32], detection_ports: [8000-9000],\n"
	        "     certificates: [c]}\n"
	        "  - {name: off, destinations: [192.168.0.0/16], detection_ports: [443],\n"
	        "     certificates: [c]}\n"
	        "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: out}],\n"
	        "           ssl_server_policies: [{name: b, proxy: one}, {name: c, proxy: "
	        "two},\n"
	        "             {name: d, proxy: three, state: observe},\n"
	        "             {name: e, proxy: off, state: \"off\"}]}]\n"
	        "virtual_segments: [{name: v, segment: s, direction: a_to_b, profile: p}]\n"
	        "ssl_inspection: {client: true, server: ";
	char text[sizeof(document) + 16];

	(void)snprintf(text, sizeof(text), "%strue}\n", document);
	assert_int_equal(compare(text), (6 * 6 * 2 - 6 * 3) * 4);
	(void)snprintf(text, sizeof(text), "%sfalse}\n", document);
	assert_int_equal(compare(text), 6 * 6 * 2 * 4);
}

static void a_policy_that_observes_or_is_off_drops_nothing(void **state)
{
	static const char *const states[] = {"observe", "\"off\""};
	char text[2048];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
		               HEAD "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: "
		                    "out, state: %s}]}]\n"
		                    "virtual_segments: [{name: v, segment: s, profile: p}]\n"
		                    "ssl_inspection: {client: true}\n",
		               states[i]);
		assert_int_equal(compare(text), 0);
	}
	assert_int_equal(compare(HEAD "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: "
	                              "out}]}]\n"
	                              "virtual_segments: [{name: v, segment: s, profile: p}]\n"
	                              "ssl_inspection: {client: false}\n"),
	                 0);
}

/* Interests join ranges that do not fit; here that would drop what nobody named. */
static void more_ranges_than_a_rule_holds_are_more_rules(void **state)
{
	assert_int_equal(
	        compare("version: 1\n"
	                "segments: [{name: s, port_a: p1, port_b: p2}, {name: t, port_a: p3, "
	                "port_b: p4}]\n"
	                "certificates: [{name: ca, certificate: /a.pem, private_key: /a.key}]\n"
	                "ssl_client_proxies:\n"
	                "  - {name: out, signing_certificate: ca, quic: drop, detection_ports:\n"
	                "     [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 442-443, 9443-9500]}\n"
	                "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: out}]}]\n"
	                "virtual_segments: [{name: v, segment: s, profile: p, direction: a_to_b,\n"
	                "  vlans: [1, 3, 5, 7, 9, 13, 15, 17, 19, 299-301, untagged]}]\n"
	                "ssl_inspection: {client: true}\n"),
	        6 * 6 * 2 * 2);
}

static void more_rules_than_a_segment_has_room_for_are_refused(void **state)
{
	struct buf text;
	struct config *config;
	struct compiled c;

	buf_init(&text, 65536);
	assert_int_equal(buf_printf(&text,
	                            HEAD "profiles: [{name: p, ssl_client_policies: [{name: a, "
	                                 "proxy: out}]}]\nssl_inspection: {client: true}\n"
	                                 "virtual_segments:\n"),
	                 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(buf_printf(&text,
		                            "  - {name: v%u, segment: s, sources: [10.0.%u.0/24], "
		                            "profile: p}\n",
		                            i, i),
		                 0);
	config = document_build(buf_text(&text));
	assert_int_equal(compile_config(config, &c), SL_ELIMIT);
	config_put(config);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(udp_to_the_detection_ports_is_dropped_the_way_clients_send),
	        cmocka_unit_test(sources_that_are_never_decrypted_pass),
	        cmocka_unit_test(virtual_segments_are_asked_in_their_order),
	        cmocka_unit_test(what_a_server_policy_names_passes),
	        cmocka_unit_test(a_policy_that_observes_or_is_off_drops_nothing),
	        cmocka_unit_test(more_ranges_than_a_rule_holds_are_more_rules),
	        cmocka_unit_test(more_rules_than_a_segment_has_room_for_are_refused),
	};

	return RUN_TESTS(tests);
}
