/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server before raw bytes: what evhttp would read in another way than the next program is
 * refused, and nothing behind it is served. The server runs in a thread; each case is a connection.
 */
#include "smsd/http/http.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "smsd/base/problem.h"
#include "tests/unit/smsd/http/rig.h"
#include "tests/unit/unit.h"

enum { BODY_MAX = 1000 };

struct yard {
	struct rig rig;
	struct http_server *server;
	struct http_server *hasty;  /* waits a second, no more */
	struct http_server *narrow; /* holds three bodies at once */
	atomic_int served;
};

static void serve(void *arg, struct http_exchange *exchange)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct http_response response;
	struct yard *yard = arg;

	atomic_fetch_add(&yard->served, 1);
	http_response_init(&response);
	response.content_type = "text/plain";
	(void)buf_printf(&response.body, "%s|%s|%zu|%.*s|%s|", request->path, request->query,
	                 request->body_len, (int)request->body_len, (const char *)request->body,
	                 request->from);
	(void)snprintf(response.etag, sizeof(response.etag), "\"7\"");
	http_reply(exchange, &response);
	http_response_fini(&response);
}

static int set_up(void **state)
{
	struct yard *yard = calloc(1, sizeof(*yard));
	struct problem problem = {0};
	struct http_options options = {.address = "127.0.0.1", .body_max = BODY_MAX, .fn = serve};
	struct event_base *base;

	assert_non_null(yard);
	rig_init(&yard->rig);
	base = yard->rig.base;
	options.ctx = yard->rig.ctx;
	options.arg = yard;
	assert_int_equal(http_server_create(base, &options, &yard->server, &problem), 0);
	options.incoming_max = 3 * BODY_MAX;
	assert_int_equal(http_server_create(base, &options, &yard->narrow, &problem), 0);
	options.idle_s = options.request_s = 1;
	assert_int_equal(http_server_create(base, &options, &yard->hasty, &problem), 0);
	rig_run(&yard->rig);
	*state = yard;
	return 0;
}

static int tear_down(void **state)
{
	struct yard *yard = *state;

	rig_stop(&yard->rig);
	http_server_destroy(yard->server);
	http_server_destroy(yard->hasty);
	http_server_destroy(yard->narrow);
	rig_fini(&yard->rig);
	free(yard);
	return 0;
}

/* NULL when the server does not want to. */
static SSL *dial_tls(const struct yard *yard)
{
	return rig_dial_tls(&yard->rig, yard->server, 0);
}

/* Without a word; false when the reader's patience is over and it is still open. */
static bool is_closed(SSL *ssl)
{
	char byte;
	int got = SSL_read(ssl, &byte, 1);

	return got <= 0 && SSL_get_error(ssl, got) != SSL_ERROR_WANT_READ;
}

static void a_request_comes_whole_and_its_answer_goes_back(void **state)
{
	struct yard *yard = *state;
	SSL *ssl = dial_tls(yard);
	char answer[ANSWER_MAX];

	assert_non_null(ssl);
	rig_say(ssl, "POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
	rig_say(ssl, "loGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_read_answer(ssl, "/next|", answer);
	assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(answer, "/a b|c=d|5|hello|127.0.0.1|"));
	assert_non_null(strstr(answer, "ETag: \"7\"\r\n"));
	assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(answer, "/next||0||127.0.0.1|"));
	rig_hang_up(ssl);
}

#define HIDDEN "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

static const struct {
	const char *status; /* begin of the only answer; "" closes without a word */
	const char *bytes;
} refused[] = {
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "21\r\n" HIDDEN "\r\n0\r\n\r\n"},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x, chunked\r\n\r\n"
                          "21\r\n" HIDDEN "\r\n0\r\n\r\n"},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                          "Content-Length: 4\r\n\r\n5\r\nhello\r\n0\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                          "Content-Length: 38\r\n\r\nhello" HIDDEN},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 33\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello" HIDDEN},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello" HIDDEN},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello" HIDDEN},
        {"HTTP/1.1 400 ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                          " 2\r\n\r\nhello" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\n"
                          "authorization: b\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\nCookie: a\r\nCookie: b\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n" HIDDEN},
        {"HTTP/1.1 400 ", "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n" HIDDEN},
        {"HTTP/1.1 405 ", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" HIDDEN},
        {"HTTP/1.1 405 ", "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n" HIDDEN},
        {"HTTP/1.1 405 ", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n" HIDDEN},
        {"HTTP/1.1 501 ", "BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" HIDDEN},
};

static size_t answers_in(const char *text)
{
	size_t n = 0;

	while ((text = strstr(text, "HTTP/1.1 ")) != NULL) {
		n++;
		text++;
	}
	return n;
}

static void what_could_hide_a_request_ends_the_connection(void **state)
{
	struct yard *yard = *state;
	char answer[ANSWER_MAX];

	for (size_t i = 0; i < SL_ARRAY_LEN(refused); i++) {
		int before = atomic_load(&yard->served);
		SSL *ssl = dial_tls(yard);

		assert_non_null(ssl);
		rig_say(ssl, refused[i].bytes);
		rig_read_answer(ssl, NULL, answer);
		if (strncmp(answer, refused[i].status, strlen(refused[i].status)) != 0 ||
		    answers_in(answer) != 1 || atomic_load(&yard->served) != before)
			fail_msg("to\n%s\ncame\n%s", refused[i].bytes, answer);
		rig_hang_up(ssl);
	}
}

static void bodies_and_headers_are_bounded(void **state)
{
	struct yard *yard = *state;
	char answer[ANSWER_MAX];
	char text[HTTP_HEADERS_MAX + 4096];

	for (int over = 0; over < 2; over++) {
		SSL *ssl = dial_tls(yard);
		int len = snprintf(text, sizeof(text),
		                   "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		                   "Content-Length: %d\r\n\r\n",
		                   BODY_MAX + over);

		memset(text + len, 'b', BODY_MAX + (size_t)over);
		text[len + BODY_MAX + over] = '\0';
		rig_say(ssl, text);
		rig_read_answer(ssl, NULL, answer);
		assert_int_equal(strncmp(answer, over ? "HTTP/1.1 413 " : "HTTP/1.1 200 ", 13), 0);
		rig_hang_up(ssl);
	}
	for (int over = 0; over < 2; over++) {
		SSL *ssl = dial_tls(yard);
		int len = snprintf(text, sizeof(text),
		                   "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ");

		memset(text + len, 'h', sizeof(text) - (size_t)len);
		(void)strcpy(text + HTTP_HEADERS_MAX + (over ? 2048 : -512), "\r\n\r\n");
		rig_say(ssl, text);
		rig_read_answer(ssl, NULL, answer);
		assert_int_equal(strncmp(answer, over ? "HTTP/1.1 4" : "HTTP/1.1 2", 10), 0);
		rig_hang_up(ssl);
	}
}

static void one_source_has_so_many_connections_and_gets_them_back(void **state)
{
	struct yard *yard = *state;
	SSL *held[HTTP_SOURCE_MAX];
	SSL *more = NULL;

	for (size_t i = 0; i < HTTP_SOURCE_MAX; i++) {
		held[i] = dial_tls(yard);
		assert_non_null(held[i]);
	}
	assert_null(dial_tls(yard));
	for (size_t i = 0; i < HTTP_SOURCE_MAX; i++)
		rig_hang_up(held[i]);
	for (int i = 0; i < 200 && !more; i++) {
		(void)poll(NULL, 0, 50);
		more = dial_tls(yard);
	}
	assert_non_null(more);
	rig_hang_up(more);
}

static void old_versions_of_tls_and_plain_text_are_not_served(void **state)
{
	struct yard *yard = *state;
	int before = atomic_load(&yard->served);
	SSL *ssl = SSL_new(yard->rig.client);
	char byte;
	int fd;

	SSL_set_security_level(ssl, 0);
	assert_int_equal(SSL_set_min_proto_version(ssl, TLS1_1_VERSION), 1);
	assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_1_VERSION), 1);
	assert_int_equal(SSL_set_fd(ssl, rig_dial(yard->server, 0)), 1);
	assert_int_not_equal(SSL_connect(ssl), 1);
	rig_hang_up(ssl);
	fd = rig_dial(yard->server, 0);
	assert_true(write(fd, HIDDEN, sizeof(HIDDEN) - 1) > 0);
	while (read(fd, &byte, 1) == 1)
		assert_int_not_equal(byte, 'H');
	(void)close(fd);
	assert_int_equal(atomic_load(&yard->served), before);
}

/* Drips `text` on and on; the server's end comes long before the reader's patience is over. */
static void drip(const struct yard *yard, const char *begin, const char *drop)
{
	SSL *ssl = rig_dial_tls(&yard->rig, yard->hasty, 0);
	int drops = 0;

	assert_non_null(ssl);
	rig_say(ssl, begin);
	while (drops < 200 && SSL_write(ssl, drop, (int)strlen(drop)) > 0) {
		(void)poll(NULL, 0, 100);
		drops++;
	}
	assert_in_range(drops, 1, 199);
	rig_hang_up(ssl);
}

static void who_is_slow_is_not_waited_for(void **state)
{
	struct yard *yard = *state;
	int before = atomic_load(&yard->served);
	SSL *ssl = rig_dial_tls(&yard->rig, yard->hasty, 0);
	char byte;
	int fd;

	assert_non_null(ssl);
	assert_true(is_closed(ssl));
	rig_hang_up(ssl);
	fd = rig_dial(yard->hasty, 0);
	errno = 0;
	assert_true(read(fd, &byte, 1) <= 0);
	assert_int_not_equal(errno, EAGAIN);
	(void)close(fd);
	drip(yard, "GET / HTTP/1.1\r\nHost: x\r\n", "X: y\r\n");
	drip(yard, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", "x");
	assert_int_equal(atomic_load(&yard->served), before);
}

static void requests_of_all_have_a_bound_together(void **state)
{
	struct yard *yard = *state;
	char text[2 * BODY_MAX], answer[ANSWER_MAX];
	SSL *held[4];

	(void)snprintf(text, sizeof(text),
	               "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%0*d", BODY_MAX,
	               BODY_MAX - 1, 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(held); i++) {
		held[i] = rig_dial_tls(&yard->rig, yard->narrow, 0);
		assert_non_null(held[i]);
		rig_say(held[i], text);
		(void)poll(NULL, 0, 20);
	}
	/* Whoever came when it was full has to go; who was there first is served. */
	assert_true(is_closed(held[SL_ARRAY_LEN(held) - 1]));
	rig_say(held[0], "x");
	rig_read_answer(held[0], "127.0.0.1|", answer);
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(held); i++)
		rig_hang_up(held[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_request_comes_whole_and_its_answer_goes_back),
	        cmocka_unit_test(what_could_hide_a_request_ends_the_connection),
	        cmocka_unit_test(bodies_and_headers_are_bounded),
	        cmocka_unit_test(one_source_has_so_many_connections_and_gets_them_back),
	        cmocka_unit_test(who_is_slow_is_not_waited_for),
	        cmocka_unit_test(requests_of_all_have_a_bound_together),
	        cmocka_unit_test(old_versions_of_tls_and_plain_text_are_not_served),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
