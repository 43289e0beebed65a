/* SPDX-License-Identifier: Apache-2.0 */
/* What must fit together: one document for each rule, and what it must be told. */
#include "lib/base/err.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

#define PROXY_WITH(rest)                                                                           \
	"ssl_server_proxies: [{name: p, destinations: [10.0.0.1], detection_ports: [443], "        \
	"certificates: [shop], " rest "}]\n"

#define CLIENT_PROXY_WITH(more)                                                                    \
	"ssl_client_proxies: [{name: out, signing_certificate: shop, detection_ports: "            \
	"[443], " more "}]\n"

#define KEY_ID_63 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static const struct {
	const char *document;
	const char *pointer;
	const char *part;
} refused[] = {
        {"version: 2\n", "/version", "is of version 2"},
        {"version: 1\ndevice: {asymmetric_network: true}\n", "/device/asymmetric_network",
         "other half"},
        {"version: 1\ndevice: {web_mode: true}\n", "/device/web_mode", "SSL inspection"},
        {"version: 1\ndevice: {vlan_translation: true}\n", "/device/vlan_translation", "tag"},
        {"version: 1\nsegments: [{name: a, port_a: e1, port_b: e1}]\n", "/segments/0/port_b",
         "is a port already"},
        {"version: 1\nsegments: [{name: a, port_a: e1, port_b: e2},\n {name: b, port_a: e2, "
         "port_b: e3}]\n",
         "/segments/1/port_a", "is a port already"},
        {"version: 1\nsegments: [{name: a, port_a: e1, port_b: e2}, {name: a, port_a: e3, port_b: "
         "e4}]\n",
         "/segments/1/name", "taken"},
        {"version: 1\ninspection_bypass_rules: [{name: r, destination_ports: [53]}]\n",
         "/inspection_bypass_rules/0", "needs a protocol"},
        {"version: 1\nca_certificates: [{name: ca, certificate: /x}]\n", "/ca_certificates/0/name",
         "reserved"},
        {"version: 1\nca_certificates: [{name: a.b, certificate: /x}]\n", "/ca_certificates/0/name",
         "not a name"},
        {"version: 1\ncertificates: [{name: c, certificate: /x, private_key: /y, format: "
         "pkcs12}]\n",
         "/certificates/0/private_key", "in that file"},
        {"version: 1\ncertificates: [{name: c, certificate: /x, key_id: aa" KEY_ID_63 "}]\n",
         "/certificates/0/key_id", "key_id"},
        {"version: 1\ncertificates: [{name: c, certificate: /x, key_id: A" KEY_ID_63 "}]\n",
         "/certificates/0/key_id", "not the SHA-256"},
        {"version: 1\ncertificates: [{name: c, certificate: /x, key_id: a" KEY_ID_63
         ", private_key: /y}]\n",
         "/certificates/0/key_id", "in no file"},
        {"version: 1\ncertificates: [{name: c, certificate: /x, key_id: a" KEY_ID_63
         ", password_file: /y}]\n",
         "/certificates/0/password_file", "has no password"},
        {"version: 1\ncertificates: [{name: c, certificate: /x, key_id: a" KEY_ID_63
         ", format: pkcs12}]\n",
         "/certificates/0/key_id", "in that file"},
        {"version: 1\ntrust_stores: [{name: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]\n",
         "/trust_stores/0/name", "not a name"},
        {"version: 1\ntrust_stores: [{name: t, include_default_ca_certificates: false}]\n",
         "/trust_stores/0", "trusts nobody"},
        {"version: 1\n" CERTIFICATE PROXY_WITH("client_side: {protocols: [TLSv1.0, TLSv1.2]}"),
         "/ssl_server_proxies/0/client_side/protocols", "are missing"},
        {"version: 1\n" CERTIFICATE PROXY_WITH(
                 "server_side: {protocols: [SSLv3, TLSv1.0, TLSv1.1, TLSv1.2]}"),
         "/ssl_server_proxies/0/server_side/protocols", "every TLS version"},
        {"version: 1\n" CERTIFICATE PROXY_WITH("server_side: {deselected_suites: [TLS_FOO]}"),
         "/ssl_server_proxies/0/server_side/deselected_suites", "no cipher suite"},
        {"version: 1\n" CERTIFICATE PROXY_WITH("client_side: {protocols: [TLSv1.3], mac: [sha1]}"),
         "/ssl_server_proxies/0/client_side", "leave no cipher suite"},
        {"version: 1\n" CERTIFICATE PROXY_WITH("client_side: {bulk: []}"),
         "/ssl_server_proxies/0/client_side/bulk", "empty"},
        {"version: 1\n" CERTIFICATE PROXY_WITH("on_failure_class: {unsupported_version: allow}"),
         "/ssl_server_proxies/0/on_failure_class/unsupported_version", "does not take"},
        {"version: 1\ncertificates: [{name: shop, certificate: /x}, {name: blog, certificate: "
         "/y}]\n" PROXY_WITH("default_certificate: blog"),
         "/ssl_server_proxies/0/default_certificate", "not one of the proxy's"},
        {"version: 1\n" CERTIFICATE
         "ssl_server_proxies: [{name: p, destinations: [\"2001:db8::1\"], detection_ports: [443], "
         "certificates: [shop]}]\n",
         "/ssl_server_proxies/0/destinations", "IPv6"},
        {"version: 1\n" CERTIFICATE "ssl_server_proxies:\n"
         "- {name: a, destinations: [10.0.0.0/8, 10.0.0.1], detection_ports: [443], certificates: "
         "[shop]}\n"
         "- {name: b, destinations: [10.0.0.1], detection_ports: [80, 443], certificates: "
         "[shop]}\n",
         "/ssl_server_proxies/1/destinations", "in the proxy \"a\" already"},
        {"version: 1\n" CERTIFICATE PROXY
         "profiles: [{name: a, ssl_server_policies: [{name: q, proxy: p}]}, "
         "{name: b, ssl_server_policies: [{name: q, proxy: p}]}]\n",
         "/profiles/1/ssl_server_policies/0/name", "named \"q\" already"},
        {"version: 1\n" CERTIFICATE PROXY
         "profiles: [{name: a, ssl_server_policies: [{name: q, proxy: p}]}, "
         "{name: b, ssl_server_policies: [{name: q, proxy: p, inherited_from: c}]}]\n",
         "/profiles/1/ssl_server_policies/0/name", "named \"q\" already"},
        {"version: 1\n" CERTIFICATE PROXY
         "profiles: [{name: b, ssl_server_policies: [{name: q, proxy: p, inherited_from: a}, "
         "{name: q, proxy: p, inherited_from: a}]}]\n",
         "/profiles/0/ssl_server_policies/1/name", "named \"q\" already"},
        {"version: 1\nprofiles: [{name: a}, {name: b, parent: a}]\n", "/profiles/1/parent",
         "parent: a device knows no inheritance"},
        {"version: 1\nsegments: [{name: s, port_a: e1, port_b: e2}]\nprofiles: [{name: a}]\n"
         "virtual_segments: [{name: v, segment: s, profile: a, place: 1}]\n",
         "/virtual_segments/0/place", "in order"},
        {"version: 1\naction_sets: [{name: x, action: permit, tcp_reset: both}]\n",
         "/action_sets/0/tcp_reset", "cannot be reset"},
        {"version: 1\nlimits: {held_packets: 64, held_packets_per_flow: 65}\n",
         "/limits/held_packets_per_flow", "more than held_packets"},
        {"version: 1\nprofiles: [{name: a, variables: {\"$X\": y}}]\n", "/profiles/0/variables/$X",
         "not a name of a variable"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH("selections: {authentication: [ecdsa], "
                                                      "protocols: [TLSv1.2]}"),
         "/ssl_client_proxies/0/selections", "is for RSA certificates"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH(
                 "selections: {protocols: [TLSv1.0, TLSv1.2]}"),
         "/ssl_client_proxies/0/selections/protocols", "are missing"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH(
                 "successor: shop, successor_from: 2030-01-01"),
         "/ssl_client_proxies/0/successor", "the signing certificate itself"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH("successor_from: 2030-01-01"),
         "/ssl_client_proxies/0/successor_from", "no successor"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH("successor_from: tomorrow"),
         "/ssl_client_proxies/0/successor_from", "is not a time"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH("quic: block"), "/ssl_client_proxies/0/quic",
         "does not take"},
        {"version: 1\ndecryption_policies: [{name: x, domains: [a.test, \"*.b..test\"]}]\n",
         "/decryption_policies/0/domains/1", "is not a domain"},
        {"version: 1\ndecryption_policies: [{name: x, category_overrides: [\"a.*.test\"]}]\n",
         "/decryption_policies/0/category_overrides/0", "is not a domain"},
        {"version: 1\n" CERTIFICATE CLIENT_PROXY_WITH(
                 "logging: false") "profiles: [{name: a, ssl_client_policies: [{name: x, proxy: "
                                   "out}, {name: y, proxy: out}]}]\n",
         "/profiles/0/ssl_client_policies/1/proxy", "are those of the policy \"x\" too"},
        {"version: 1\n" CERTIFICATE PROXY CLIENT_PROXY_WITH("logging: false"),
         "/ssl_client_proxies/0/signing_certificate", "is a server's"},
        {"version: 1\n"
         "certificates: [{name: shop, certificate: /c.pem, private_key: /c.key}, "
         "{name: ca, certificate: /ca.pem, private_key: /ca.key}]\n" PROXY
         "ssl_client_proxies: [{name: out, signing_certificate: ca, detection_ports: [443]}]\n"
         "profiles: [{name: a, ssl_client_policies: [{name: q, proxy: out}], "
         "ssl_server_policies: [{name: q, proxy: p}]}]\n",
         "/profiles/0/ssl_client_policies/0/name", "named \"q\" already"},
        {"version: 1\nsms: {address: sms.example}\n", "/sms", "tps sms enrol"},
};

static void each_rule_refuses_the_document_that_breaks_it_once(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(refused); i++) {
		struct loaded l = load_yaml(refused[i].document);

		if (!error_at(&l, refused[i].pointer, refused[i].part) || l.errs.refusals != 1)
			fail_msg("%s: wanted one error \"%s\" at %s; got %zu, first %s: %s",
			         refused[i].document, refused[i].part, refused[i].pointer,
			         l.errs.refusals, l.errs.count ? l.errs.items[0].pointer : "",
			         l.errs.count ? l.errs.items[0].text : "");
		assert_null(l.config);
		unload(&l);
	}
}

static const char *const taken[] = {
        "version: 1\n" CERTIFICATE CLIENT_PROXY_WITH(
                "preset: seed_compatible") "decryption_policies: [{name: d, decide_by: "
                                           "certificate, domains: [\"*.bank.test\"]}]\n"
                                           "profiles: [{name: a, ssl_client_policies: [{name: x, "
                                           "proxy: out, decryption_policy: d}]}]\n",
        "version: 1\n",
        "version: 1\ncertificates: [{name: c, certificate: /x, key_id: a" KEY_ID_63 "}]\n",
        "version: 1\nsms: {}\nssl_client_proxies: []\nsegments:\n",
        "version: 1\ndevice: {web_mode: true}\nssl_inspection: {server: false}\n",
        "version: 1\n" CERTIFICATE PROXY
        "profiles: [{name: a, ssl_server_policies: [{name: q, proxy: p}]}, "
        "{name: b, ssl_server_policies: [{name: q, proxy: p, inherited_from: a}]}, "
        "{name: c, ssl_server_policies: [{name: q, proxy: p, state: \"off\", inherited_from: "
        "a}]}]\n",
        "version: 1\nssl_inspection: {client: false, persist_private_keys: false}\n",
        "version: 1\n" CERTIFICATE PROXY_WITH(
                "server_side: {protocols: [SSLv3, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3]}"),
        "version: 1\n" CERTIFICATE "ssl_server_proxies:\n"
        "- {name: a, destinations: [10.0.0.0/8], detection_ports: [443], certificates: [shop]}\n"
        "- {name: b, destinations: [10.0.0.0/9], detection_ports: [443], certificates: [shop]}\n"
        "- {name: c, destinations: [10.0.0.0/8], detection_ports: [\"400-500\"], certificates: "
        "[shop]}\n",
};

static void what_is_not_against_a_rule_is_taken(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(taken); i++) {
		struct loaded l = load_yaml(taken[i]);

		if (l.rc != 0)
			fail_msg("%s: %s: %s", taken[i], l.errs.items[0].pointer,
			         l.errs.items[0].text);
		unload(&l);
	}
}

static void what_a_client_could_bring_about_gets_a_notice_when_it_bypasses(void **state)
{
	struct loaded l = load_yaml("version: 1\n" SEGMENT CERTIFICATE PROXY_WITH(
	        "on_failure_class: {ech: bypass, client_certificate: bypass}") PROFILE);
	const struct conf_error *e =
	        error_at(&l, "/ssl_server_proxies/0/on_failure_class/ech", "client can bring");

	assert_int_equal(l.rc, 0);
	assert_non_null(e);
	assert_true(e->notice);
	assert_int_equal(l.errs.count, 1);
	unload(&l);
}

static void a_protocol_without_a_suite_gets_a_notice(void **state)
{
	struct loaded l = load_yaml("version: 1\n" SEGMENT CERTIFICATE PROXY_WITH(
	        "server_side: {protocols: [TLSv1.1, TLSv1.2, TLSv1.3]}") PROFILE);

	assert_int_equal(l.rc, 0);
	assert_int_equal(l.errs.count, 1);
	assert_non_null(error_at(&l, "/ssl_server_proxies/0/server_side/protocols",
	                         "no selected cipher suite is for TLSv1.1"));
	unload(&l);
}

static void a_proxy_and_a_profile_that_nothing_uses_get_a_notice(void **state)
{
	struct loaded l = load_yaml("version: 1\n" CERTIFICATE PROXY "profiles: [{name: a}]\n");

	assert_int_equal(l.rc, 0);
	assert_non_null(error_at(&l, "/ssl_server_proxies/0", "no policy uses"));
	assert_non_null(error_at(&l, "/profiles/0", "no virtual segment uses"));
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_rule_refuses_the_document_that_breaks_it_once),
	        cmocka_unit_test(what_is_not_against_a_rule_is_taken),
	        cmocka_unit_test(what_a_client_could_bring_about_gets_a_notice_when_it_bypasses),
	        cmocka_unit_test(a_protocol_without_a_suite_gets_a_notice),
	        cmocka_unit_test(a_proxy_and_a_profile_that_nothing_uses_get_a_notice),
	};

	return RUN_TESTS(tests);
}
