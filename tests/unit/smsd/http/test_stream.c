/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that go on, before raw bytes: what is written goes out, a reader who does not read is
 * bounded and ended, and one who is gone is noticed. The server runs in a thread.
 */
#include "smsd/http/http.h"

#include <event2/event.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "smsd/base/problem.h"
#include "tests/unit/smsd/http/rig.h"
#include "tests/unit/unit.h"

enum {
	PART = 16 * 1024, /* of "/flood" */
	STEP_US = 5000,
	PARTS = 3, /* of "/parts" */
};

/* One connection's answer; the path says how it is. */
struct writer {
	struct yard *yard;
	struct http_stream *stream;
	struct event *step;
	unsigned written;
	enum { PARTS_AND_END, FLOOD, CUT, WAIT } way;
};

struct yard {
	struct rig rig;
	struct http_server *server;
	atomic_uint gone, drained, sent;
};

static void stop_writing(struct writer *writer, bool whole)
{
	http_stream_end(writer->stream, whole);
	event_free(writer->step);
	free(writer);
}

static void gone(void *arg)
{
	struct writer *writer = arg;

	atomic_fetch_add(&writer->yard->gone, 1);
	stop_writing(writer, false);
}

static void drained(void *arg)
{
	atomic_fetch_add(&((struct writer *)arg)->yard->drained, 1);
}

static void step_due(evutil_socket_t fd, short what, void *arg)
{
	struct writer *writer = arg;
	char part[PART];
	int len = snprintf(part, sizeof(part), "part %u\n", writer->written);

	if (writer->way == FLOOD) {
		memset(part, 'f', sizeof(part));
		len = sizeof(part);
	}
	if (writer->way == WAIT || !http_stream_ready(writer->stream))
		return;
	if (writer->written == PARTS && writer->way != FLOOD) {
		stop_writing(writer, writer->way == PARTS_AND_END);
		return;
	}
	assert_int_equal(http_stream_write(writer->stream, part, (size_t)len), 0);
	writer->written++;
	atomic_fetch_add(&writer->yard->sent, (unsigned)len);
}

static void serve(void *arg, struct http_exchange *exchange)
{
	static const struct http_stream_calls calls = {.gone = gone, .drained = drained};
	static const struct timeval step = {.tv_usec = STEP_US};
	const char *path = http_exchange_request(exchange)->path;
	struct writer *writer = calloc(1, sizeof(*writer));
	struct http_response response;
	struct yard *yard = arg;

	assert_non_null(writer);
	writer->yard = yard;
	writer->way = strcmp(path, "/flood") == 0  ? FLOOD
	              : strcmp(path, "/cut") == 0  ? CUT
	              : strcmp(path, "/wait") == 0 ? WAIT
	                                           : PARTS_AND_END;
	writer->step = event_new(yard->rig.base, -1, EV_PERSIST, step_due, writer);
	http_response_init(&response);
	response.content_type = "text/event-stream";
	(void)buf_printf(&response.body, "begins %s\n",
	                 http_exchange_request(exchange)->last_event_id);
	assert_int_equal(http_stream_begin(exchange, &response, &calls, writer, &writer->stream),
	                 0);
	http_response_fini(&response);
	(void)event_add(writer->step, &step);
}

static int set_up(void **state)
{
	struct yard *yard = calloc(1, sizeof(*yard));
	struct problem problem = {0};
	struct http_options options = {
	        .address = "127.0.0.1", .body_max = 1000, .stall_s = 1, .fn = serve};

	assert_non_null(yard);
	rig_init(&yard->rig);
	options.ctx = yard->rig.ctx;
	options.arg = yard;
	assert_int_equal(http_server_create(yard->rig.base, &options, &yard->server, &problem), 0);
	rig_run(&yard->rig);
	*state = yard;
	return 0;
}

static int tear_down(void **state)
{
	struct yard *yard = *state;

	rig_stop(&yard->rig);
	http_server_destroy(yard->server);
	rig_fini(&yard->rig);
	free(yard);
	return 0;
}

/* A reader; `room` bytes of it are the kernel's at most, 0: as ever. */
static SSL *ask(const struct yard *yard, const char *request, int room)
{
	SSL *ssl = rig_dial_tls(&yard->rig, yard->server, room);

	assert_non_null(ssl);
	rig_say(ssl, request);
	return ssl;
}

static void wait_for(const atomic_uint *counter, unsigned value)
{
	for (int i = 0; i < PATIENCE_S * 100 && atomic_load(counter) < value; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(atomic_load(counter), value);
}

static void parts_go_out_as_they_are_written(void **state)
{
	struct yard *yard = *state;
	SSL *ssl = ask(yard, "GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 7.8\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	rig_read_answer(ssl, NULL, answer);
	assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(answer, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(answer, "Transfer-Encoding: chunked\r\n"));
	assert_null(strstr(answer, "Content-Length"));
	assert_non_null(strstr(answer, "\r\nb\r\nbegins 7.8\n\r\n"));
	assert_non_null(
	        strstr(answer, "7\r\npart 0\n\r\n7\r\npart 1\n\r\n7\r\npart 2\n\r\n0\r\n\r\n"));
	assert_in_range(atomic_load(&yard->drained), 1, PARTS + 1);
	assert_int_equal(atomic_load(&yard->gone), 0);
	rig_hang_up(ssl);
}

static void an_old_reader_gets_them_without_chunks(void **state)
{
	struct yard *yard = *state;
	SSL *ssl = ask(yard, "GET / HTTP/1.0\r\nHost: x\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	rig_read_answer(ssl, NULL, answer);
	assert_non_null(strstr(answer, "\r\n\r\nbegins \npart 0\npart 1\npart 2\n"));
	assert_null(strstr(answer, "chunked"));
	rig_hang_up(ssl);
}

/* So a reader sees that it was no end. */
static void an_answer_that_is_cut_has_no_end(void **state)
{
	struct yard *yard = *state;
	SSL *ssl = ask(yard, "GET /cut HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	rig_read_answer(ssl, NULL, answer);
	assert_non_null(strstr(answer, "part 2"));
	assert_null(strstr(answer, "\r\n0\r\n"));
	assert_int_equal(atomic_load(&yard->gone), 0);
	rig_hang_up(ssl);
}

/* What is made for him stays within the bound and what the kernel takes; the other one reads on. */
static void who_does_not_read_is_ended(void **state)
{
	enum { KERNEL_MAX = 32 * 1024 * 1024 };
	struct yard *yard = *state;
	SSL *slow = ask(yard, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n", 4096);
	SSL *other = ask(yard, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	rig_read_answer(other, NULL, answer);
	assert_non_null(strstr(answer, "\r\n0\r\n\r\n"));
	rig_hang_up(other);
	wait_for(&yard->gone, 1);
	assert_in_range(atomic_load(&yard->sent), HTTP_STREAM_UNREAD_MAX, KERNEL_MAX);
	rig_hang_up(slow);
}

static void who_is_gone_is_noticed(void **state)
{
	struct yard *yard = *state;
	char answer[ANSWER_MAX];
	SSL *ssl = ask(yard, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", 0);

	rig_read_answer(ssl, "begins", answer);
	rig_hang_up(ssl);
	wait_for(&yard->gone, 1);
}

/* Nothing of it would ever be read: without a bound it would pile up. */
static void who_says_something_is_ended(void **state)
{
	struct yard *yard = *state;
	char answer[ANSWER_MAX];
	SSL *ssl = ask(yard, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", 0);

	rig_read_answer(ssl, "begins", answer);
	assert_int_equal(SSL_write(ssl, "x", 1), 1);
	wait_for(&yard->gone, 1);
	rig_hang_up(ssl);
}

/* The time of a connection without a request is not that of one who follows. */
static void who_waits_longer_than_a_stall_is_not_ended(void **state)
{
	struct yard *yard = *state;
	char answer[ANSWER_MAX];
	SSL *ssl = ask(yard, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", 0);

	rig_read_answer(ssl, "begins", answer);
	(void)poll(NULL, 0, 2500);
	assert_int_equal(atomic_load(&yard->gone), 0);
	rig_hang_up(ssl);
	wait_for(&yard->gone, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	        TEST(parts_go_out_as_they_are_written),
	        TEST(an_old_reader_gets_them_without_chunks),
	        TEST(an_answer_that_is_cut_has_no_end),
	        TEST(who_does_not_read_is_ended),
	        TEST(who_is_gone_is_noticed),
	        TEST(who_says_something_is_ended),
	        TEST(who_waits_longer_than_a_stall_is_not_ended),
#undef TEST
	};

	return RUN_TESTS(tests);
}
