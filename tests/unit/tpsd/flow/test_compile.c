/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration to interests and bypass rules. */
#include "tests/unit/tpsd/flow/document.h"
#include "tests/unit/unit.h"

#include "lib/conf/config.h"
#include "tpsd/flow/compile.h"

#define HEAD                                                                                       \
	"version: 1\n"                                                                             \
	"segments: [{name: s, port_a: p1, port_b: p2}, {name: t, port_a: p3, port_b: p4}]\n"       \
	"certificates: [{name: c, certificate: /c.pem, private_key: /c.key},\n"                    \
	"               {name: ca, certificate: /a.pem, private_key: /a.key}]\n"

static const struct wire_interest *find(const struct compiled *c, unsigned segment, int side,
                                        unsigned bits, uint8_t last)
{
	for (size_t i = 0; i < c->interests_count; i++) {
		const struct wire_interest_key *k = &c->interests[i].key;

		if (k->segment == segment && k->side == side && k->prefix_len == 32 + 96 + bits &&
		    ((const uint8_t *)k->addr)[bits / 8 + 11] == last)
			return &c->interests[i].value;
	}
	return NULL;
}

static void a_narrow_prefix_takes_in_the_wide_ones(void **state)
{
	struct config *config = document_build(
	        HEAD "ssl_server_proxies:\n"
	             "  - {name: wide, destinations: [10.0.0.0/8], detection_ports: [\"993\"],\n"
	             "     decrypted_service: imap, certificates: [c], default_certificate: c}\n"
	             "  - {name: host, destinations: [10.1.2.3/32], detection_ports: [\"443\"],\n"
	             "     decrypted_service: http, certificates: [c], default_certificate: c}\n"
	             "profiles: [{name: p, ssl_server_policies: [{name: a, proxy: wide},\n"
	             "           {name: b, proxy: host}]}]\n"
	             "virtual_segments: [{name: v, segment: t, direction: a_to_b, profile: p}]\n"
	             "ssl_inspection: {server: true}\n");
	const struct wire_interest *host, *wide;
	struct compiled c;

	assert_int_equal(compile_config(config, &c), 0);
	host = find(&c, 1, WIRE_SIDE_A, 32, 3);
	wide = find(&c, 1, WIRE_SIDE_A, 8, 10);
	assert_non_null(host);
	assert_non_null(wide);
	assert_null(find(&c, 1, WIRE_SIDE_B, 32, 3));
	assert_null(find(&c, 0, WIRE_SIDE_A, 32, 3));
	assert_int_equal(wide->port_count, 1);
	assert_int_equal(host->port_count, 2);
	assert_int_equal(host->ports[0].first, 443);
	assert_int_equal(host->ports[1].first, 993);
	assert_int_equal(host->flags, WIRE_INTEREST_AUTH_BLOCK);
	compile_free(&c);
	config_put(config);
}

static void a_client_policy_watches_its_ports_to_anywhere(void **state)
{
	struct config *config = document_build(
	        HEAD "ssl_client_proxies: [{name: out, signing_certificate: ca, detection_ports: "
	             "[443]}]\n"
	             "ssl_server_proxies:\n"
	             "  - {name: host, destinations: [10.1.2.3/32], detection_ports: [993],\n"
	             "     certificates: [c]}\n"
	             "profiles: [{name: p, ssl_client_policies: [{name: a, proxy: out}],\n"
	             "           ssl_server_policies: [{name: b, proxy: host}]}]\n"
	             "virtual_segments: [{name: v, segment: t, direction: a_to_b, profile: p}]\n"
	             "ssl_inspection: {server: true, client: true}\n");
	const struct wire_interest *anywhere, *host;
	struct compiled c;

	assert_int_equal(compile_config(config, &c), 0);
	assert_int_equal(c.interests_count, 2);
	anywhere = find(&c, 1, WIRE_SIDE_A, 0, 0xff);
	assert_non_null(anywhere);
	assert_int_equal(anywhere->port_count, 1);
	assert_int_equal(anywhere->ports[0].first, 443);
	host = find(&c, 1, WIRE_SIDE_A, 32, 3);
	assert_non_null(host);
	assert_int_equal(host->port_count, 2);
	compile_free(&c);
	config_put(config);
}

static void without_server_inspection_nothing_is_watched(void **state)
{
	struct config *config = document_build(
	        HEAD "ssl_server_proxies:\n"
	             "  - {name: host, destinations: [10.1.2.3/32], detection_ports: [\"443\"],\n"
	             "     decrypted_service: http, certificates: [c], default_certificate: c}\n"
	             "profiles: [{name: p, ssl_server_policies: [{name: b, proxy: host}]}]\n"
	             "virtual_segments: [{name: v, segment: t, direction: both, profile: p}]\n"
	             "ssl_inspection: {server: false}\n");
	struct compiled c;

	assert_int_equal(compile_config(config, &c), 0);
	assert_int_equal(c.interests_count, 0);
	compile_free(&c);
	config_put(config);
}

static void bypass_rules_become_one_for_each_combination(void **state)
{
	struct config *config = document_build(
	        HEAD
	        "inspection_bypass_rules:\n"
	        "  - {name: r, segments: [t], sources: [10.0.0.0/8, 192.168.0.0/16],\n"
	        "     destination_ports: [\"80\", \"443-444\"], protocol: tcp, tunnel: gre}\n");
	struct compiled c;

	assert_int_equal(compile_config(config, &c), 0);
	assert_int_equal(c.bypass_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(c.bypass[i].segments, 2);
		assert_int_equal(c.bypass[i].proto, 6);
		assert_int_equal(c.bypass[i].tunnel, 1 << WIRE_TUNNEL_GRE);
		assert_int_equal(c.bypass[i].dst_mask[3], 0);
		assert_int_equal(c.bypass[i].vlan.last, WIRE_VLAN_ANY);
	}
	compile_free(&c);
	config_put(config);
}

static void ranges_are_joined_where_they_touch_or_do_not_fit(void **state)
{
	struct wire_range list[WIRE_RANGES_MAX];
	uint32_t count = 0;

	for (uint16_t i = 0; i < WIRE_RANGES_MAX; i++)
		compile_add_range(list, &count,
		                  (struct wire_range){(uint16_t)(1000 * (i + 1)),
		                                      (uint16_t)(1000 * (i + 1) + 9)});
	assert_int_equal(count, WIRE_RANGES_MAX);
	compile_add_range(list, &count, (struct wire_range){1005, 1020});
	assert_int_equal(count, WIRE_RANGES_MAX);
	assert_int_equal(list[0].last, 1020);
	/* The ninth: nearest neighbours become one, and nothing is lost. */
	compile_add_range(list, &count, (struct wire_range){1030, 1040});
	assert_int_equal(count, WIRE_RANGES_MAX);
	assert_int_equal(list[0].first, 1000);
	assert_int_equal(list[0].last, 1040);
	compile_add_range(list, &count, (struct wire_range){0, 65535});
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_narrow_prefix_takes_in_the_wide_ones),
	        cmocka_unit_test(a_client_policy_watches_its_ports_to_anywhere),
	        cmocka_unit_test(without_server_inspection_nothing_is_watched),
	        cmocka_unit_test(bypass_rules_become_one_for_each_combination),
	        cmocka_unit_test(ranges_are_joined_where_they_touch_or_do_not_fit),
	};

	return RUN_TESTS(tests);
}
