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
	struct ipc_forge forge; /* the last one: numbers, and lengths of its bytes */
	uint8_t subject_first, names_first;
} env;

static void on_keys(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                    void *arg)
{
	if (msg && msg->type == IPC_SIGN && env.asked < 8)
		env.ids[env.asked++] = msg->sign.id;
	if (!msg || msg->type != IPC_FORGE || env.asked == 8)
		return;
	env.forge = msg->forge;
	env.subject_first = msg->forge.subject.data[0];
	env.names_first = msg->forge.alt_names.data[0];
	env.ids[env.asked++] = msg->forge.id;
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
	size_t len;
};

static void on_done(struct key_request *req, int status, const uint8_t *data, size_t len)
{
	struct asked *a = req->arg;

	a->status = status;
	a->first = len ? data[0] : 0;
	a->len = len;
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

/* A loaded machine may be late. */
static void turn_until_asked(unsigned count)
{
	for (unsigned i = 0; i < 500 && env.asked < count; i++)
		turn(10);
	assert_int_equal(env.asked, count);
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
	turn_until_asked(4);
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

static int ask_for_leaf(struct asked *a, struct key_forge *forge)
{
	static const uint8_t subject[] = {0x30, 0}, names[PKI_ALT_NAMES_DER_MAX + 1] = {0x31};

	forge->template.subject = subject;
	forge->template.subject_len = sizeof(subject);
	forge->template.alt_names = names;
	*a = (struct asked){.req = {.operation = KEY_FORGE, .forge = forge, .done = on_done}};
	a->req.arg = a;
	return key_submit(keyclient_backend(env.kc), &a->req);
}

static void a_forged_leaf_is_one_buffer_of_key_and_certificate(void **state)
{
	struct key_forge forge = {.trusted = true,
	                          .kind = PKI_ECDSA,
	                          .template = {.alt_names_len = PKI_ALT_NAMES_DER_MAX,
	                                       .not_before = -5,
	                                       .not_after = 7}};
	static const uint8_t key[KEY_ID_LEN] = {9}, leaf[PKI_LEAF_DER_MAX] = {0x30};
	struct ipc_forged forged = {.key = {key, KEY_ID_LEN}, .certificate = {leaf, sizeof(leaf)}};
	const struct ipc_bytes signature = {leaf, 1};
	struct asked a;

	assert_int_equal(ask_for_leaf(&a, &forge), 0);
	turn_until_asked(1);
	assert_int_equal(env.forge.trusted, 1);
	assert_int_equal(env.forge.kind, PKI_ECDSA);
	assert_int_equal(env.forge.not_after, 7);
	assert_true((int64_t)env.forge.not_before == -5);
	assert_int_equal(env.subject_first, 0x30);
	assert_int_equal(env.forge.alt_names.len, PKI_ALT_NAMES_DER_MAX);
	assert_int_equal(env.names_first, 0x31);
	/* A signature is no answer to it. */
	keyclient_answer(env.kc, env.ids[0], 0, &signature);
	assert_int_equal(a.done, 0);
	forged.id = env.ids[0];
	forged.status = SL_EAGAIN;
	keyclient_forged(env.kc, &forged);
	assert_int_equal(a.done, 0);
	turn_until_asked(2); /* asked again */
	forged.status = 0;
	keyclient_forged(env.kc, &forged);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.len, KEY_ID_LEN + PKI_LEAF_DER_MAX);
	assert_int_equal(a.first, 9);
}

static void a_leaf_that_no_message_takes_is_refused_at_once(void **state)
{
	struct key_forge forge = {.template.alt_names_len = PKI_ALT_NAMES_DER_MAX + 1};
	struct asked a;

	assert_int_equal(ask_for_leaf(&a, &forge), SL_ERANGE);
	turn(5);
	assert_int_equal(env.asked + a.done, 0);
}

static void a_forged_leaf_without_a_key_is_malformed(void **state)
{
	static const uint8_t leaf[8];
	struct ipc_forged forged = {.certificate = {leaf, sizeof(leaf)}};
	struct key_forge forge = {0};
	struct asked a;

	assert_int_equal(ask_for_leaf(&a, &forge), 0);
	turn_until_asked(1);
	forged.id = env.ids[0];
	keyclient_forged(env.kc, &forged);
	assert_int_equal(a.status, SL_EMALFORMED);
	assert_int_equal(ask_for_leaf(&a, &forge), 0);
	turn_until_asked(2);
	forged.id = env.ids[1];
	forged.status = SL_EREFUSED;
	keyclient_forged(env.kc, &forged);
	assert_int_equal(a.status, SL_EREFUSED);
	assert_int_equal(a.len, 0);
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
	        cmocka_unit_test_setup_teardown(a_forged_leaf_is_one_buffer_of_key_and_certificate,
	                                        open_env, close_env),
	        cmocka_unit_test_setup_teardown(a_leaf_that_no_message_takes_is_refused_at_once,
	                                        open_env, close_env),
	        cmocka_unit_test_setup_teardown(a_forged_leaf_without_a_key_is_malformed, open_env,
	                                        close_env),
	        cmocka_unit_test_setup_teardown(silence_ends_at_the_time_limit, open_env,
	                                        close_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
