/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves and what does not: release, holding, blocking, bodies in pieces, tunnels, eof.
 */
#include "tests/unit/tse/tse_test.h"

#define ATTACK "GET /x?cmd=attack HTTP/1.1\r\nHost: a\r\nUser-Agent: t\r\n\r\n"
#define GOOD   "GET /good HTTP/1.1\r\nHost: a\r\n\r\n"
#define URI_RULE                                                                                   \
	"drop http any any -> any any (msg:\"m\"; http.uri; content:\"cmd=attack\"; sid:1;)\n"

static void good_request_is_released_whole(void **state)
{
	struct rig r;

	rig_open(&r, URI_RULE, NULL);
	rig_split(&r, TSE_TO_SERVER, GOOD, strlen(GOOD) - 1, 1);
	assert_int_equal(r.half[0].released_len, 0);
	rig_text(&r, TSE_TO_SERVER, "\n");
	assert_int_equal(r.half[0].released_len, strlen(GOOD));
	assert_int_equal(r.verdict, TSE_GO_ON);
	rig_close(&r);
}

static void attack_split_at_each_byte_delivers_nothing(void **state)
{
	for (size_t step = 1; step <= strlen(ATTACK); step++) {
		struct rig r;

		rig_open(&r, URI_RULE, NULL);
		rig_split(&r, TSE_TO_SERVER, ATTACK, strlen(ATTACK), step);
		assert_int_equal(r.verdict, TSE_BLOCK);
		assert_int_equal(r.half[0].released_len, 0);
		assert_true(rig_matched(&r, 1));
		rig_close(&r);
	}
}

static void pipelined_attack_is_blocked_after_the_good_one(void **state)
{
	struct rig r;

	rig_open(&r, URI_RULE, NULL);
	rig_text(&r, TSE_TO_SERVER, GOOD "GET /x?cmd=at");
	assert_int_equal(r.half[0].released_len, strlen(GOOD));
	rig_text(&r, TSE_TO_SERVER, "tack HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_int_equal(r.half[0].released_len, strlen(GOOD));
	rig_close(&r);
}

static void body_pattern_over_two_pieces_blocks(void **state)
{
	struct rig r;

	rig_open(&r,
	         "drop http any any -> any any (msg:\"m\"; flow:to_client; file.data; "
	         "content:\"EICAR-TEST\"; sid:2;)\n",
	         NULL);
	rig_text(&r, TSE_TO_SERVER, GOOD);
	rig_text(&r, TSE_TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n");
	rig_text(&r, TSE_TO_CLIENT, "12345678EICA");
	assert_int_equal(r.verdict, TSE_GO_ON);
	assert_int_equal(r.half[1].held_len, 0);
	rig_text(&r, TSE_TO_CLIENT, "R-TEST12");
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_true(rig_matched(&r, 2));
	rig_close(&r);
}

static void raw_rule_blocks_on_any_service(void **state)
{
	struct rig r;

	rig_compile(&r, "drop tcp any any -> any any (msg:\"m\"; flow:to_server; "
	                "content:\"evil\"; sid:3;)\n");
	assert_int_equal(tse_engine_create(r.set, NULL, &r.engine), 0);
	rig_flow(&r, TSE_SERVICE_OTHER);
	rig_text(&r, TSE_TO_SERVER, "a1 login ev");
	assert_int_equal(r.half[0].released_len, 11);
	rig_text(&r, TSE_TO_SERVER, "il");
	assert_int_equal(r.verdict, TSE_BLOCK);
	rig_close(&r);
}

static void held_bytes_have_a_limit(void **state)
{
	struct tse_limits limits = {.hold_max = 1000, .hold_overflow_block = true};
	char request[1200];
	struct rig r;

	(void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: h\r\nX: %01100d", 7);
	rig_open(&r, URI_RULE, &limits);
	rig_text(&r, TSE_TO_SERVER, request);
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_string_equal(r.anomaly, "hold_limit");
	assert_int_equal(r.half[0].released_len, 0);
	rig_close(&r);
	limits.hold_overflow_block = false;
	rig_open(&r, URI_RULE, &limits);
	rig_text(&r, TSE_TO_SERVER, request);
	assert_int_equal(r.verdict, TSE_GO_ON);
	assert_int_equal(r.half[0].held_len, 0);
	rig_close(&r);
	limits = (struct tse_limits){.header_max = 500};
	rig_open(&r, URI_RULE, &limits);
	rig_text(&r, TSE_TO_SERVER, request);
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_string_equal(r.anomaly, "header_too_long");
	rig_close(&r);
}

static void eof_releases_or_blocks_all(void **state)
{
	struct rig r;

	rig_open(&r, URI_RULE, NULL);
	rig_feed(&r, TSE_TO_SERVER, GOOD, strlen(GOOD), true);
	assert_int_equal(r.half[0].held_len, 0);
	rig_feed(&r, TSE_TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", 41, true);
	assert_int_equal(r.half[1].held_len, 0);
	assert_int_equal(r.verdict, TSE_GO_ON);
	rig_close(&r);

	rig_open(&r, URI_RULE, NULL);
	rig_feed(&r, TSE_TO_SERVER, GOOD, strlen(GOOD) - 2, true);
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_int_equal(r.half[0].released_len, 0);
	rig_close(&r);
}

static void verdicts_last(void **state)
{
	struct rig r;

	rig_open(&r,
	         URI_RULE "pass tcp any any -> any any (msg:\"p\"; flow:to_server; "
	                  "content:\"X-Pass\"; sid:9;)\n",
	         NULL);
	rig_text(&r, TSE_TO_SERVER, ATTACK);
	assert_int_equal(r.verdict, TSE_BLOCK);
	rig_text(&r, TSE_TO_CLIENT, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_int_equal(r.half[1].released_len, 0);
	tse_flow_end(r.flow);
	rig_flow(&r, TSE_SERVICE_HTTP);
	rig_text(&r, TSE_TO_SERVER, "GET / HTTP/1.1\r\nX-Pass: 1\r\n\r\n");
	assert_int_equal(r.verdict, TSE_TRUST);
	rig_text(&r, TSE_TO_SERVER, ATTACK);
	assert_int_equal(r.verdict, TSE_TRUST);
	assert_int_equal(r.half[0].held_len, 0);
	rig_close(&r);
}

static void what_is_known_of_a_transaction_is_told(void **state)
{
	struct tse_http_info info;
	struct rig r;

	rig_open(&r, URI_RULE, NULL);
	assert_false(tse_flow_http(r.flow, &info));
	rig_text(&r, TSE_TO_SERVER, ATTACK);
	assert_true(tse_flow_http(r.flow, &info));
	assert_string_equal(info.method, "GET");
	assert_string_equal(info.host, "a");
	assert_string_equal(info.uri, "/x?cmd=attack");
	assert_string_equal(info.user_agent, "t");
	assert_int_equal(info.status, 0);
	assert_int_equal(tse_flow_bytes(r.flow), strlen(ATTACK));
	rig_close(&r);

	rig_open(&r, URI_RULE, NULL);
	rig_text(&r, TSE_TO_SERVER, GOOD);
	rig_text(&r, TSE_TO_CLIENT, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	assert_true(tse_flow_http(r.flow, &info));
	assert_int_equal(info.status, 404);
	assert_string_equal(info.uri, "/good");
	assert_int_equal(info.transactions, 1);
	rig_close(&r);
}

static void absence_is_judged_on_the_whole_head(void **state)
{
	static const char with[] = "GET / HTTP/1.1\r\nHost: h\r\nX-Token: 1\r\n\r\n";

	for (size_t step = 1; step < sizeof(with); step++) {
		struct rig r;

		rig_open(
		        &r,
		        "drop tcp any any -> any any (msg:\"m\"; flow:to_server; content:\"GET \"; "
		        "content:!\"X-Token\"; sid:1;)\n",
		        NULL);
		rig_split(&r, TSE_TO_SERVER, with, sizeof(with) - 1, step);
		assert_int_equal(r.verdict, TSE_GO_ON);
		rig_close(&r);
	}
}

static void a_body_beyond_its_limit_is_matched_up_to_it(void **state)
{
	struct tse_limits limits = {.body_decoded_max = 1000};
	char body[2000];
	struct rig r;

	for (int place = 0; place < 2; place++) {
		memset(body, 'x', sizeof(body));
		memcpy(body + (place ? 1500 : 500), "VIRUS", 5);
		rig_open(&r,
		         "alert http any any -> any any (msg:\"m\"; flow:to_client; file.data; "
		         "content:\"VIRUS\"; sid:1;)\n",
		         &limits);
		rig_text(&r, TSE_TO_SERVER, GOOD);
		rig_text(&r, TSE_TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");
		rig_split(&r, TSE_TO_CLIENT, body, sizeof(body), 300);
		assert_int_equal(rig_matched(&r, 1), place == 0);
		assert_int_equal(r.half[1].held_len, 0);
		rig_close(&r);
	}
}

static void many_matches_keep_the_blocking_one(void **state)
{
	char rules[8192] = "";
	struct rig r;

	for (int i = 1; i <= 20; i++) {
		size_t n = strlen(rules);

		(void)snprintf(rules + n, sizeof(rules) - n,
		               "%s http any any -> any any (msg:\"m\"; http.uri; "
		               "content:\"attack\"; sid:%d;)\n",
		               i == 20 ? "drop" : "alert", i);
	}
	rig_open(&r, rules, NULL);
	rig_text(&r, TSE_TO_SERVER, ATTACK);
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_int_equal(r.nsids, TSE_MATCHES_MAX);
	assert_true(rig_matched(&r, 20));
	rig_close(&r);
}

#define HEAD_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
#define LEAK_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET"
#define LEAK_RULE                                                                                  \
	"drop http any any -> any any (msg:\"m\"; flow:to_client; http.response_body; "            \
	"content:\"SECRET\"; sid:7;)\n"

/* Responses read by another rule set than the requests: HEAD and upgrades are followed. */
static void joined_flows_pair_responses_with_requests(void **state)
{
	struct rig up;
	struct rig down;
	struct tse_http_info info;

	rig_open(&up, URI_RULE, NULL);
	rig_open(&down, LEAK_RULE, NULL);
	tse_flow_join(down.flow, up.flow);
	rig_text(&up, TSE_TO_SERVER, "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n" GOOD);
	rig_text(&down, TSE_TO_CLIENT, HEAD_RESPONSE);
	assert_int_equal(down.half[1].held_len, 0);
	rig_text(&down, TSE_TO_CLIENT, LEAK_RESPONSE);
	assert_int_equal(down.verdict, TSE_BLOCK);
	assert_true(tse_flow_http(down.flow, &info));
	assert_string_equal(info.uri, "/good");
	rig_close(&up);
	rig_close(&down);

	rig_open(&up, URI_RULE, NULL);
	rig_open(&down, LEAK_RULE, NULL);
	tse_flow_join(down.flow, up.flow);
	rig_text(
	        &up, TSE_TO_SERVER,
	        "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	rig_text(&down, TSE_TO_CLIENT,
	         "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01x");
	rig_text(&up, TSE_TO_SERVER, "\x81\x85xxxx");
	assert_int_equal(up.verdict, TSE_GO_ON);
	assert_int_equal(down.verdict, TSE_GO_ON);
	assert_int_equal(up.half[0].held_len + down.half[1].held_len, 0);
	rig_close(&down);
	rig_close(&up);
}

/* Nobody reads the requests: what cannot be followed goes on as bytes, what can is matched. */
static void blind_responses_go_on(void **state)
{
	struct rig r;

	rig_open(&r, LEAK_RULE, NULL);
	tse_flow_join(r.flow, NULL);
	rig_text(&r, TSE_TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
	assert_int_equal(r.nsids, 0);
	rig_text(&r, TSE_TO_CLIENT, "\x81\x01 no HTTP any more");
	assert_int_equal(r.verdict, TSE_GO_ON);
	assert_int_equal(r.half[1].held_len, 0);
	tse_flow_end(r.flow);
	rig_flow(&r, TSE_SERVICE_HTTP);
	tse_flow_join(r.flow, NULL);
	rig_text(&r, TSE_TO_CLIENT, LEAK_RESPONSE);
	assert_int_equal(r.verdict, TSE_BLOCK);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(good_request_is_released_whole),
	        cmocka_unit_test(attack_split_at_each_byte_delivers_nothing),
	        cmocka_unit_test(pipelined_attack_is_blocked_after_the_good_one),
	        cmocka_unit_test(body_pattern_over_two_pieces_blocks),
	        cmocka_unit_test(raw_rule_blocks_on_any_service),
	        cmocka_unit_test(joined_flows_pair_responses_with_requests),
	        cmocka_unit_test(blind_responses_go_on),
	        cmocka_unit_test(held_bytes_have_a_limit),
	        cmocka_unit_test(eof_releases_or_blocks_all),
	        cmocka_unit_test(verdicts_last),
	        cmocka_unit_test(what_is_known_of_a_transaction_is_told),
	        cmocka_unit_test(absence_is_judged_on_the_whole_head),
	        cmocka_unit_test(a_body_beyond_its_limit_is_matched_up_to_it),
	        cmocka_unit_test(many_matches_keep_the_blocking_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
