/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a server that is busy: a server of smsd/http in a thread, which defers the first. */
#include "tpsd/link/https.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/loop.h"
#include "lib/pki/cert.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"
#include "tests/unit/smsd/http/rig.h"
#include "tests/unit/unit.h"

struct yard {
	struct rig rig;
	struct http_server *server;
	atomic_int served, deferred; /* requests; how many of the next are answered with 503 */
	atomic_uint retry_after_s;   /* of these */
	struct loop *loop;
	struct https *https;
	unsigned ended;
	struct https_answer answer;
	char body[256];
};

static void serve(void *arg, struct http_exchange *exchange)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct http_response response;
	struct yard *yard = arg;

	atomic_fetch_add(&yard->served, 1);
	http_response_init(&response);
	response.content_type = "text/plain";
	if (atomic_fetch_sub(&yard->deferred, 1) > 0) {
		response.status = 503;
		response.retry_after_s = atomic_load(&yard->retry_after_s);
	} else {
		(void)buf_printf(&response.body, "%s|%.*s|", request->path, (int)request->body_len,
		                 request->body ? (const char *)request->body : "");
	}
	http_reply(exchange, &response);
	http_response_fini(&response);
}

static int set_up(void **state)
{
	struct yard *yard = calloc(1, sizeof(*yard));
	struct problem problem = {0};
	struct http_options options = {.address = "127.0.0.1", .body_max = 1000, .fn = serve};
	struct https_peer peer = {.address = "127.0.0.1"};

	assert_non_null(yard);
	rig_init(&yard->rig);
	options.ctx = yard->rig.ctx;
	options.arg = yard;
	assert_int_equal(http_server_create(yard->rig.base, &options, &yard->server, &problem), 0);
	rig_run(&yard->rig);
	peer.port = http_server_port(yard->server);
	assert_int_equal(pki_cert_key_id(SSL_CTX_get0_certificate(yard->rig.ctx), peer.pin), 0);
	yard->loop = loop_create();
	assert_non_null(yard->loop);
	assert_int_equal(https_open(yard->loop, &peer, &yard->https), 0);
	*state = yard;
	return 0;
}

static int tear_down(void **state)
{
	struct yard *yard = *state;

	https_close(yard->https);
	loop_destroy(yard->loop);
	rig_stop(&yard->rig);
	http_server_destroy(yard->server);
	rig_fini(&yard->rig);
	free(yard);
	return 0;
}

static void on_end(void *arg, const struct https_answer *answer)
{
	struct yard *yard = arg;

	yard->ended++;
	yard->answer = *answer;
	(void)snprintf(yard->body, sizeof(yard->body), "%.*s", (int)answer->len,
	               (const char *)answer->data);
	loop_stop(yard->loop);
}

static void on_patience(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void run(struct yard *yard, unsigned ms)
{
	struct loop_timer patience = {.heap_index = 0};

	assert_int_equal(loop_timer_set(yard->loop, &patience, ms * CLOCK_NS_PER_MS, on_patience),
	                 0);
	assert_int_equal(loop_run(yard->loop), 0);
	loop_timer_cancel(&patience);
}

static struct https_call *start(struct yard *yard, unsigned timeout_s, bool fresh)
{
	const struct https_request request = {.path = "/a",
	                                      .body = "once",
	                                      .len = 4,
	                                      .answer_max = 200,
	                                      .timeout_s = timeout_s,
	                                      .fresh = fresh};
	struct https_call *call;

	assert_int_equal(https_start(yard->https, &request, on_end, yard, &call), 0);
	return call;
}

static void defer(struct yard *yard, int count, unsigned retry_after_s)
{
	atomic_store(&yard->deferred, count);
	atomic_store(&yard->retry_after_s, retry_after_s);
}

static void what_a_busy_server_defers_is_asked_again(void **state)
{
	struct yard *yard = *state;

	defer(yard, 2, 1);
	(void)start(yard, 60, false);
	run(yard, 30000);
	assert_int_equal(yard->ended, 1);
	assert_string_equal(yard->answer.why, "");
	assert_int_equal(yard->answer.http, 200);
	assert_string_equal(yard->body, "/a|once|");
	assert_int_equal(atomic_load(&yard->served), 3);
}

static void who_has_no_time_for_that_hears_of_it(void **state)
{
	struct yard *yard = *state;

	defer(yard, 1, 60);
	(void)start(yard, 30, false);
	run(yard, 20000);
	assert_int_equal(yard->ended, 1);
	assert_int_equal(yard->answer.http, 503);
	assert_int_equal(yard->answer.retry_after_s, 60);
	assert_int_equal(atomic_load(&yard->served), 1);
}

static void a_call_that_asks_whether_there_is_a_server_hears_of_it(void **state)
{
	struct yard *yard = *state;

	defer(yard, 1, 1);
	(void)start(yard, 60, true);
	run(yard, 20000);
	assert_int_equal(yard->ended, 1);
	assert_int_equal(yard->answer.http, 503);
}

static void a_call_can_be_cancelled_while_it_waits(void **state)
{
	struct yard *yard = *state;
	struct https_call *call;

	defer(yard, 2, 1);
	call = start(yard, 60, false);
	(void)start(yard, 60, false);
	for (unsigned i = 0; i < 2000 && atomic_load(&yard->served) < 2; i++)
		run(yard, 10);
	run(yard, 50);
	https_cancel(call);
	run(yard, 30000);
	assert_int_equal(yard->ended, 1);
	assert_int_equal(yard->answer.http, 200);
	assert_int_equal(atomic_load(&yard->served), 3);
	/* And with the whole of it. */
	defer(yard, 1, 30);
	(void)start(yard, 60, false);
	for (unsigned i = 0; i < 2000 && atomic_load(&yard->served) < 4; i++)
		run(yard, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        TEST(what_a_busy_server_defers_is_asked_again),
	        TEST(who_has_no_time_for_that_hears_of_it),
	        TEST(a_call_that_asks_whether_there_is_a_server_hears_of_it),
	        TEST(a_call_can_be_cancelled_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
