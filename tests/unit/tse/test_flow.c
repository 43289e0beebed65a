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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(good_request_is_released_whole),
	        cmocka_unit_test(attack_split_at_each_byte_delivers_nothing),
	        cmocka_unit_test(pipelined_attack_is_blocked_after_the_good_one),
	        cmocka_unit_test(body_pattern_over_two_pieces_blocks),
	        cmocka_unit_test(raw_rule_blocks_on_any_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
