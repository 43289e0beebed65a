/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a blocked message may be answered in the server's place: only when an answer of HTTP/1 is
 * what its client reads next, from its first byte on.
 */
#include "tests/unit/tse/tse_test.h"

#define RULES                                                                                      \
	"drop http any any -> any any (msg:\"m\"; http.uri; content:\"attack\"; sid:1;)\n"         \
	"drop http any any -> any any (msg:\"m\"; http.request_body; content:\"attack\"; "         \
	"sid:2;)\n"                                                                                \
	"drop http any any -> any any (msg:\"m\"; flow:to_client; file.data; "                     \
	"content:\"secret\"; sid:3;)\n"
#define GOOD        "GET /good HTTP/1.1\r\nHost: a\r\n\r\n"
#define ATTACK      "GET /attack HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
#define OK          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define SECRET_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"

/* What is said in turn: a '>' goes to the server, a '<' to the client; one feed a text. */
struct talk {
	const char *about;
	const char *feeds[6];
	bool answerable, head;
};

static const struct talk talks[] = {
        {"the first request", {">" ATTACK}, true, false},
        {"in pieces", {">GET /att", ">ack HTTP/1.1\r\nHost: a\r\n", ">\r\n"}, true, false},
        {"a HEAD", {">HEAD /attack HTTP/1.1\r\nHost: a\r\n\r\n"}, true, true},
        {"HTTP/1.0", {">GET /attack HTTP/1.0\r\n\r\n"}, true, false},
        {"after one that was answered", {">" GOOD, "<" OK, ">" ATTACK}, true, false},
        {"before the answer to an earlier one", {">" GOOD, ">" ATTACK}, false, false},
        {"in the middle of it",
         {">" GOOD, "<HTTP/1.1 200 OK\r\nContent-Le", ">" ATTACK},
         false,
         false},
        {"behind another in one piece", {">" GOOD ATTACK}, false, false},
        {"a body", {">" POST, ">xxxx attack"}, true, false},
        {"a body and its head at once", {">" POST "xxxx attack"}, true, false},
        {"a body behind 100 Continue",
         {">" POST, "<HTTP/1.1 100 C\r\n\r\n", ">attack"},
         true,
         false},
        {"a body that is answered already",
         {">" POST, "<HTTP/1.1 413 L\r\nContent-Length: 9\r\n\r\n", ">attack"},
         false,
         false},
        {"a body whose answer is complete", {">" POST, "<" OK, ">attack"}, false, false},
        {"an answer", {">" GOOD, "<" SECRET_HEAD "secret!!"}, true, false},
        {"an answer to a HEAD",
         {">HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "<HTTP/1.1 200 OK\r\nA\r\n\r\n"},
         true,
         true},
        {"an answer whose head has left", {">" GOOD, "<" SECRET_HEAD, "<secret!!"}, false, false},
        {"the second answer",
         {">" GOOD, "<" OK, ">" GOOD, "<" SECRET_HEAD "secret!!"},
         true,
         false},
        {"an answer that nobody asked for", {"<" SECRET_HEAD "secret!!"}, false, false},
        {"a request that is odd", {">GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n"}, true, false},
        {"no HTTP", {">\x16\x03\x01 attack\r\n\r\n"}, false, false},
        {"HTTP/0.9", {">GET /\r\n"}, false, false},
        {"another version", {">GET / HTTP/3.0\r\nHost: a\r\n\r\n"}, false, false},
        {"HTTP/2", {">PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, false, false},
};

static void run(struct rig *up, struct rig *down, const struct talk *t)
{
	const struct rig *last = up;

	for (size_t i = 0; t->feeds[i]; i++) {
		bool to_client = t->feeds[i][0] == '<';
		struct rig *r = to_client ? down : up;

		assert_int_equal(r->verdict, TSE_GO_ON);
		assert_false(r->answerable);
		rig_text(r, to_client ? TSE_TO_CLIENT : TSE_TO_SERVER, t->feeds[i] + 1);
		last = r;
	}
	if (last->verdict != TSE_BLOCK || last->answerable != t->answerable ||
	    (t->answerable && last->answers_head != t->head))
		fail_msg("%s: verdict %d, answerable %d, head %d", t->about, last->verdict,
		         last->answerable, last->answers_head);
}

static void an_answer_is_only_given_where_it_is_read(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(talks); i++) {
		struct rig r;

		rig_open(&r, RULES, NULL);
		run(&r, &r, &talks[i]);
		rig_close(&r);
	}
}

/* Answers are read by another rule set (R129-R131). */
static void the_same_with_two_flows(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(talks); i++) {
		struct rig up, down;

		rig_open(&up, RULES, NULL);
		rig_open(&down, RULES, NULL);
		tse_flow_join(down.flow, up.flow);
		run(&up, &down, &talks[i]);
		rig_close(&down);
		rig_close(&up);
	}
}

static void a_service_that_is_not_http_has_no_answer(void **state)
{
	struct rig r;

	rig_open(&r, "drop tcp any any -> any any (msg:\"m\"; content:\"attack\"; sid:1;)\n", NULL);
	tse_flow_end(r.flow);
	rig_flow(&r, TSE_SERVICE_OTHER);
	rig_text(&r, TSE_TO_SERVER, ATTACK);
	assert_int_equal(r.verdict, TSE_BLOCK);
	assert_false(r.answerable);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_answer_is_only_given_where_it_is_read),
	        cmocka_unit_test(the_same_with_two_flows),
	        cmocka_unit_test(a_service_that_is_not_http_has_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
