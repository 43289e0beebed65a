/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that go on, before raw bytes: what is written goes out, a reader who does not read is
 * bounded and ended, and one who is gone is noticed. The server runs in a thread.
 */
#include "smsd/http/http.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smsd/base/problem.h"
#include "tests/unit/unit.h"

enum {
	ANSWER_MAX = 64 * 1024,
	PART = 16 * 1024, /* of "/flood" */
	STEP_US = 5000,
	PARTS = 3, /* of "/parts" */
	PATIENCE_S = 20,
};

/* One connection's answer; the path says how it is. */
struct writer {
	struct rig *rig;
	struct http_stream *stream;
	struct event *step;
	unsigned written;
	enum { PARTS_AND_END, FLOOD, CUT, WAIT } way;
};

struct rig {
	struct event_base *base;
	struct http_server *server;
	SSL_CTX *ctx, *client;
	pthread_t thread;
	int stop[2];
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

	atomic_fetch_add(&writer->rig->gone, 1);
	stop_writing(writer, false);
}

static void drained(void *arg)
{
	atomic_fetch_add(&((struct writer *)arg)->rig->drained, 1);
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
	atomic_fetch_add(&writer->rig->sent, (unsigned)len);
}

static void serve(void *arg, struct http_exchange *exchange)
{
	static const struct http_stream_calls calls = {.gone = gone, .drained = drained};
	static const struct timeval step = {.tv_usec = STEP_US};
	const char *path = http_exchange_request(exchange)->path;
	struct writer *writer = calloc(1, sizeof(*writer));
	struct http_response response;
	struct rig *rig = arg;

	assert_non_null(writer);
	writer->rig = rig;
	writer->way = strcmp(path, "/flood") == 0  ? FLOOD
	              : strcmp(path, "/cut") == 0  ? CUT
	              : strcmp(path, "/wait") == 0 ? WAIT
	                                           : PARTS_AND_END;
	writer->step = event_new(rig->base, -1, EV_PERSIST, step_due, writer);
	http_response_init(&response);
	response.content_type = "text/event-stream";
	(void)buf_printf(&response.body, "begins %s\n",
	                 http_exchange_request(exchange)->last_event_id);
	assert_int_equal(http_stream_begin(exchange, &response, &calls, writer, &writer->stream),
	                 0);
	http_response_fini(&response);
	(void)event_add(writer->step, &step);
}

static void stop_due(evutil_socket_t fd, short what, void *arg)
{
	(void)event_base_loopbreak(arg);
}

static void *loop(void *arg)
{
	struct rig *rig = arg;
	struct event *stop = event_new(rig->base, rig->stop[0], EV_READ, stop_due, rig->base);

	(void)event_add(stop, NULL);
	(void)event_base_dispatch(rig->base);
	event_free(stop);
	return NULL;
}

static void self_sign(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	assert_non_null(key);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct problem problem = {0};
	struct http_options options = {
	        .address = "127.0.0.1", .body_max = 1000, .stall_s = 1, .fn = serve};

	assert_non_null(rig);
	(void)signal(SIGPIPE, SIG_IGN);
	rig->base = event_base_new();
	rig->ctx = SSL_CTX_new(TLS_server_method());
	rig->client = SSL_CTX_new(TLS_client_method());
	self_sign(rig->ctx);
	options.ctx = rig->ctx;
	options.arg = rig;
	assert_int_equal(http_server_create(rig->base, &options, &rig->server, &problem), 0);
	assert_int_equal(pipe(rig->stop), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, loop, rig), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(write(rig->stop[1], "", 1), 1);
	assert_int_equal(pthread_join(rig->thread, NULL), 0);
	http_server_destroy(rig->server);
	event_base_free(rig->base);
	SSL_CTX_free(rig->ctx);
	SSL_CTX_free(rig->client);
	(void)close(rig->stop[0]);
	(void)close(rig->stop[1]);
	free(rig);
	libevent_global_shutdown();
	return 0;
}

/* A reader; `room` bytes of it are the kernel's at most, 0: as ever. */
static SSL *ask(const struct rig *rig, const char *request, int room)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons(http_server_port(rig->server))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(rig->client);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (room > 0)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	assert_int_equal(SSL_connect(ssl), 1);
	assert_int_equal(SSL_write(ssl, request, (int)strlen(request)), (int)strlen(request));
	return ssl;
}

static void hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	(void)close(fd);
}

/* All that comes until the server closes, or until `end` has come. */
static void read_answer(SSL *ssl, const char *end, char answer[ANSWER_MAX])
{
	size_t len = 0;
	int got;

	answer[0] = '\0';
	while (len < ANSWER_MAX - 1 && !(end && strstr(answer, end))) {
		got = SSL_read(ssl, answer + len, (int)(ANSWER_MAX - 1 - len));
		if (got <= 0)
			break;
		len += (size_t)got;
		answer[len] = '\0';
	}
}

static void wait_for(const atomic_uint *counter, unsigned value)
{
	for (int i = 0; i < PATIENCE_S * 100 && atomic_load(counter) < value; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(atomic_load(counter), value);
}

static void parts_go_out_as_they_are_written(void **state)
{
	struct rig *rig = *state;
	SSL *ssl = ask(rig, "GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 7.8\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	read_answer(ssl, NULL, answer);
	assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(answer, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(answer, "Transfer-Encoding: chunked\r\n"));
	assert_null(strstr(answer, "Content-Length"));
	assert_non_null(strstr(answer, "\r\nb\r\nbegins 7.8\n\r\n"));
	assert_non_null(
	        strstr(answer, "7\r\npart 0\n\r\n7\r\npart 1\n\r\n7\r\npart 2\n\r\n0\r\n\r\n"));
	assert_in_range(atomic_load(&rig->drained), 1, PARTS + 1);
	assert_int_equal(atomic_load(&rig->gone), 0);
	hang_up(ssl);
}

static void an_old_reader_gets_them_without_chunks(void **state)
{
	struct rig *rig = *state;
	SSL *ssl = ask(rig, "GET / HTTP/1.0\r\nHost: x\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	read_answer(ssl, NULL, answer);
	assert_non_null(strstr(answer, "\r\n\r\nbegins \npart 0\npart 1\npart 2\n"));
	assert_null(strstr(answer, "chunked"));
	hang_up(ssl);
}

/* So a reader sees that it was no end. */
static void an_answer_that_is_cut_has_no_end(void **state)
{
	struct rig *rig = *state;
	SSL *ssl = ask(rig, "GET /cut HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	read_answer(ssl, NULL, answer);
	assert_non_null(strstr(answer, "part 2"));
	assert_null(strstr(answer, "\r\n0\r\n"));
	assert_int_equal(atomic_load(&rig->gone), 0);
	hang_up(ssl);
}

/* What is made for him stays within the bound and what the kernel takes; the other one reads on. */
static void who_does_not_read_is_ended(void **state)
{
	enum { KERNEL_MAX = 32 * 1024 * 1024 };
	struct rig *rig = *state;
	SSL *slow = ask(rig, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n", 4096);
	SSL *other = ask(rig, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0);
	char answer[ANSWER_MAX];

	read_answer(other, NULL, answer);
	assert_non_null(strstr(answer, "\r\n0\r\n\r\n"));
	hang_up(other);
	wait_for(&rig->gone, 1);
	assert_in_range(atomic_load(&rig->sent), HTTP_STREAM_UNREAD_MAX, KERNEL_MAX);
	hang_up(slow);
}

static void who_is_gone_is_noticed(void **state)
{
	struct rig *rig = *state;
	char answer[ANSWER_MAX];
	SSL *ssl = ask(rig, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", 0);

	read_answer(ssl, "begins", answer);
	hang_up(ssl);
	wait_for(&rig->gone, 1);
}

/* Nothing of it would ever be read: without a bound it would pile up. */
static void who_says_something_is_ended(void **state)
{
	struct rig *rig = *state;
	char answer[ANSWER_MAX];
	SSL *ssl = ask(rig, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", 0);

	read_answer(ssl, "begins", answer);
	assert_int_equal(SSL_write(ssl, "x", 1), 1);
	wait_for(&rig->gone, 1);
	hang_up(ssl);
}

/* The time of a connection without a request is not that of one who follows. */
static void who_waits_longer_than_a_stall_is_not_ended(void **state)
{
	struct rig *rig = *state;
	char answer[ANSWER_MAX];
	SSL *ssl = ask(rig, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", 0);

	read_answer(ssl, "begins", answer);
	(void)poll(NULL, 0, 2500);
	assert_int_equal(atomic_load(&rig->gone), 0);
	hang_up(ssl);
	wait_for(&rig->gone, 1);
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
