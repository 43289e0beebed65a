/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as messages: answers in any order, cancelled ones, keys that restart or say nothing. */
#include "tpsd/tls/keyclient.h"

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/ipc/channel.h"
#include "tests/unit/unit.h"

static struct env {
	struct loop *loop;
	struct ipc_channel *worker, *keys;
	struct keyclient *kc;
	uint64_t ids[8];
	unsigned asked;
} env;

static void on_keys(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                    void *arg)
{
	if (msg && msg->type == IPC_SIGN && env.asked < 8)
		env.ids[env.asked++] = msg->sign.id;
}

static void on_worker(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                      void *arg)
{
}

static int open_env(void **state)
{
	int fds[2];

	memset(&env, 0, sizeof(env));
	env.loop = loop_create();
	assert_int_equal(ipc_pair(fds), 0);
	env.worker = ipc_channel_create(env.loop, fds[0], IPC_WORKER, IPC_KEYS, 0, on_worker, NULL);
	env.keys = ipc_channel_create(env.loop, fds[1], IPC_KEYS, IPC_WORKER, 0, on_keys, NULL);
	env.kc = keyclient_create(env.loop);
	keyclient_set_channel(env.kc, env.worker);
	return 0;
}

static int close_env(void **state)
{
	keyclient_destroy(env.kc);
	ipc_channel_destroy(env.worker);
	ipc_channel_destroy(env.keys);
	loop_destroy(env.loop);
	return 0;
}

struct asked {
	struct key_request req;
	int status;
	unsigned done;
	uint8_t first;
};

static void on_done(struct key_request *req, int status, const uint8_t *data, size_t len)
{
	struct asked *a = req->arg;

	a->status = status;
	a->first = len ? data[0] : 0;
	a->done++;
}

static int ask(struct asked *a)
{
	static const uint8_t digest[32] = {1};

	*a = (struct asked){
	        .req = {.operation = KEY_SIGN, .input = digest, .input_len = 32, .done = on_done}};
	a->req.arg = a;
	return key_submit(keyclient_backend(env.kc), &a->req);
}

static void stop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void turn(unsigned ms)
{
	struct loop_timer timer = {0};

	assert_int_equal(loop_timer_set(env.loop, &timer, ms * CLOCK_NS_PER_MS, stop), 0);
	assert_int_equal(loop_run(env.loop), 0);
}

static void answers_find_their_request_in_any_order(void **state)
{
	const uint8_t one = 1, two = 2;
	const struct ipc_bytes first = {&one, 1}, second = {&two, 1};
	struct asked a, b;

	assert_int_equal(ask(&a), 0);
	assert_int_equal(ask(&b), 0);
	turn(5);
	assert_int_equal(env.asked, 2);
	keyclient_answer(env.kc, env.ids[1], 0, &second);
	keyclient_answer(env.kc, env.ids[0], 0, &first);
	keyclient_answer(env.kc, env.ids[0], 0, &first); /* twice: nothing */
	assert_int_equal(a.first, 1);
	assert_int_equal(b.first, 2);
	assert_int_equal(a.done, 1);
}

static void an_answer_to_a_cancelled_request_is_nothing(void **state)
{
	const struct ipc_bytes none = {NULL, 0};
	struct asked a, b;

	assert_int_equal(ask(&a), 0);
	turn(5);
	key_cancel(keyclient_backend(env.kc), &a.req);
	assert_int_equal(ask(&b), 0); /* takes the same slot */
	keyclient_answer(env.kc, env.ids[0], 0, &none);
	assert_int_equal(a.done, 0);
	assert_int_equal(b.done, 0);
	key_cancel(keyclient_backend(env.kc), &b.req);
}

static void what_is_open_waits_for_the_next_keys(void **state)
{
	const uint8_t one = 1;
	const struct ipc_bytes data = {&one, 1}, none = {NULL, 0};
	struct asked a, b;

	assert_int_equal(ask(&a), 0);
	turn(5);
	keyclient_set_channel(env.kc, NULL);
	assert_int_equal(ask(&b), 0);
	turn(5);
	assert_int_equal(env.asked, 1);
	keyclient_set_channel(env.kc, env.worker);
	turn(5);
	assert_int_equal(env.asked, 3);
	/* Not ready yet: asked once more. */
	keyclient_answer(env.kc, env.ids[1], SL_EAGAIN, &none);
	turn(200);
	assert_int_equal(env.asked, 4);
	assert_int_equal(a.done + b.done, 0);
	keyclient_answer(env.kc, env.ids[2], 0, &data);
	keyclient_answer(env.kc, env.ids[3], 0, &data);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 1);
}

static void silence_ends_at_the_time_limit(void **state)
{
	struct asked a;

	keyclient_set_timeout(env.kc, 50);
	assert_int_equal(ask(&a), 0);
	turn(20);
	assert_int_equal(a.done, 0);
	turn(300);
	assert_int_equal(a.status, SL_ETIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(answers_find_their_request_in_any_order, open_env,
	                                        close_env),
	        cmocka_unit_test_setup_teardown(an_answer_to_a_cancelled_request_is_nothing,
	                                        open_env, close_env),
	        cmocka_unit_test_setup_teardown(what_is_open_waits_for_the_next_keys, open_env,
	                                        close_env),
	        cmocka_unit_test_setup_teardown(silence_ends_at_the_time_limit, open_env,
	                                        close_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
