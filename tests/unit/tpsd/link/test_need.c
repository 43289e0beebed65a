/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys that `keys` misses: what is asked of the SMS, what of its answer is passed on, and
 * what is asked for again. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/ipc/channel.h"
#include "tests/unit/unit.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum { TOLD_MAX = 16, BACKOFF_MS = 1000 };

static struct {
	struct loop *loop;
	struct proc proc;
	struct link link;
	struct answer answer; /* of the next link_take */
	uint8_t asked[TOLD_MAX];
	size_t asked_count;
	unsigned calls, failures;
	https_done_fn *fn;
	size_t room; /* messages that `keys` takes; beyond it its channel is full */
	struct told {
		uint8_t id;
		int status;
		uint32_t number;
		char text[64];
	} told[TOLD_MAX];
	size_t told_count;
} env;

/* ---- in the places of the process, the SMS and `keys` ---- */

struct ipc_channel *proc_peer(struct proc *proc, enum ipc_role role, unsigned index)
{
	return (struct ipc_channel *)&env;
}

int ipc_send(struct ipc_channel *ch, const struct ipc_message *msg)
{
	const struct ipc_sealed_key *key = &msg->sealed_key;
	struct told *told = &env.told[env.told_count];

	if (env.told_count == env.room)
		return SL_EAGAIN;
	assert_int_equal(msg->type, IPC_SEALED_KEY);
	told->id = key->id.data[0];
	told->status = key->status;
	told->number = key->number;
	(void)snprintf(told->text, sizeof(told->text), "%.*s", (int)key->text.len, key->text.data);
	env.told_count++;
	return 0;
}

int link_call_bytes(struct link *link, enum remote_call_id id, const char *query,
                    const struct link_bytes *body, unsigned timeout_s, https_done_fn *fn,
                    struct https_call **ret_call)
{
	assert_int_equal(id, REMOTE_KEYS);
	env.asked_count = body->len / KEY_ID;
	assert_true(env.asked_count <= TOLD_MAX);
	for (size_t i = 0; i < env.asked_count; i++)
		env.asked[i] = ((const uint8_t *)body->data)[i * KEY_ID];
	env.fn = fn;
	env.calls++;
	*ret_call = (struct https_call *)(void *)&env;
	return 0;
}

bool link_take(struct link *link, enum remote_call_id id, const struct https_answer *in,
               struct answer *ret_answer)
{
	*ret_answer = env.answer;
	return true;
}

void https_cancel(struct https_call *call)
{
}

uint64_t link_backoff_ns(unsigned failures)
{
	env.failures = failures + 1;
	return UINT64_C(1000000) * BACKOFF_MS;
}

/* ---- the test's hands ---- */

static int setup(void **state)
{
	memset(&env, 0, sizeof(env));
	env.loop = loop_create();
	env.proc.loop = env.loop;
	env.link.proc = &env.proc;
	env.link.https = (struct https *)(void *)&env;
	env.room = TOLD_MAX;
	return env.loop ? 0 : -1;
}

static int teardown(void **state)
{
	need_stop(&env.link);
	need_forget(&env.link);
	loop_destroy(env.loop);
	return 0;
}

static void need(const char *ids)
{
	uint8_t list[TOLD_MAX][KEY_ID] = {{0}};
	const struct ipc_bytes bytes = {list[0], (uint32_t)(strlen(ids) * KEY_ID)};

	for (size_t i = 0; ids[i]; i++)
		list[i][0] = (uint8_t)ids[i];
	need_set(&env.link, &bytes);
}

/* An answer by a letter a key: s sealed, r refused, x of no kind. */
static void answer_with(const char *kinds)
{
	struct https_answer in = {.status = 0};
	struct buf bytes;

	buf_init(&bytes, 4096);
	assert_int_equal(buf_add(&bytes, "an encapsulated secret of thirty", REMOTE_ENCAPSULATED),
	                 0);
	for (size_t i = 0; kinds[i]; i++) {
		uint8_t *room;

		assert_int_equal(
		        remote_key_put(&bytes,
		                       kinds[i] == 's' ? REMOTE_KEY_SEALED : REMOTE_KEY_REFUSED, 5,
		                       &room),
		        0);
		memcpy(room, "why\n\n", 5);
		if (kinds[i] == 'x')
			room[-REMOTE_KEY_HEAD] = 9;
	}
	in.data = bytes.data;
	in.len = bytes.len;
	env.told_count = 0;
	env.fn(&env.link, &in);
	buf_fini(&bytes);
}

static void assert_asked(unsigned calls, const char *ids)
{
	assert_int_equal(env.calls, calls);
	assert_int_equal(env.asked_count, strlen(ids));
	assert_memory_equal(env.asked, ids, strlen(ids));
}

static void assert_told(size_t index, char id, int status, unsigned number, const char *text)
{
	assert_true(index < env.told_count);
	assert_int_equal(env.told[index].id, id);
	assert_int_equal(env.told[index].status, status);
	if (status == 0)
		assert_int_equal(env.told[index].number, number);
	assert_string_equal(env.told[index].text, text);
}

/* ---- */

static void keys_are_passed_on_in_the_order_of_the_question(void **state)
{
	need("abcd");
	assert_asked(1, "abcd");
	answer_with("srss");
	assert_int_equal(env.told_count, 4);
	assert_told(0, 'a', 0, 0, "");
	assert_told(1, 'b', SL_EREFUSED, 0, "why  ");
	assert_told(2, 'c', 0, 1, "");
	assert_told(3, 'd', 0, 2, "");
	/* Of those that came none is asked for again, of the refused one not at once. */
	assert_int_equal(env.calls, 1);
	assert_int_equal(env.link.need.count, 1);
	assert_true(loop_timer_is_set(&env.link.need.timer));
}

static void an_answer_that_breaks_off_counts_up_to_there(void **state)
{
	static const char *const answers[] = {"ss", "ssx", "ssss"};

	for (size_t i = 0; i < SL_ARRAY_LEN(answers); i++) {
		(void)teardown(NULL);
		assert_int_equal(setup(NULL), 0);
		need("abc");
		answer_with(answers[i]);
		assert_told(0, 'a', 0, 0, "");
		assert_told(1, 'b', 0, 1, "");
		assert_int_equal(env.failures, 1);
		assert_true(loop_timer_is_set(&env.link.need.timer));
		if (i < 2) {
			assert_told(2, 'c', SL_ECLOSED, 0, "the SMS's private keys make no sense");
			need_start(&env.link);
			assert_asked(2, "c");
		}
	}
}

/* What `keys` could not be told is still missing. */
static void what_keys_was_not_told_is_asked_for_again(void **state)
{
	need("abc");
	env.room = 2;
	answer_with("sss");
	assert_int_equal(env.told_count, 2);
	assert_int_equal(env.calls, 1);
	assert_int_equal(env.failures, 1);
	need_start(&env.link);
	assert_asked(2, "c");
}

static void a_list_that_changes_while_it_is_asked_for(void **state)
{
	need("abc");
	need("cd");
	assert_int_equal(env.calls, 1);
	answer_with("sss");
	assert_int_equal(env.told_count, 1);
	assert_told(0, 'c', 0, 2, "");
	assert_asked(2, "d");
}

static void an_error_is_told_of_each_and_tried_later(void **state)
{
	const struct https_answer none = {.status = 0};

	need("ab");
	env.answer.status = SL_EAGAIN;
	(void)snprintf(env.answer.text, sizeof(env.answer.text), "away");
	env.fn(&env.link, &none);
	assert_int_equal(env.told_count, 2);
	assert_told(0, 'a', SL_ECLOSED, 0, "away");
	assert_told(1, 'b', SL_ECLOSED, 0, "away");
	assert_true(loop_timer_is_set(&env.link.need.timer));
	env.answer.status = 0;
	need_start(&env.link);
	assert_asked(2, "ab");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	        T(keys_are_passed_on_in_the_order_of_the_question),
	        T(an_answer_that_breaks_off_counts_up_to_there),
	        T(what_keys_was_not_told_is_asked_for_again),
	        T(a_list_that_changes_while_it_is_asked_for),
	        T(an_error_is_told_of_each_and_tried_later),
	};

	return RUN_TESTS(tests);
}
