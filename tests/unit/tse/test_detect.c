/* SPDX-License-Identifier: Apache-2.0 */
/* A service that nobody named: HTTP or not, by the client's first bytes, however they come. */
#include "tests/unit/tse/tse_test.h"

#define RULES                                                                                      \
	"drop http any any -> any any (msg:\"m\"; http.uri; content:\"attack\"; sid:1;)\n"         \
	"drop tcp any any -> any any (msg:\"m\"; content:\"forbidden\"; sid:2;)\n"                 \
	"drop http any any -> any any (msg:\"m\"; flow:to_client; file.data; "                     \
	"content:\"secret\"; sid:3;)\n"
/* The path is normalised: only a reader of HTTP sees the word. */
#define ATTACK " /att%61ck HTTP/1.1\r\nHost: a\r\n\r\n"

static void open_detect(struct rig *r)
{
	rig_open(r, RULES, NULL);
	tse_flow_end(r->flow);
	rig_flow(r, TSE_SERVICE_DETECT);
}

static void a_request_is_found_however_it_is_cut(void **state)
{
	static const char *const texts[] = {"GET" ATTACK, "PROPPATCH" ATTACK, "CONNECT" ATTACK,
	                                    "\r\n\n\r\nPOST" ATTACK};

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		for (size_t step = 1; step <= strlen(texts[i]); step++) {
			struct rig r;

			open_detect(&r);
			rig_split(&r, TSE_TO_SERVER, texts[i], strlen(texts[i]), step);
			assert_int_equal(r.verdict, TSE_BLOCK);
			assert_true(i == 2 || rig_matched(&r, 1));
			assert_null(memchr(r.half[0].released, 'a', r.half[0].released_len));
			rig_close(&r);
		}
}

/* What is no request goes on at once, byte for byte, read by the generic rules. */
static void anything_else_is_only_bytes(void **state)
{
	static const char *const texts[] = {"SSH-2.0-x\r\n", "get key\r\n",  "GETAWAY\r\n",
	                                    "GET key\r\n",   "\x01\x02\x03", "EHLO x\r\n",
	                                    "good day\r\n",  "{}",           "P0"};

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		for (size_t step = 1; step <= strlen(texts[i]); step++) {
			struct rig r;

			open_detect(&r);
			rig_split(&r, TSE_TO_SERVER, texts[i], strlen(texts[i]), step);
			assert_int_equal(r.verdict, TSE_GO_ON);
			assert_int_equal(r.half[0].released_len, strlen(texts[i]));
			assert_memory_equal(r.half[0].released, texts[i], strlen(texts[i]));
			rig_split(&r, TSE_TO_SERVER, "what is forbidden", 17, step);
			assert_int_equal(r.verdict, TSE_BLOCK);
			assert_true(rig_matched(&r, 2));
			rig_close(&r);
		}
}

static void a_server_that_speaks_first_is_no_http(void **state)
{
	struct rig r;

	open_detect(&r);
	rig_text(&r, TSE_TO_CLIENT, "220 hello\r\n");
	assert_int_equal(r.half[1].held_len, 0);
	rig_text(&r, TSE_TO_SERVER, "G");
	assert_int_equal(r.half[0].held_len, 0);
	rig_text(&r, TSE_TO_CLIENT, "what is forbidden");
	assert_true(rig_matched(&r, 2));
	rig_close(&r);
}

static void the_end_lets_go_what_was_held(void **state)
{
	struct rig r;

	open_detect(&r);
	rig_text(&r, TSE_TO_SERVER, "GE");
	assert_int_equal(r.half[0].held_len, 2);
	rig_feed(&r, TSE_TO_SERVER, "", 0, true);
	assert_int_equal(r.half[0].released_len, 2);
	rig_close(&r);
	open_detect(&r);
	rig_feed(&r, TSE_TO_SERVER, "GET" ATTACK, strlen("GET" ATTACK), true);
	assert_int_equal(r.verdict, TSE_BLOCK);
	rig_close(&r);
}

/* Requests and answers read by a flow each: what the one found the other goes by. */
static void two_flows_find_the_same(void **state)
{
	struct rig up, down;

	open_detect(&up);
	open_detect(&down);
	tse_flow_join(down.flow, up.flow);
	rig_text(&up, TSE_TO_SERVER, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	rig_text(&down, TSE_TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
	assert_true(rig_matched(&down, 3));
	rig_close(&down);
	rig_close(&up);
	open_detect(&up);
	open_detect(&down);
	tse_flow_join(down.flow, up.flow);
	rig_text(&down, TSE_TO_CLIENT, "220 hello\r\n");
	rig_text(&up, TSE_TO_SERVER, "GET / is no request now\r\n");
	assert_int_equal(up.half[0].held_len, 0);
	rig_text(&down, TSE_TO_CLIENT, "what is forbidden");
	assert_true(rig_matched(&down, 2));
	rig_close(&down);
	rig_close(&up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_request_is_found_however_it_is_cut),
	        cmocka_unit_test(anything_else_is_only_bytes),
	        cmocka_unit_test(a_server_that_speaks_first_is_no_http),
	        cmocka_unit_test(the_end_lets_go_what_was_held),
	        cmocka_unit_test(two_flows_find_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
