/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/err.h"
#include "lib/conf/schema.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

static void a_short_document_is_filled_up_with_defaults(void **state)
{
	struct loaded l = load_yaml(WHOLE);
	const struct config *c = l.config;

	assert_int_equal(l.rc, 0);
	assert_int_equal(l.errs.count, 0);
	assert_string_equal(c->device.name, "sluice");
	assert_int_equal(c->device.metrics.port, 9477);
	assert_int_equal(c->segments_count, 1);
	assert_string_equal(c->segments[0].port_b, "eth2");
	assert_int_equal(c->segments[0].on_failure, CONFIG_BYPASS);
	assert_int_equal(c->segments[0].midstream, CONFIG_DROP);
	assert_int_equal(c->segments[0].midstream_grace_ms, 30000);
	assert_int_equal(c->limits.sessions, 100000);
	assert_int_equal(c->limits.hold_buffer, 65536);
	assert_int_equal(c->ssl_inspection.hello_timeout_ms, 5000);
	assert_int_equal(c->ssl_inspection.incomplete_hello_wait_ms, 30);
	assert_true(c->ssl_inspection.server);
	assert_int_equal(c->logging.rotate_size, 100 * 1024 * 1024);
	assert_string_equal(c->logging.directory, "");
	assert_int_equal(c->server_proxies[0].common.no_handshake_timeout_ms, 30000);
	assert_true(c->server_proxies[0].common.downgrade_http2);
	unload(&l);
}

static void names_become_pointers_into_the_same_config(void **state)
{
	struct loaded l = load_yaml(WHOLE);
	const struct config *c = l.config;

	assert_int_equal(l.rc, 0);
	assert_ptr_equal(c->server_proxies[0].certificates[0], &c->certificates[0]);
	assert_ptr_equal(c->server_proxies[0].default_certificate, &c->certificates[0]);
	assert_ptr_equal(c->profiles[0].server_policies[0].proxy, &c->server_proxies[0]);
	assert_ptr_equal(c->virtual_segments[0].segment, &c->segments[0]);
	assert_ptr_equal(c->virtual_segments[0].profile, &c->profiles[0]);
	assert_ptr_equal(config_find_profile(c, "default"), &c->profiles[0]);
	assert_null(config_find_profile(c, "other"));
	unload(&l);
}

static void the_modern_preset_is_tls_1_2_and_later_with_forward_secrecy(void **state)
{
	struct loaded l = load_yaml(WHOLE);
	const struct config_tls_side *s = &l.config->server_proxies[0].common.client_side;

	assert_int_equal(s->protocols, CONFIG_BIT(CONFIG_TLS1_2) | CONFIG_BIT(CONFIG_TLS1_3));
	assert_int_equal(s->key_exchange, CONFIG_BIT(CONFIG_KX_ECDHE));
	assert_int_equal(s->mac, CONFIG_BIT(CONFIG_MAC_GCM) | CONFIG_BIT(CONFIG_MAC_POLY1305));
	unload(&l);
}

static void the_seed_preset_takes_what_the_document_selects_for_itself(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n" CERTIFICATE
	        "ssl_server_proxies: [{name: p, destinations: [10.0.0.1], detection_ports: [443], "
	        "certificates: [shop], preset: seed_compatible, client_side: {bulk: [aes256]}}]\n");
	const struct config_server_proxy *p = &l.config->server_proxies[0];

	assert_int_equal(l.rc, 0);
	assert_int_equal(p->common.client_side.bulk, CONFIG_BIT(CONFIG_BULK_AES256));
	assert_true(p->common.server_side.bulk & CONFIG_BIT(CONFIG_BULK_3DES));
	assert_false(p->common.server_side.bulk & CONFIG_BIT(CONFIG_BULK_DES));
	assert_true(p->common.client_side.protocols & CONFIG_BIT(CONFIG_TLS1_0));
	assert_false(p->common.client_side.protocols & CONFIG_BIT(CONFIG_SSL3));
	assert_int_equal(p->common.client_side.deselected_suites.count, 2);
	unload(&l);
}

static void failure_classes_follow_the_table_and_two_of_them_their_settings(void **state)
{
	struct loaded l =
	        load_yaml("version: 1\n" CERTIFICATE "ssl_server_proxies:\n"
	                  "- {name: a, destinations: [10.0.0.1], detection_ports: [443], "
	                  "certificates: [shop],"
	                  " on_overload: block, on_failure_class: {keys_unavailable: block}}\n"
	                  "- {name: b, destinations: [10.0.0.2], detection_ports: [443], "
	                  "certificates: [shop],"
	                  " on_failure_class: {invalid_chain: block}}\n");
	const struct config_server_proxy *a = &l.config->server_proxies[0];
	const struct config_server_proxy *b = &l.config->server_proxies[1];

	assert_int_equal(l.rc, 0);
	assert_int_equal(a->common.on_failure[FAILURE_VERSION], CONFIG_BLOCK);
	assert_int_equal(a->common.on_failure[FAILURE_SNI], CONFIG_ALLOW);
	assert_int_equal(a->common.on_failure[FAILURE_OVERLOAD], CONFIG_BLOCK);
	assert_int_equal(a->common.on_failure[FAILURE_KEYS], CONFIG_BLOCK);
	assert_int_equal(a->common.on_keys_unavailable, CONFIG_BLOCK);
	assert_int_equal(b->common.on_failure[FAILURE_OVERLOAD], CONFIG_BYPASS);
	assert_int_equal(b->common.on_failure[FAILURE_KEYS], CONFIG_BYPASS);
	assert_int_equal(b->common.on_failure[FAILURE_CHAIN], CONFIG_BLOCK);
	unload(&l);
}

static void four_action_sets_are_there_and_the_document_may_say_them_anew(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\naction_sets: [{name: block, action: block, tcp_reset: both}]\n"
	        "profiles: [{name: d, filters: [{rules: /r, action_set: block}, "
	        "{rules: /s, action_set: permit-notify}, {rules: /t}]}]\n");
	const struct config *c = l.config;

	assert_int_equal(l.rc, 0);
	assert_int_equal(c->action_sets_count, 5);
	assert_int_equal(c->profiles[0].filters[0].action_set->tcp_reset, CONFIG_RESET_BOTH);
	assert_ptr_equal(config_find_action_set(c, "block"), c->profiles[0].filters[0].action_set);
	assert_true(c->profiles[0].filters[1].action_set->notify);
	assert_int_equal(c->profiles[0].filters[1].action_set->action, CONFIG_VERB_PERMIT);
	assert_null(c->profiles[0].filters[2].action_set);
	unload(&l);
}

static void values_are_read_by_their_kind(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n" SEGMENT
	        "inspection_bypass_rules: [{name: r, segments: [wan], vlans: [untagged, 10-20], "
	        "tunnel: gre_key, protocol: udp, sources: [10.0.0.0/8], "
	        "destination_ports: [53, \"8000-8010\"]}]\n"
	        "profiles: [{name: d, variables: {HOME_NET: \"[10.0.0.0/8]\"}}]\n"
	        "logging: {syslog: [{address: 192.0.2.1, kinds: [audit]}, {address: "
	        "192.0.2.2}]}\n");
	const struct config *c = l.config;
	const struct config_bypass_rule *r = &c->bypass_rules[0];

	assert_int_equal(l.rc, 0);
	assert_int_equal(r->vlans.count, 2);
	assert_int_equal(r->vlans.items[0].last, 0);
	assert_int_equal(r->vlans.items[1].last, 20);
	assert_int_equal(r->tunnel, CONFIG_TUNNEL_GRE_KEY);
	assert_int_equal(r->protocol, CONFIG_PROTOCOL_UDP);
	assert_int_equal(r->sources.items[0].prefix_len, 104);
	assert_int_equal(r->destination_ports.items[1].last, 8010);
	assert_string_equal(c->profiles[0].variables[0].name, "HOME_NET");
	assert_string_equal(c->profiles[0].variables[0].value, "[10.0.0.0/8]");
	assert_int_equal(c->logging.syslog[0].kinds, CONFIG_BIT(CONFIG_KIND_AUDIT));
	assert_int_equal(c->logging.syslog[0].port, 514);
	assert_int_equal(c->logging.syslog[1].kinds, 0x7f);
	unload(&l);
}

static void every_error_is_listed_with_its_place_and_a_remedy(void **state)
{
	struct loaded l = load_yaml("version: 1\n"
	                            "segmets: []\n"
	                            "device: {workers: many, web_mode: yes}\n"
	                            "segments: [{name: w, port_a: e/1, port_b: eth2, reclaim: 1}]\n"
	                            "limits: {sessions: 0, flows: 1048577, hold_buffer: 64}\n");
	static const struct {
		const char *pointer, *part;
		unsigned line;
	} wanted[] = {
	        {"/segmets", "no key", 2},
	        {"/device/workers", "cannot be read", 3},
	        {"/device/web_mode", "neither true nor false", 3},
	        {"/segments/0/port_a", "network interface", 4},
	        {"/segments/0/reclaim", "neither true nor false", 4},
	        {"/limits/sessions", "out of range", 5},
	        {"/limits/flows", "out of range", 5},
	        {"/limits/hold_buffer", "cannot be read", 5},
	};

	assert_true(l.rc < 0);
	assert_null(l.config);
	assert_int_equal(l.errs.refusals, SL_ARRAY_LEN(wanted));
	for (size_t i = 0; i < SL_ARRAY_LEN(wanted); i++) {
		const struct conf_error *e = error_at(&l, wanted[i].pointer, wanted[i].part);

		assert_non_null(e);
		assert_int_equal(e->line, wanted[i].line);
		assert_true(e->column > 0);
		assert_true(e->remedy[0] != '\0');
	}
	assert_string_equal(error_at(&l, "/segmets", "")->remedy, "did you mean \"segments\"?");
	assert_string_equal(error_at(&l, "/limits/flows", "")->remedy,
	                    "write a whole number from 1024 to 1048576: the kernel's table of "
	                    "flows holds no more");
	unload(&l);
}

static void a_certificate_named_twice_is_kept_once(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n"
	        "certificates: [{name: a, certificate: /a}, {name: b, certificate: /b}]\n"
	        "ssl_server_proxies: [{name: p, destinations: [10.0.0.1], detection_ports: [443], "
	        "certificates: [a, b, a]}]\n");
	const struct config_server_proxy *p = &l.config->server_proxies[0];

	assert_int_equal(l.rc, 0);
	assert_int_equal(p->certificates_count, 2);
	assert_string_equal(p->certificates[1]->name, "b");
	assert_non_null(error_at(&l, "/ssl_server_proxies/0/certificates", "named twice"));
	unload(&l);
}

static void errors_come_in_the_order_of_the_document(void **state)
{
	struct loaded l = load_yaml("version: 1\nlimits: {sessions: x}\n"
	                            "device: {web_mode: true}\nsegments: [{name: a}]\nfoo: 1\n");

	for (size_t i = 1; i < l.errs.count; i++)
		assert_true(l.errs.items[i - 1].line <= l.errs.items[i].line);
	assert_int_equal(l.errs.count, 5);
	assert_int_equal(l.rc, SL_ENOENT);
	unload(&l);
}

static void what_is_missing_is_named(void **state)
{
	struct loaded l = load_yaml("segments: [{}]\n");

	assert_non_null(error_at(&l, "", "no \"version\""));
	assert_non_null(error_at(&l, "/segments/0", "no \"name\""));
	assert_non_null(error_at(&l, "/segments/0", "no \"port_a\""));
	assert_non_null(error_at(&l, "/segments/0", "no \"port_b\""));
	unload(&l);
}

static void an_unknown_name_says_which_was_meant(void **state)
{
	struct loaded l = load_yaml("version: 1\n" CERTIFICATE
	                            "ssl_server_proxies: [{name: p, destinations: [10.0.0.1], "
	                            "detection_ports: [443], certificates: [shp]}]\n");
	const struct conf_error *e = error_at(&l, "/ssl_server_proxies/0/certificates/0", "shp");

	assert_non_null(e);
	assert_string_equal(e->remedy, "did you mean \"shop\"?");
	unload(&l);
}

static void wrong_shapes_never_crash(void **state)
{
	static const char *const texts[] = {
	        "x",
	        "[]",
	        "- version: 1",
	        "version: {}",
	        "version: [1]",
	        "version: 1\nsegments: 5",
	        "version: 1\nsegments: [5, [], null, {}]",
	        "version: 1\nsegments: {}",
	        "version: 1\ndevice: []",
	        "version: 1\nprofiles: [{name: [], filters: 3}]",
	        "version: 1\nprofiles: [{name: {}, variables: [], ssl_server_policies: [x]}]",
	        ("version: 1\nssl_server_proxies: [{certificates: [[]], destinations: [{}], "
	         "detection_ports: {}, client_side: [], on_failure_class: x}]"),
	        "version: 1\nssl_client_proxies: x\nsms: []\ndecryption_policies: {a: b}",
	        "version: 1\ncertificates: [{name: a}, {name: a}, {name: []}, 4]",
	        "version: 1\nlogging: {syslog: [{}, {address: [], kinds: [], port: {}}]}",
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		struct loaded l = load_yaml(texts[i]);

		assert_true(l.rc < 0);
		assert_true(l.errs.refusals > 0);
		unload(&l);
	}
}

static void a_config_lives_as_long_as_its_last_reference(void **state)
{
	struct loaded l = load_yaml(WHOLE);
	struct config *c = config_get(l.config);

	unload(&l);
	assert_string_equal(c->segments[0].name, "wan");
	config_put(c);
	config_put(NULL);
}

static void a_client_proxy_s_legs_have_the_same_selections_and_its_own_defaults(void **state)
{
	struct loaded l = load_yaml(
	        "version: 1\n" CERTIFICATE "ssl_client_proxies: [{name: out, signing_certificate: "
	        "shop, detection_ports: [443], "
	        "selections: {bulk: [aes256]}, successor: next, successor_from: 2030-01-01, "
	        "on_failure_class: {pinned_client: block}}]\n");
	const struct config_client_proxy *p;

	/* The one error: there is no certificate "next". */
	assert_int_equal(l.errs.refusals, 1);
	unload(&l);
	l = load_yaml("version: 1\n" CERTIFICATE
	              "ssl_client_proxies: [{name: out, signing_certificate: shop, "
	              "detection_ports: [443], selections: {bulk: [aes256]}, "
	              "on_failure_class: {pinned_client: block, expired: allow}}]\n");
	assert_int_equal(l.rc, 0);
	p = config_find_client_proxy(l.config, "out");
	assert_int_equal(p->common.kind, CONFIG_PROXY_CLIENT);
	assert_int_equal(p->common.server_side.bulk, CONFIG_BIT(CONFIG_BULK_AES256));
	assert_memory_equal(&p->common.client_side, &p->common.server_side,
	                    sizeof(p->common.client_side));
	assert_int_equal(p->common.on_failure[FAILURE_PINNED], CONFIG_BLOCK);
	assert_int_equal(p->common.on_failure[FAILURE_CLIENT_CERTIFICATE], CONFIG_BYPASS);
	assert_int_equal(p->common.on_failure[FAILURE_NOT_TLS], CONFIG_ALLOW);
	assert_int_equal(p->common.no_handshake_timeout_ms, 3000);
	assert_true(p->block_invalid_certificates);
	assert_int_equal(p->common.on_failure[FAILURE_CHAIN], CONFIG_BLOCK);
	assert_int_equal(p->common.on_failure[FAILURE_EXPIRED], CONFIG_ALLOW);
	assert_false(p->block_expired_certificates);
	unload(&l);
}

static void a_server_policy_goes_before_a_client_policy(void **state)
{
	struct loaded l =
	        load_yaml("version: 1\n" SEGMENT
	                  "certificates: [{name: shop, certificate: /c.pem, private_key: /c.key}, "
	                  "{name: ca, certificate: /ca.pem, private_key: /ca.key}]\n" PROXY
	                  "ssl_client_proxies: [{name: out, signing_certificate: ca, "
	                  "detection_ports: [443]}]\n"
	                  "profiles: [{name: default, ssl_server_policies: [{name: q, proxy: p}], "
	                  "ssl_client_policies: [{name: c, proxy: out}]}]\n"
	                  "virtual_segments: [{name: v, segment: wan, profile: default}]\n"
	                  "ssl_inspection: {client: true}\n");
	struct config_packet packet = {.direction = CONFIG_DIRECTION_A_TO_B,
	                               .tunnel = CONFIG_TUNNEL_NONE,
	                               .protocol = CONFIG_PROTOCOL_TCP,
	                               .destination_port = 443};
	struct config_match m;

	assert_int_equal(l.rc, 0);
	packet.segment = &l.config->segments[0];
	assert_int_equal(addr_parse("192.0.2.1", &packet.source), 0);
	assert_int_equal(addr_parse("10.0.0.1", &packet.destination), 0);
	config_match(l.config, &packet, &m);
	assert_string_equal(m.policy->name, "q");
	assert_null(m.client);
	assert_int_equal(addr_parse("10.0.0.2", &packet.destination), 0);
	config_match(l.config, &packet, &m);
	assert_string_equal(m.policy->name, "c");
	assert_string_equal(m.proxy->name, "out");
	assert_null(m.server);
	packet.destination_port = 80;
	config_match(l.config, &packet, &m);
	assert_null(m.policy);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_short_document_is_filled_up_with_defaults),
	        cmocka_unit_test(names_become_pointers_into_the_same_config),
	        cmocka_unit_test(the_modern_preset_is_tls_1_2_and_later_with_forward_secrecy),
	        cmocka_unit_test(the_seed_preset_takes_what_the_document_selects_for_itself),
	        cmocka_unit_test(failure_classes_follow_the_table_and_two_of_them_their_settings),
	        cmocka_unit_test(four_action_sets_are_there_and_the_document_may_say_them_anew),
	        cmocka_unit_test(values_are_read_by_their_kind),
	        cmocka_unit_test(every_error_is_listed_with_its_place_and_a_remedy),
	        cmocka_unit_test(a_certificate_named_twice_is_kept_once),
	        cmocka_unit_test(errors_come_in_the_order_of_the_document),
	        cmocka_unit_test(what_is_missing_is_named),
	        cmocka_unit_test(an_unknown_name_says_which_was_meant),
	        cmocka_unit_test(wrong_shapes_never_crash),
	        cmocka_unit_test(a_config_lives_as_long_as_its_last_reference),
	        cmocka_unit_test(
	                a_client_proxy_s_legs_have_the_same_selections_and_its_own_defaults),
	        cmocka_unit_test(a_server_policy_goes_before_a_client_policy),
	};

	return RUN_TESTS(tests);
}
