/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading rules: what is refused, at which line and column, with which remedy; variables, lists,
 * continuation lines, comments, class types, actions.
 */
#include "tests/unit/tse/tse_test.h"

#define HTTP(body) "alert http any any -> any any (msg:\"m\"; " body " sid:1;)\n"

struct refusal {
	const char *rule;
	const char *text; /* that the error must hold */
	unsigned column;
};

static const struct refusal refusals[] = {
        {"alarm http any any -> any any (sid:1;)", "unknown action \"alarm\"", 1},
        {"alert dns any any -> any any (sid:1;)", "protocol \"dns\"", 7},
        {"alert http any any >> any any (sid:1;)", "is not a direction", 20},
        {"alert http $NOPE any -> any any (sid:1;)", "unknown variable $NOPE", 12},
        {"alert http 300.1.1.1 any -> any any (sid:1;)", "is not an address", 12},
        {"alert http 10.0.0.0/33 any -> any any (sid:1;)", "is not an address", 12},
        {"alert http [10.0.0.1 any -> any any (sid:1;)", "", 0},
        {"alert http any 70000 -> any any (sid:1;)", "is not a port", 16},
        {"alert http any 90:80 -> any any (sid:1;)", "is not a port", 16},
        {"alert http any !any -> any any (sid:1;)", "matches nothing", 16},
        {"alert http any any -> any any", "no options", 30},
        {"alert http any any -> any any (msg:\"m\";)", "no sid", 0},
        {"alert http any any -> any any (sid:1;", "do not end", 0},
        {"alert http any any -> any any (sid:1)", "does not end", 36},
        {"alert http any any -> any any (sid:x;)", "is not a number", 36},
        {"alert http any any -> any any (sid:1;) x", "after the closing", 40},
        {HTTP("nosuch;"), "keyword \"nosuch\" is not known", 41},
        {HTTP("flowbits:set,a;"), "another rule's match", 41},
        {HTTP("threshold: type limit, track by_src, count 1, seconds 60;"), "own", 41},
        {HTTP("dsize:>10;"), "no packet sizes", 41},
        {HTTP("tls.sni; content:\"x\";"), "TLS itself", 41},
        {HTTP("content:x;"), "not in double quotes", 49},
        {HTTP("content:\"\";"), "empty", 49},
        {HTTP("content:\"|4|\";"), "do not end", 49},
        {HTTP("content:\"|zz|\";"), "hex digit", 49},
        {HTTP("content:\"a\\q\";"), "unknown escape", 49},
        {HTTP("nocase;"), "has no content before it", 41},
        {HTTP("content:\"abc\"; depth:2;"), "less than the content", 62},
        {HTTP("content:\"abc\"; offset:1; distance:2;"), "together with", 75},
        {HTTP("content:\"abc\"; offset:1; offset:1;"), "twice", 73},
        {HTTP("content:\"abc\"; within:x;"), "is not a number", 63},
        {HTTP("content:\"abc\"; nocase:1;"), "takes no value", 63},
        {HTTP("content:\"abc\"; fast_pattern:2,5;"), "", 69},
        {HTTP("content:\"abc\"; content:!\"d\"; fast_pattern;"), "negated", 0},
        {HTTP("content:!\"abc\";"), "all negative", 0},
        {HTTP("pcre:\"abc\";"), "slashes", 46},
        {HTTP("pcre:\"/a(b/\";"), "pcre: ", 0},
        {HTTP("pcre:\"/ab/q\";"), "unknown flag 'q'", 46},
        {HTTP("http.host; content:\"a\"; pcre:\"/a/U\";"), "another sticky buffer", 0},
        {HTTP("flow:sideways;"), "unknown word", 46},
        {HTTP("flow:to_server,to_client;"), "two directions", 46},
        {HTTP("flow:to_server; flow:established;"), "twice", 0},
        {HTTP("flow:not_established;"), "established", 46},
        {HTTP("bsize:1;"), "no length", 47},
        {HTTP("http.uri; bsize:5<>6;"), "nothing lies between", 57},
        {HTTP("http.uri; content:\"a\"; http.stat_code; content:\"2\";"), "direction", 0},
        {HTTP("flow:to_client; http.uri; content:\"a\";"), "direction", 0},
        {"alert imap any any -> any any (http.uri; content:\"a\"; sid:1;)", "other than HTTP", 0},
        {HTTP("classtype:none-such;"), "unknown class type", 51},
        {HTTP("priority:0;"), "is not in", 50},
        {HTTP("reference:nothing;"), "no comma", 51},
        {HTTP("isdataat:1,sideways;"), "unknown word", 50},
        {HTTP("sid:4000000000;"), "is not in", 45},
};

static void each_fault_is_refused_with_its_place(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(refusals); i++) {
		struct rig r;
		struct tse_ruleset_info info;

		rig_compile(&r, refusals[i].rule);
		tse_ruleset_info(r.set, &info);
		if (r.errors != 1 || info.rules != 0 || !strstr(r.error, refusals[i].text) ||
		    (refusals[i].column && r.column != refusals[i].column))
			fail_msg("%s: %zu errors, column %u, \"%s\"", refusals[i].rule, r.errors,
			         r.column, r.error);
		assert_int_equal(r.line, 1);
		tse_ruleset_destroy(r.set);
	}
}

static void a_refused_rule_does_not_spoil_its_neighbours(void **state)
{
	struct rig r;
	struct tse_ruleset_info info;

	rig_open(&r,
	         HTTP("http.uri; content:\"first\";")
	         /* refused when its pattern is in already: nothing may wake the next rule by it */
	         "alert http any any -> any any (msg:\"m\"; http.uri; content:\"second\"; "
	         "flow:to_client; sid:2;)\n"
	         "alert tcp any any -> any any (msg:\"m\"; pcre:\"/(?=x)(?!y)\\1*/\"; sid:3;)\n"
	         "drop http any any -> any any (msg:\"m\"; http.uri; content:\"fourth\"; sid:4;)\n",
	         NULL);
	tse_ruleset_info(r.set, &info);
	assert_int_equal(info.rules, 2);
	assert_int_equal(info.refused, 2);
	rig_text(&r, TSE_TO_SERVER, "GET /first/second HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(r.verdict, TSE_GO_ON);
	assert_int_equal(r.nsids, 1);
	assert_true(rig_matched(&r, 1));
	rig_text(&r, TSE_TO_SERVER, "GET /fourth HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(r.verdict, TSE_BLOCK);
	rig_close(&r);
}

static void continuation_lines_count_for_the_place(void **state)
{
	struct rig r;
	struct tse_ruleset_info info;

	rig_compile(&r, "# a remark\n\n"
	                "alert http any any -> any any \\\n  (msg:\"m\"; \\\n   nosuch; sid:1;)\n"
	                "#alert http any any -> any any (msg:\"off\"; sid:2;)\n"
	                "# alerts of sid: 7 are words only\n"
	                "alert http any any -> any any (msg:\"m\"; http.uri; \\\n"
	                "  content:\"x\"; sid:3;)");
	tse_ruleset_info(r.set, &info);
	assert_int_equal(info.rules, 1);
	assert_int_equal(info.refused, 1);
	assert_int_equal(info.disabled, 1);
	assert_int_equal(r.line, 5);
	assert_int_equal(r.column, 4);
	tse_ruleset_destroy(r.set);
}

static void match_of(const char *rule, const struct tse_source *how, struct tse_match *ret_match)
{
	struct tse_source source = {.name = "s", .text = rule, .len = strlen(rule)};
	struct tse_compile compile = {.sources = &source, .nsources = 1};
	struct tse_result *res = calloc(1, sizeof(*res));
	uint8_t request[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
	struct rig r = {0};

	assert_non_null(res);
	if (how) {
		source.override_action = true;
		source.action = how->action;
	}
	assert_int_equal(tse_ruleset_compile(&compile, &r.set), 0);
	assert_int_equal(tse_engine_create(r.set, NULL, &r.engine), 0);
	rig_flow(&r, TSE_SERVICE_HTTP);
	tse_feed(r.flow, TSE_TO_SERVER, request, sizeof(request) - 1, false, res);
	assert_int_equal(res->nmatches, 1);
	*ret_match = res->matches[0];
	/* the texts live as long as the set, which ends here */
	assert_string_equal(ret_match->msg, "a \"b\"; c");
	ret_match->msg = "";
	assert_true(ret_match->action.block == (res->verdict == TSE_BLOCK));
	free(res);
	rig_close(&r);
}

#define MATCH(action, rest)                                                                        \
	action " http any any -> any any (msg:\"a \\\"b\\\"\\; c\"; http.uri; "                    \
	       "content:\"/x\"; " rest "sid:5; rev:2; gid:3;)"

static void actions_and_priorities_are_as_written(void **state)
{
	struct tse_match m;
	struct tse_source quiet = {.action = {.block = true, .reset = TSE_RESET_BOTH}};

	match_of(MATCH("alert", ""), NULL, &m);
	assert_int_equal(m.priority, 3);
	assert_int_equal(m.rev, 2);
	assert_int_equal(m.gid, 3);
	assert_true(!m.action.block && m.action.notify);
	match_of(MATCH("drop", "classtype:trojan-activity; "), NULL, &m);
	assert_int_equal(m.priority, 1);
	assert_true(m.action.block && m.action.notify && m.action.reset == TSE_RESET_NONE);
	match_of(MATCH("reject", "classtype:trojan-activity; priority:7; "), NULL, &m);
	assert_int_equal(m.priority, 7);
	assert_int_equal(m.action.reset, TSE_RESET_SOURCE);
	match_of(MATCH("rejectdst", ""), NULL, &m);
	assert_int_equal(m.action.reset, TSE_RESET_DESTINATION);
	match_of(MATCH("rejectboth", ""), NULL, &m);
	assert_int_equal(m.action.reset, TSE_RESET_BOTH);
	match_of(MATCH("alert", ""), &quiet, &m);
	assert_true(m.action.block && !m.action.notify && m.action.reset == TSE_RESET_BOTH);
}

static void slow_rules_are_named(void **state)
{
	static const char *const slow[] = {
	        HTTP("content:\"ab\";"),
	        HTTP("http.uri; pcre:\"/abc[0-9]+x/\";"),
	        HTTP("http.user_agent; pcre:\"/Mozilla[^\\r\\n]*x/\";"),
	        HTTP("http.user_agent; bsize:0;"),
	        HTTP("http.user_agent; content:!\"Mozilla\";"),
	};
	struct rig r;

	for (size_t i = 0; i < SL_ARRAY_LEN(slow); i++) {
		rig_compile(&r, slow[i]);
		assert_int_equal(r.errors, 0);
		assert_int_equal(r.warnings, 1);
		tse_ruleset_destroy(r.set);
	}
	rig_compile(&r, HTTP("http.user_agent; content:\"Mozilla\"; pcre:\"/x[0-9]/R\";"));
	assert_int_equal(r.warnings, 0);
	tse_ruleset_destroy(r.set);
}

static void too_many_rules_is_a_limit(void **state)
{
	const char *rules = HTTP("http.uri; content:\"a1\";") HTTP("http.uri; content:\"a2\";");
	struct tse_source source = {.name = "s", .text = rules, .len = strlen(rules)};
	struct tse_compile how = {.sources = &source, .nsources = 1, .max_rules = 1};
	struct tse_ruleset *set;

	assert_int_equal(tse_ruleset_compile(&how, &set), SL_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_fault_is_refused_with_its_place),
	        cmocka_unit_test(a_refused_rule_does_not_spoil_its_neighbours),
	        cmocka_unit_test(continuation_lines_count_for_the_place),
	        cmocka_unit_test(actions_and_priorities_are_as_written),
	        cmocka_unit_test(slow_rules_are_named),
	        cmocka_unit_test(too_many_rules_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
