/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions begun, ticked and asked for at the same time: every device ends with the newest
 * revision, and no row is made twice. Under TSan no access is without its lock. */
#include "tests/unit/smsd/push/field.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "smsd/base/moment.h"

enum { DEVICES = 6, ROUNDS = 5 };

struct worker {
	struct field *field;
	int64_t device;
	int rc;
};

static void *begin_some(void *arg)
{
	struct worker *w = arg;
	struct problem problem = {0};
	int64_t id;

	for (int i = 0; i < ROUNDS && w->rc == 0; i++)
		w->rc = push_begin(w->field->push, &place_actor, &(struct push_options){0}, &id,
		                   &problem);
	problem_fini(&problem);
	return NULL;
}

static void *tick_some(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 4 * ROUNDS && w->rc == 0; i++)
		w->rc = push_tick(w->field->push, moment_now_ms());
	return NULL;
}

static void *ask_some(void *arg)
{
	struct worker *w = arg;
	int64_t have = 0;

	for (int i = 0; i < 4 * ROUNDS; i++) {
		char query[] = "have=0&wait=0";
		const struct http_request request = {.method = HTTP_GET, .query = query};
		struct port_call call = {.request = &request,
		                         .above = w->field->push,
		                         .store = w->field->place->store};
		json_t *answer;
		int64_t now;

		http_response_init(&call.response);
		call.device.id = w->device;
		w->rc = w->rc ? w->rc : push_wanted(&call);
		answer = json_loads(buf_text(&call.response.body), 0, NULL);
		now = json_integer_value(json_object_get(answer, "revision"));
		w->rc = now < have ? -1 : w->rc;
		have = now;
		json_decref(answer);
		http_response_fini(&call.response);
	}
	return NULL;
}

static void test_all_at_once(void **state)
{
	static void *(*const work[])(void *) = {begin_some, begin_some, tick_some, ask_some,
	                                        ask_some};
	struct field *f = *state;
	struct worker workers[SL_ARRAY_LEN(work)];
	pthread_t threads[SL_ARRAY_LEN(work)];
	int64_t ids[DEVICES];
	char name[16];

	for (int i = 0; i < DEVICES; i++) {
		(void)snprintf(name, sizeof(name), "box%d", i);
		ids[i] = field_add_device(f, name, "{\"version\":1}");
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(work); i++) {
		workers[i] = (struct worker){.field = f, .device = ids[i]};
		assert_int_equal(pthread_create(&threads[i], NULL, work[i], &workers[i]), 0);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(work); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].rc, 0);
	}
	field_tick(f);
	for (int i = 0; i < DEVICES; i++)
		assert_int_equal(field_wanted(f, ids[i], 0, NULL), 2 * ROUNDS);
	for (int id = 1; id < 2 * ROUNDS; id++)
		assert_true(field_ended(f, id));
	assert_false(field_ended(f, 2 * ROUNDS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_all_at_once, field_setup, field_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
