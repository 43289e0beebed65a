/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical text and differences. */
#include "lib/conf/diff.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/canon.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

static void canonical_text_of(const char *yaml, unsigned flags, struct buf *out)
{
	struct loaded l = load_yaml(yaml);

	buf_init(out, 1024UL * 1024);
	assert_int_equal(l.rc, 0);
	assert_int_equal(conf_canonical(conf_document_root(l.doc), flags, out), 0);
	unload(&l);
}

static void documents_that_say_the_same_have_one_text(void **state)
{
	static const char one[] = "version: 1\n"
	                          "limits: {hold_buffer: 65536B, decision_age: 1000ms}\n"
	                          "segments: [{port_b: e2, port_a: e1, name: w, reclaim: false}]\n"
	                          "profiles: [{variables: {B: b, A: a}, name: d, filters: []}]\n"
	                          "sms:\n";
	static const char two[] = "{profiles: [{name: d, variables: {A: a, B: b}}],\n"
	                          " segments: [{name: w, reclaim: false, port_a: e1, port_b: e2}],"
	                          " limits: {decision_age: 1s, hold_buffer: 64KiB}, version: 1}";
	struct buf a, b;

	canonical_text_of(one, 0, &a);
	canonical_text_of(two, 0, &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
	assert_string_equal(
	        buf_text(&a),
	        "{\"version\":1,\"segments\":[{\"name\":\"w\",\"port_a\":\"e1\",\"port_b\":\"e2\","
	        "\"reclaim\":false}],\"profiles\":[{\"name\":\"d\",\"variables\":{\"A\":\"a\","
	        "\"B\":\"b\"}}],\"limits\":{\"decision_age\":\"1s\",\"hold_buffer\":\"64KiB\"}}");
	buf_fini(&a);
	buf_fini(&b);
}

static void sets_are_in_one_order_and_ports_are_text(void **state)
{
	struct buf text;

	canonical_text_of("version: 1\n" CERTIFICATE
	                  "ssl_server_proxies: [{name: p, destinations: [10.0.0.1], "
	                  "detection_ports: [443, 80-90], certificates: [shop], client_side: "
	                  "{protocols: [TLSv1.3, TLSv1.2, TLSv1.3]}}]\n",
	                  0, &text);
	assert_non_null(strstr(buf_text(&text), "\"protocols\":[\"TLSv1.2\",\"TLSv1.3\"]"));
	assert_non_null(strstr(buf_text(&text), "\"detection_ports\":[\"443\",\"80-90\"]"));
	assert_non_null(strstr(buf_text(&text), "\"destinations\":[\"10.0.0.1/32\"]"));
	buf_fini(&text);
}

static void canonical_text_is_a_document_that_says_the_same(void **state)
{
	struct loaded l = load_yaml(WHOLE);
	struct conf_document *again;
	struct config *config;
	struct buf text, second;

	buf_init(&text, 1024UL * 1024);
	buf_init(&second, 1024UL * 1024);
	assert_int_equal(conf_canonical(conf_document_root(l.doc), CONF_CANON_DEFAULTS, &text), 0);
	assert_int_equal(conf_load_json("again", text.data, text.len, &l.errs, &again), 0);
	assert_int_equal(config_build(conf_document_root(again), &l.errs, &config), 0);
	assert_int_equal(conf_canonical(conf_document_root(again), 0, &second), 0);
	assert_string_equal(buf_text(&second), buf_text(&text));
	config_put(config);
	conf_document_destroy(again);
	buf_fini(&text);
	buf_fini(&second);
	unload(&l);
}

static void the_digest_is_that_of_the_text(void **state)
{
	struct loaded a = load_yaml("version: 1\nlimits: {sessions: 5, handshakes: 1}\n");
	struct loaded b = load_yaml("{limits: {handshakes: 1, sessions: 5}, version: 1}");
	struct loaded c = load_yaml("{limits: {handshakes: 2, sessions: 5}, version: 1}");

	assert_memory_equal(a.config->sha256, b.config->sha256, 32);
	assert_memory_not_equal(a.config->sha256, c.config->sha256, 32);
	unload(&a);
	unload(&b);
	unload(&c);
}

static void differences(const char *old, const char *new, const char *wanted)
{
	struct loaded a = load_yaml(old);
	struct loaded b = load_yaml(new);
	struct conf_changes changes;
	struct buf text;

	buf_init(&text, 65536);
	assert_int_equal(a.rc, 0);
	assert_int_equal(b.rc, 0);
	assert_int_equal(conf_diff(conf_document_root(a.doc), conf_document_root(b.doc), &changes),
	                 0);
	assert_int_equal(conf_changes_print(&changes, &text), 0);
	assert_string_equal(buf_text(&text), wanted);
	conf_changes_fini(&changes);
	buf_fini(&text);
	unload(&a);
	unload(&b);
}

static void writing_a_default_out_changes_nothing(void **state)
{
	differences("version: 1\n", "version: 1\nlimits: {sessions: 100000}\n", "");
	differences(WHOLE, WHOLE, "");
}

static void changes_go_by_name_and_say_when_they_hold(void **state)
{
	differences("version: 1\n" SEGMENT "profiles: [{name: a}, {name: b}]\n",
	            "version: 1\n"
	            "segments: [{name: wan, port_a: eth1, port_b: eth9, on_failure: block}]\n"
	            "profiles: [{name: b, filters: [{rules: /r}]}, {name: c}]\n"
	            "limits: {flows: 2048, fragments: 512}\n",
	            "~ segments[wan].port_b: \"eth2\" -> \"eth9\" (restart)\n"
	            "~ segments[wan].on_failure: \"bypass\" -> \"block\" (live)\n"
	            "- profiles[a]: {\"name\":\"a\"} (new sessions)\n"
	            "+ profiles[b].filters[0]: {\"rules\":\"/r\"} (new sessions)\n"
	            "+ profiles[c]: {\"name\":\"c\"} (new sessions)\n"
	            "~ limits.flows: 262144 -> 2048 (new sessions)\n"
	            "~ limits.fragments: 4096 -> 512 (live)\n");
}

static void another_order_of_a_list_is_a_change(void **state)
{
	differences("version: 1\nprofiles: [{name: a}, {name: b}]\n",
	            "version: 1\nprofiles: [{name: b}, {name: a}]\n",
	            "> profiles (new sessions)\n");
}

static void a_change_has_a_pointer_into_the_new_document(void **state)
{
	struct loaded a = load_yaml("version: 1\nprofiles: [{name: a}, {name: b}]\n");
	struct loaded b = load_yaml("version: 1\nprofiles: [{name: b, variables: {X: "
	                            "\"1\"}}]\nlogging: {level: debug}\n");
	struct conf_changes changes;

	assert_int_equal(conf_diff(conf_document_root(a.doc), conf_document_root(b.doc), &changes),
	                 0);
	assert_int_equal(changes.count, 3);
	assert_string_equal(changes.items[0].pointer, "/profiles/0");
	assert_int_equal(changes.items[0].kind, CONF_REMOVED);
	assert_string_equal(changes.items[1].pointer, "/profiles/0/variables");
	assert_string_equal(changes.items[1].new_value, "{\"X\":\"1\"}");
	assert_string_equal(changes.items[2].pointer, "/logging/level");
	assert_int_equal(conf_changes_scope(&changes), CONF_SCOPE_NEW_SESSIONS);
	conf_changes_fini(&changes);
	unload(&a);
	unload(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(documents_that_say_the_same_have_one_text),
	        cmocka_unit_test(sets_are_in_one_order_and_ports_are_text),
	        cmocka_unit_test(canonical_text_is_a_document_that_says_the_same),
	        cmocka_unit_test(the_digest_is_that_of_the_text),
	        cmocka_unit_test(writing_a_default_out_changes_nothing),
	        cmocka_unit_test(changes_go_by_name_and_say_when_they_hold),
	        cmocka_unit_test(another_order_of_a_list_is_a_change),
	        cmocka_unit_test(a_change_has_a_pointer_into_the_new_document),
	};

	return RUN_TESTS(tests);
}
