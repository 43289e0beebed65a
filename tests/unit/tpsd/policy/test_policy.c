/* SPDX-License-Identifier: Apache-2.0 */
/* Which policy a flow gets: order of virtual segments, R165's precision, exceptions, the answer. */
#include "tpsd/policy/policy.h"

#include "lib/base/buf.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "tests/unit/unit.h"

static const char document[] =
        "version: 1\n"
        "device: {name: lab}\n"
        "segments: [{name: wan, port_a: eth1, port_b: eth2}]\n"
        "certificates: [{name: c, certificate: /c.pem, private_key: /c.key}]\n"
        "ssl_server_proxies:\n"
        "  - {name: net, destinations: [10.0.0.0/24], detection_ports: [\"443\"], certificates: "
        "[c],"
        " default_certificate: c}\n"
        "  - {name: wide, destinations: [10.0.0.5/32], detection_ports: [\"1-1000\"],"
        " certificates: [c], default_certificate: c}\n"
        "  - {name: narrow, destinations: [10.0.0.5/32], detection_ports: [\"440-450\"],"
        " certificates: [c], default_certificate: c}\n"
        "  - {name: off, destinations: [10.0.9.0/24], detection_ports: [\"443\"], certificates: "
        "[c],"
        " default_certificate: c}\n"
        "profiles:\n"
        "  - name: first\n"
        "    ssl_server_policies:\n"
        "      - {name: p-net, proxy: net, source_exceptions: [192.0.2.128/25]}\n"
        "      - {name: p-wide, proxy: wide}\n"
        "      - {name: p-narrow, proxy: narrow}\n"
        "      - {name: p-off, proxy: off, state: \"off\"}\n"
        "  - {name: empty}\n"
        "virtual_segments:\n"
        "  - {name: vlan, segment: wan, direction: a_to_b, vlans: [\"7\"], profile: empty}\n"
        "  - {name: inbound, segment: wan, direction: a_to_b, profile: first}\n"
        "  - {name: outbound, segment: wan, direction: b_to_a, profile: empty}\n"
        "ssl_inspection: {server: true}\n";

static struct config *config;

static int load(void **state)
{
	struct conf_document *doc;
	struct conf_errors errs;
	struct buf text;
	int rc;

	conf_errors_init(&errs);
	buf_init(&text, 65536);
	rc = conf_load_yaml("t", document, sizeof(document) - 1, &errs, &doc);
	if (rc == 0)
		rc = config_build(conf_document_root(doc), &errs, &config);
	if (rc != 0 && conf_errors_print(&errs, &text) == 0)
		print_error("%s", buf_text(&text));
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	buf_fini(&text);
	return rc;
}

static int unload(void **state)
{
	config_put(config);
	return 0;
}

static struct policy_match match(const char *client, const char *server, uint16_t port,
                                 uint16_t vlan, uint8_t side)
{
	struct ipc_hello hello = {
	        .server_port = port, .client_port = 5000, .vlan = vlan, .client_side = side};
	struct policy_match m;

	assert_int_equal(addr_parse(client, &hello.client), 0);
	assert_int_equal(addr_parse(server, &hello.server), 0);
	policy_match(config, &hello, &m);
	return m;
}

static void the_longest_prefix_then_the_narrowest_ports_win(void **state)
{
	assert_string_equal(match("192.0.2.1", "10.0.0.4", 443, 0, 0).request.policy->name,
	                    "p-net");
	assert_string_equal(match("192.0.2.1", "10.0.0.5", 443, 0, 0).request.policy->name,
	                    "p-narrow");
	assert_string_equal(match("192.0.2.1", "10.0.0.5", 80, 0, 0).request.policy->name,
	                    "p-wide");
	assert_null(match("192.0.2.1", "10.0.0.4", 80, 0, 0).request.policy);
	assert_null(match("192.0.2.1", "10.0.9.4", 443, 0, 0).request.policy);
}

static void the_first_virtual_segment_decides_and_the_answer_has_its_own(void **state)
{
	struct policy_match m = match("192.0.2.1", "10.0.0.4", 443, 0, 0);

	assert_string_equal(m.request.segment->name, "inbound");
	assert_string_equal(m.response->name, "outbound");
	assert_null(match("192.0.2.1", "10.0.0.4", 443, 7, 0).request.policy);
	/* A client at port B: its request travels in the other direction. */
	assert_null(match("192.0.2.1", "10.0.0.4", 443, 0, 1).request.policy);
}

static void sources_are_excepted_by_the_policy_that_matched(void **state)
{
	assert_int_equal(match("192.0.2.200", "10.0.0.4", 443, 0, 0).source,
	                 POLICY_SOURCE_EXCEPTED);
	assert_int_equal(match("192.0.2.100", "10.0.0.4", 443, 0, 0).source, POLICY_SOURCE_ANY);
	assert_int_equal(match("192.0.2.200", "10.0.0.5", 443, 0, 0).source, POLICY_SOURCE_ANY);
}

static void an_unknown_segment_or_no_configuration_matches_nothing(void **state)
{
	struct ipc_hello hello = {.segment = 63};
	struct policy_match m;

	policy_match(config, &hello, &m);
	assert_null(m.request.policy);
	policy_match(NULL, &hello, &m);
	assert_null(m.request.policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_longest_prefix_then_the_narrowest_ports_win),
	        cmocka_unit_test(the_first_virtual_segment_decides_and_the_answer_has_its_own),
	        cmocka_unit_test(sources_are_excepted_by_the_policy_that_matched),
	        cmocka_unit_test(an_unknown_segment_or_no_configuration_matches_nothing),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
