/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC taken out of Alt-Svc: what a client reads afterwards, that nothing else changed, and that
 * the rules saw it all before.
 */
#include "tests/unit/tse/tse_test.h"

#include "tse/proto/altsvc.h"

#define OK      "HTTP/1.1 200 OK\r\n"
#define REQUEST "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"

/* As a client reads it: blanks beside blanks and before a line's end mean nothing. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (*p == ' ' && (p[1] == ' ' || p[1] == '\r' || p[1] == '\n'))
			continue;
		*to++ = *p;
	}
	*to = '\0';
}

static void assert_only_blanked(const uint8_t *was, const uint8_t *is, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is[i] != was[i])
			assert_int_equal(is[i], ' ');
}

static const struct {
	const char *fields, *left; /* behind the status line, before the empty line */
} heads[] = {
        /* What is left stays where it was. */
        {"Alt-Svc: h2=\":443\"\r\n", "Alt-Svc: h2=\":443\"\r\n"},
        {"Alt-Svc: clear\r\n", "Alt-Svc: clear\r\n"},
        {"Alt-Svc:\r\n", "Alt-Svc:\r\n"},
        {"Alt-Svc: ,\r\n", "Alt-Svc: ,\r\n"},
        {"Alt-Svc: h30=\":1\", hqx=\":1\", quick=\":1\", ah3=\":1\"\r\n",
         "Alt-Svc: h30=\":1\", hqx=\":1\", quick=\":1\", ah3=\":1\"\r\n"},
        {"X-Alt-Svc: h3=\":443\"\r\nAlt-Svcs: h3=\":443\"\r\n",
         "X-Alt-Svc: h3=\":443\"\r\nAlt-Svcs: h3=\":443\"\r\n"},
        {"Alt-Svc: h2=\"h3:443, h3=\\\":443\"\r\n", "Alt-Svc: h2=\"h3:443, h3=\\\":443\"\r\n"},
        /* One of several, and its comma. */
        {"Alt-Svc: h3=\":443\"; ma=86400, h2=\":443\"\r\n", "Alt-Svc: h2=\":443\"\r\n"},
        {"Alt-Svc: h2=\":443\", h3=\":443\"; ma=86400\r\n", "Alt-Svc: h2=\":443\"\r\n"},
        {"Alt-Svc: h2=\"a:1\" , h3=\":443\" ,h3-29=\":443\"; ma=1, http%2F1.1=\":8\"\r\n",
         "Alt-Svc: h2=\"a:1\" , http%2F1.1=\":8\"\r\n"},
        {"Alt-Svc: h2=\":1\",h3=\":2\",hq-29=\":3\",quic=\":4\"; v=\"46,43\",h3-Q050=\":5\"\r\n",
         "Alt-Svc: h2=\":1\"\r\n"},
        {"Alt-Svc: h3=\"h2=,\\\"x:1\";ma=1, h2=\":2\"\r\n", "Alt-Svc: h2=\":2\"\r\n"},
        /* Nothing else: no field. */
        {"Alt-Svc: h3=\":443\"\r\n", ""},
        {"Server: s\r\nAlt-Svc: h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000\r\nX: y\r\n",
         "Server: s\r\nX: y\r\n"},
        {"A: b\r\naLT-SVC:hq=\":1\"\r\nAlt-Svc: h3\r\nALT-SVC : H3-27=\":443\" , \r\n", "A: b\r\n"},
        {"A: b\nAlt-Svc: h3=\":443\"\nC: d\r\n", "A: b\nC: d\r\n"},
        {"Alt-Svc: %683=\":443\"\r\nAlt-Svc: h%33-29=\":443\"\r\nAlt-Svc: %51uic=\":1\"\r\n", ""},
        {"Alt-Svc: h3 =\":443\"\r\nAlt-Svc: h3;=\r\n", ""},
        /* No list. */
        {"A: b\r\nAlt-Svc: h2=\":443\", x=\"h3=:443\r\n", "A: b\r\n"},
        {"A: b\r\nAlt-Svc: \"\\\r\n", "A: b\r\n"},
        /* Folded. */
        {"Alt-Svc: h3=\":443\";\r\n ma=60,\r\n\th2=\":443\"\r\n", "Alt-Svc:\r\n\th2=\":443\"\r\n"},
        {"A: b\r\nAlt-Svc:\r\n h3=\":443\",\r\n h3-29=\":443\"\r\nC: d\r\n", "A: b\r\nC: d\r\n"},
        {"A: b\r\n c\r\nAlt-Svc: h3=\":443\"\r\n", "A: b\r\n c\r\n"},
        {"Alt-Svc: h2=\":443\",\r\n h3=\r\n \":443\"\r\nC: d\r\n",
         "Alt-Svc: h2=\":443\"\r\nC: d\r\n"},
        /* Several fields, each by itself. */
        {"Alt-Svc: h3=\":1\"\r\nAlt-Svc: h2=\":2\"\r\nAlt-Svc: h3=\":3\", h2=\":4\"\r\n",
         "Alt-Svc: h2=\":2\"\r\nAlt-Svc: h2=\":4\"\r\n"},
};

static void a_head_keeps_what_is_not_quic(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(heads); i++) {
		struct http_head *head = calloc(1, sizeof(*head));
		char was[1024], is[1024], left[1024];
		size_t len = (size_t)snprintf(was, sizeof(was), OK "%s\r\n", heads[i].fields);

		(void)snprintf(left, sizeof(left), OK "%s\r\n", heads[i].left);
		memcpy(is, was, sizeof(is));
		assert_non_null(head);
		head_read((const uint8_t *)is, len, TSE_TO_CLIENT, head);
		altsvc_hide(head, (uint8_t *)is);
		assert_only_blanked((const uint8_t *)was, (const uint8_t *)is, len);
		squeeze(is);
		squeeze(left);
		assert_string_equal(is, left);
		free(head);
	}
}

/* The first field behind a status line that has no reason. */
static void a_status_line_stays_one(void **state)
{
	static const char text[] = "HTTP/1.1 200\r\nAlt-Svc: h3=\":1\"\r\n\r\n";
	struct rig r;

	rig_open(&r, "", NULL);
	tse_flow_hide_quic(r.flow);
	rig_text(&r, TSE_TO_SERVER, REQUEST);
	rig_text(&r, TSE_TO_CLIENT, text);
	assert_int_equal(r.half[TSE_TO_CLIENT].released_len, strlen(text));
	assert_memory_equal(r.half[TSE_TO_CLIENT].released, "HTTP/1.1 200      ", 18);
	rig_close(&r);
}

/* Feeds requests and answers in pieces; what came out must differ from `text` in blanks alone and
 * then read as `left`. */
static void assert_answers(const char *requests, const char *text, const char *left, bool hide)
{
	size_t len = strlen(text);

	for (size_t step = 1; step <= len; step = step < 8      ? step + 1
	                                          : step == len ? len + 1
	                                                        : len) {
		struct rig r;
		char want[2048];
		char *got;

		rig_open(&r, "", NULL);
		if (hide)
			tse_flow_hide_quic(r.flow);
		rig_text(&r, TSE_TO_SERVER, requests);
		rig_split(&r, TSE_TO_CLIENT, text, len, step);
		rig_feed(&r, TSE_TO_CLIENT, NULL, 0, true);
		assert_int_equal(r.half[TSE_TO_SERVER].released_len, strlen(requests));
		assert_memory_equal(r.half[TSE_TO_SERVER].released, requests, strlen(requests));
		assert_int_equal(r.half[TSE_TO_CLIENT].released_len, len);
		assert_only_blanked((const uint8_t *)text, r.half[TSE_TO_CLIENT].released, len);
		got = strndup((char *)r.half[TSE_TO_CLIENT].released, len);
		assert_non_null(got);
		(void)snprintf(want, sizeof(want), "%s", left);
		squeeze(got);
		squeeze(want);
		assert_string_equal(got, want);
		free(got);
		rig_close(&r);
	}
}

static void heads_of_all_messages_and_no_bodies(void **state)
{
#define ALT    "Alt-Svc: h3=\":443\"\r\n"
#define LENGTH "Content-Length: 22\r\n\r\n\r\nAlt-Svc: h3=\":443\"\r\n"
	assert_answers(REQUEST, OK ALT LENGTH, OK LENGTH, true);
	assert_answers(REQUEST, OK ALT LENGTH, OK ALT LENGTH, false);
	/* Answers behind each other, one before the final one, one without a body. */
	assert_answers(REQUEST REQUEST REQUEST,
	               OK ALT LENGTH "HTTP/1.1 103 Early Hints\r\n" ALT "\r\n"
	                             "HTTP/1.1 304 Not Modified\r\n" ALT "\r\n" OK ALT "\r\nbody "
	                             "without end " ALT,
	               OK LENGTH
	               "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n" OK
	               "\r\nbody without end " ALT,
	               true);
	assert_answers("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" REQUEST,
	               OK ALT "Content-Length: 9\r\n\r\n" OK ALT LENGTH,
	               OK "Content-Length: 9\r\n\r\n" OK LENGTH, true);
	assert_answers("GET / HTTP/1.1\r\nHost: h\r\n" ALT "\r\n", OK "Content-Length: 0\r\n\r\n",
	               OK "Content-Length: 0\r\n\r\n", true);
	assert_answers("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n",
	               "HTTP/1.1 101 Switching\r\nUpgrade: ws\r\nConnection: upgrade\r\n" ALT
	               "\r\n" OK ALT "\r\n",
	               "HTTP/1.1 101 Switching\r\nUpgrade: ws\r\nConnection: upgrade\r\n\r\n" OK ALT
	               "\r\n",
	               true);
}

static void trailers_have_no_value_left(void **state)
{
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n14\r\nAlt-Svc: h3=\":443\"\r\n\r\n0\r\n"
	assert_answers(REQUEST REQUEST,
	               OK ALT CHUNKED "A: Alt-Svc: h3\r\nalt-SVC: h3=\":443\"\r\n ;ma=1\r\nB: c\r\n"
	                              "\r\n" OK ALT LENGTH,
	               OK CHUNKED "A: Alt-Svc: h3\r\nalt-SVC:\r\n\r\nB: c\r\n\r\n" OK LENGTH, true);
	assert_answers(REQUEST, OK CHUNKED ALT "\r\n", OK CHUNKED ALT "\r\n", false);
}

/* Also where a rule goes on in the bytes behind, or joins the head with the body. */
static void rules_see_what_is_hidden(void **state)
{
	static const char answer[] =
	        OK ALT "Content-Length: 22\r\n\r\n\r\nAlt-Svc: h3=\":443\"\r\n";
	static const char rules[] =
	        "alert http any any -> any any (flow:to_client; http.header; content:\"h3=\"; "
	        "sid:1;)\n"
	        "alert tcp any any -> any any (content:\"h3=|22|\"; content:\"Length\"; within:40; "
	        "sid:2;)\n"
	        "alert http any any -> any any (flow:to_client; http.header; content:\"Alt-Svc: "
	        "h3\"; "
	        "file.data; content:\"443\"; sid:3;)\n"
	        "alert tcp any any -> any any (flow:to_client; content:\"200 OK\"; "
	        "content:!\"h3=\"; "
	        "sid:4;)\n";
	size_t len = strlen(answer);

	for (size_t step = 1; step <= len; step += step < 4 ? 1 : len - 4) {
		struct rig r;

		rig_open(&r, rules, NULL);
		assert_int_equal(r.errors, 0);
		tse_flow_hide_quic(r.flow);
		rig_text(&r, TSE_TO_SERVER, REQUEST);
		rig_split(&r, TSE_TO_CLIENT, answer, len, step);
		for (uint32_t sid = 1; sid <= 3; sid++)
			assert_true(rig_matched(&r, sid));
		assert_false(rig_matched(&r, 4));
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_head_keeps_what_is_not_quic),
	        cmocka_unit_test(a_status_line_stays_one),
	        cmocka_unit_test(heads_of_all_messages_and_no_bodies),
	        cmocka_unit_test(trailers_have_no_value_left),
	        cmocka_unit_test(rules_see_what_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
