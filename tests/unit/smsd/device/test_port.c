/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port with its loop in a thread, before devices that speak TLS: what is held and for how long,
 * who is woken, what the end leaves. Push's place is taken by a number that the test sets.
 */
#include "smsd/device/port.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/job/job.h"
#include "tests/unit/smsd/device/kit.h"

enum { ANSWER_MAX = 8192, PATIENCE_S = 60, LONG = REMOTE_WAIT_S };

struct rig {
	struct kit *kit;
	struct event_base *base;
	struct job_pool *pool;
	struct port *port;
	struct http_server *server;
	SSL_CTX *ctx;
	struct event *jobs, *told;
	int tell[2];
	pthread_t thread;
	atomic_int revision, asked, judged;
	atomic_bool open, wrong; /* when enrolments are looked at, and what they come to */
};

static int answer_wanted(struct port_call *call)
{
	struct rig *rig = call->above;
	char *text = http_query_value(call->request, "have");
	uint64_t have = 0;
	int rc = text ? value_parse_uint(text, &have) : 0;

	free(text);
	if (rc != 0)
		return problem_add(&call->problem, SL_EINVAL, "", "", "\"have\" is no number");
	atomic_fetch_add(&rig->asked, 1);
	call->nothing_new = have == (uint64_t)atomic_load(&rig->revision);
	call->response.content_type = "application/json";
	return buf_printf(&call->response.body, "{\"revision\":%d}", atomic_load(&rig->revision));
}

static int answer_enrolment(struct port_call *call)
{
	struct rig *rig = call->above;

	while (!atomic_load(&rig->open))
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
	atomic_fetch_add(&rig->judged, 1);
	if (atomic_load(&rig->wrong))
		return problem_add(&call->problem, SL_EREFUSED, "", "", "the token is wrong");
	call->response.content_type = "application/json";
	return buf_printf(&call->response.body, "{\"name\":\"north\"}");
}

static void jobs_ended(evutil_socket_t fd, short what, void *arg)
{
	job_reap(((struct rig *)arg)->pool);
}

/* 'c' closes the port, 'e' ends the loop. */
static void told(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;
	char word;

	assert_int_equal(read(rig->tell[0], &word, 1), 1);
	if (word == 'c')
		port_close(rig->port);
	else
		(void)event_base_loopbreak(rig->base);
}

static void tell(struct rig *rig, char word)
{
	assert_int_equal(write(rig->tell[1], &word, 1), 1);
}

static void *loop(void *arg)
{
	(void)event_base_dispatch(((struct rig *)arg)->base);
	return NULL;
}

static void serve(struct rig *rig)
{
	struct port_options options = {
	        .base = rig->base,
	        .pool = rig->pool,
	        .store = rig->kit->store,
	        .vault = rig->kit->vault,
	        .above = rig,
	        .handlers = {[REMOTE_WANTED] = answer_wanted, [REMOTE_ENROL] = answer_enrolment}};
	struct http_options http = {
	        .address = "127.0.0.1", .body_max = REMOTE_BODY_MAX, .fn = port_request};

	assert_int_equal(device_ca_context(rig->kit->store, rig->kit->vault, &rig->ctx,
	                                   &options.ctx_ends_ms, rig->kit->problem),
	                 0);
	options.ctx = http.ctx = rig->ctx;
	assert_int_equal(port_create(&options, &rig->port), 0);
	http.arg = rig->port;
	assert_int_equal(http_server_create(rig->base, &http, &rig->server, rig->kit->problem), 0);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(kit_setup(state), 0);
	rig->kit = *state;
	rig->base = event_base_new();
	assert_int_equal(job_pool_create(2, &rig->pool), 0);
	assert_int_equal(pipe(rig->tell), 0);
	rig->jobs =
	        event_new(rig->base, job_pool_fd(rig->pool), EV_READ | EV_PERSIST, jobs_ended, rig);
	rig->told = event_new(rig->base, rig->tell[0], EV_READ | EV_PERSIST, told, rig);
	assert_int_equal(event_add(rig->jobs, NULL), 0);
	assert_int_equal(event_add(rig->told, NULL), 0);
	serve(rig);
	assert_int_equal(pthread_create(&rig->thread, NULL, loop, rig), 0);
	*state = rig;
	return 0;
}

/* As run.c does it: whatever is held is answered. */
static int tear_down(void **state)
{
	struct rig *rig = *state;
	void *kit = rig->kit;

	tell(rig, 'e');
	assert_int_equal(pthread_join(rig->thread, NULL), 0);
	job_pool_destroy(rig->pool);
	event_free(rig->jobs);
	event_free(rig->told);
	port_destroy(rig->port);
	http_server_destroy(rig->server);
	event_base_free(rig->base);
	libevent_global_shutdown();
	SSL_CTX_free(rig->ctx);
	(void)close(rig->tell[0]);
	(void)close(rig->tell[1]);
	free(rig);
	return kit_teardown(&kit);
}

/* ---- a device ---------------------------------------------------------------------------- */

struct device_end {
	struct rig *rig;
	int64_t id;
	SSL_CTX *ctx;
};

static void device_make(struct rig *rig, const char *name, struct device_end *ret)
{
	EVP_PKEY *key = kit_key();
	X509 *cert = kit_device(rig->kit, name, key);
	struct device device;

	ret->rig = rig;
	ret->ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_use_certificate(ret->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ret->ctx, key), 1);
	assert_int_equal(device_get(rig->kit->store, name, &device, rig->kit->problem), 0);
	ret->id = device.id;
	device_fini(&device);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static SSL *send_text(const struct device_end *device, const char *text)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons(http_server_port(device->rig->server))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(device->ctx);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	assert_int_equal(SSL_connect(ssl), 1);
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
	return ssl;
}

static SSL *ask(const struct device_end *device, const char *path)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "GET /device/v1%s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	return send_text(device, text);
}

static SSL *ask_enrolment(const struct device_end *device, const char *body)
{
	char text[ANSWER_MAX];

	(void)snprintf(text, sizeof(text),
	               "POST /device/v1/enrol HTTP/1.1\r\nHost: x\r\n"
	               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	               strlen(body), body);
	return send_text(device, text);
}

static SSL *ask_wanted(const struct device_end *device, int have, int wait)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/wanted?have=%d&wait=%d", have, wait);
	return ask(device, path);
}

/* The whole answer, which ends with an object's bracket. */
static const char *answer_of(SSL *ssl)
{
	static char text[ANSWER_MAX];
	size_t len = 0;
	int fd = SSL_get_fd(ssl), got;

	text[0] = '\0';
	while (len < sizeof(text) - 1 && !strstr(text, "}")) {
		got = SSL_read(ssl, text + len, (int)(sizeof(text) - 1 - len));
		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
	}
	SSL_free(ssl);
	(void)close(fd);
	return text;
}

static void says(SSL *ssl, const char *what)
{
	const char *answer = answer_of(ssl);

	if (!strstr(answer, what))
		print_error("%s\n", answer);
	assert_non_null(strstr(answer, what));
}

/* Until so many were asked: then the last of them is held, or is about to be. */
static void wait_asked(struct rig *rig, int count)
{
	for (int i = 0; i < PATIENCE_S * 100 && atomic_load(&rig->asked) < count; i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
	assert_true(atomic_load(&rig->asked) >= count);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void test_what_is_new_is_said_at_once(void **state)
{
	struct rig *rig = *state;
	struct device_end north;

	device_make(rig, "north", &north);
	atomic_store(&rig->revision, 4);
	says(ask_wanted(&north, 3, LONG), "{\"revision\":4}");
	says(ask_wanted(&north, 4, 0), "{\"revision\":4}");
	says(ask(&north, "/wanted"), "{\"revision\":4}");
	says(ask(&north, "/wanted?have=x"), "HTTP/1.1 400");
	SSL_CTX_free(north.ctx);
}

static void test_what_is_not_new_is_held(void **state)
{
	struct rig *rig = *state;
	struct device_end north;
	int64_t began = now_ms();

	device_make(rig, "north", &north);
	began = now_ms();
	says(ask_wanted(&north, 0, 1), "{\"revision\":0}");
	assert_true(now_ms() - began >= 990);
	assert_int_equal(atomic_load(&rig->asked), 1);
	SSL_CTX_free(north.ctx);
}

static void test_who_is_woken_is_asked_again(void **state)
{
	struct rig *rig = *state;
	struct device_end north, south;
	SSL *first, *second;

	device_make(rig, "north", &north);
	device_make(rig, "south", &south);
	first = ask_wanted(&north, 0, LONG);
	wait_asked(rig, 1);
	second = ask_wanted(&south, 0, LONG);
	wait_asked(rig, 2);
	atomic_store(&rig->revision, 1);
	port_wake(rig->port, north.id);
	says(first, "{\"revision\":1}");
	port_wake(rig->port, south.id);
	says(second, "{\"revision\":1}");
	SSL_CTX_free(north.ctx);
	SSL_CTX_free(south.ctx);
}

/* Nothing new for the one that was woken: it is held on, with its time. */
static void test_woken_for_nothing(void **state)
{
	struct rig *rig = *state;
	struct device_end north;
	int64_t began;
	SSL *held;

	device_make(rig, "north", &north);
	began = now_ms();
	held = ask_wanted(&north, 0, 2);
	wait_asked(rig, 1);
	port_wake(rig->port, north.id);
	wait_asked(rig, 2);
	says(held, "{\"revision\":0}");
	assert_true(now_ms() - began >= 1990);
	SSL_CTX_free(north.ctx);
}

static void test_a_device_is_held_once(void **state)
{
	struct rig *rig = *state;
	struct device_end north;
	SSL *first, *second;

	device_make(rig, "north", &north);
	first = ask_wanted(&north, 0, LONG);
	wait_asked(rig, 1);
	second = ask_wanted(&north, 0, LONG);
	says(first, "{\"revision\":0}");
	atomic_store(&rig->revision, 9);
	port_wake(rig->port, north.id);
	says(second, "{\"revision\":9}");
	SSL_CTX_free(north.ctx);
}

static void test_who_is_revoked_hears_of_it(void **state)
{
	struct rig *rig = *state;
	struct device_end north;
	SSL *held;

	device_make(rig, "north", &north);
	held = ask_wanted(&north, 0, LONG);
	wait_asked(rig, 1);
	assert_int_equal(device_revoke(rig->kit->store, &place_actor, "north", rig->kit->problem),
	                 0);
	port_wake(rig->port, north.id);
	says(held, REMOTE_TYPE_REVOKED);
	says(ask_wanted(&north, 0, LONG), "HTTP/1.1 403");
	SSL_CTX_free(north.ctx);
}

static void test_the_end_answers_what_is_held(void **state)
{
	struct rig *rig = *state;
	struct device_end north;
	SSL *held;

	device_make(rig, "north", &north);
	held = ask_wanted(&north, 0, LONG);
	wait_asked(rig, 1);
	tell(rig, 'c');
	says(held, "{\"revision\":0}");
	says(ask_wanted(&north, 0, LONG), "{\"revision\":0}");
	SSL_CTX_free(north.ctx);
}

/* The loop is gone before anything was said: nothing leaks, nothing is answered twice. */
static void test_the_end_with_someone_held(void **state)
{
	struct rig *rig = *state;
	struct device_end north;
	SSL *held;
	int fd;

	device_make(rig, "north", &north);
	held = ask_wanted(&north, 0, LONG);
	wait_asked(rig, 1);
	fd = SSL_get_fd(held);
	SSL_free(held);
	(void)close(fd);
	SSL_CTX_free(north.ctx);
}

static void test_a_call_without_a_handler(void **state)
{
	struct rig *rig = *state;
	struct device_end north;

	device_make(rig, "north", &north);
	says(ask(&north, "/document?revision=1"), "HTTP/1.1 501");
	says(ask(&north, "/document?version=1"), "HTTP/1.1 400");
	says(ask(&north, "/status"), "HTTP/1.1 405");
	says(ask(&north, "/documents"), "HTTP/1.1 404");
	SSL_CTX_free(north.ctx);
}

/* ---- enrolments side by side ------------------------------------------------------------- */

enum { AT_ONCE = 3 * DEVICE_WRONG_SOURCE };

/* How many of so many that are there before the first is looked at are answered by this. */
static int enrol_at_once(struct rig *rig, const char *with)
{
	struct device_end newcomer = {.rig = rig, .ctx = SSL_CTX_new(TLS_client_method())};
	EVP_PKEY *key = kit_key();
	json_t *body = kit_enrolment("a token", key);
	char *text = json_dumps(body, JSON_COMPACT);
	SSL *asked[AT_ONCE];
	int count = 0;

	for (int i = 0; i < AT_ONCE; i++)
		asked[i] = ask_enrolment(&newcomer, text);
	says(ask(&newcomer, "/nothing"), "HTTP/1.1 404"); /* by the thread that has them */
	atomic_store(&rig->open, true);
	for (int i = 0; i < AT_ONCE; i++)
		count += strstr(answer_of(asked[i]), with) != NULL;
	free(text);
	json_decref(body);
	EVP_PKEY_free(key);
	SSL_CTX_free(newcomer.ctx);
	return count;
}

/* Sites behind one address that enrol all their devices together. */
static void test_right_ones_side_by_side(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(enrol_at_once(rig, "HTTP/1.1 200"), AT_ONCE);
	assert_int_equal(atomic_load(&rig->judged), AT_ONCE);
}

/* Who guesses has no more of them for asking all at once. */
static void test_wrong_ones_side_by_side(void **state)
{
	struct rig *rig = *state;

	atomic_store(&rig->wrong, true);
	assert_int_equal(enrol_at_once(rig, "HTTP/1.1 429"), AT_ONCE - DEVICE_WRONG_SOURCE);
	assert_int_equal(atomic_load(&rig->judged), DEVICE_WRONG_SOURCE);
}

struct waker {
	struct rig *rig;
	int64_t id;
	atomic_bool stop;
};

static void *wake_on(void *arg)
{
	struct waker *waker = arg;

	while (!atomic_load(&waker->stop)) {
		port_wake(waker->rig->port, waker->id);
		(void)nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
	}
	return NULL;
}

/* From several threads while it is asked, held and answered: no answer is missing. */
static void test_wakes_from_all_sides(void **state)
{
	enum { THREADS = 3, ROUNDS = 20 };
	struct rig *rig = *state;
	struct device_end north;
	struct waker waker = {.rig = rig};
	pthread_t threads[THREADS];

	device_make(rig, "north", &north);
	waker.id = north.id;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wake_on, &waker), 0);
	for (int i = 0; i < ROUNDS; i++) {
		int before = atomic_load(&rig->asked);
		char want[32];
		SSL *held = ask_wanted(&north, i, LONG);

		wait_asked(rig, before + 1);
		atomic_store(&rig->revision, i + 1);
		(void)snprintf(want, sizeof(want), "{\"revision\":%d}", i + 1);
		says(held, want);
	}
	atomic_store(&waker.stop, true);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	SSL_CTX_free(north.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	        TEST(test_what_is_new_is_said_at_once),  TEST(test_what_is_not_new_is_held),
	        TEST(test_who_is_woken_is_asked_again),  TEST(test_woken_for_nothing),
	        TEST(test_a_device_is_held_once),        TEST(test_who_is_revoked_hears_of_it),
	        TEST(test_the_end_answers_what_is_held), TEST(test_the_end_with_someone_held),
	        TEST(test_a_call_without_a_handler),     TEST(test_wakes_from_all_sides),
	        TEST(test_right_ones_side_by_side),      TEST(test_wrong_ones_side_by_side),
#undef TEST
	};

	return RUN_TESTS(tests);
}
