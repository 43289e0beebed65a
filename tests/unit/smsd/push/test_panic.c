/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode asked of devices: what each is told and when, what is shown, what ends it. */
#include "tests/unit/smsd/push/field.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/push/panic.h"

#define SETTINGS "{\"version\":1,\"limits\":{}}"

static int64_t ask_of(struct field *f, const struct panic_order *order)
{
	int64_t id = 0;

	assert_int_equal(panic_ask(f->push, &place_actor, order, &id, &f->place->problem), 0);
	return id;
}

static int64_t stop_all(struct field *f, unsigned minutes)
{
	return ask_of(
	        f, &(struct panic_order){
	                   .step = REMOTE_PANIC_STOP, .what = "", .value = "", .minutes = minutes});
}

static void clear(struct field *f, size_t count, const char *const *names, int64_t id)
{
	assert_int_equal(panic_clear(f->push, &place_actor, names, count, id, &f->place->problem),
	                 0);
}

/* What the device is told, that has `panic`: a new reference. NULL: nothing of panic mode. */
static json_t *wanted(struct field *f, int64_t device, const char *query)
{
	json_t *answer, *panic;
	char *body;

	assert_int_equal(field_get(f, device, push_wanted, query, &body), 0);
	answer = json_loads(body, 0, NULL);
	free(body);
	panic = json_incref(json_object_get(answer, "panic"));
	json_decref(answer);
	return panic;
}

/* "5: 2; 1 client 10.0.0.7": number and steps. */
static void told(struct field *f, int64_t device, const char *expected)
{
	json_t *panic = wanted(f, device, "have=0&panic=0"), *step;
	char text[512];
	size_t i;

	(void)snprintf(text, sizeof(text),
	               "%d:", (int)json_integer_value(json_object_get(panic, "number")));
	json_array_foreach(json_object_get(panic, "steps"), i, step)
	{
		size_t used = strlen(text);
		const char *what = json_string_value(json_object_get(step, "what"));

		(void)snprintf(text + used, sizeof(text) - used, "%s %d%s%s%s%s", i ? ";" : "",
		               (int)json_integer_value(json_object_get(step, "step")),
		               what[0] ? " " : "", what, what[0] ? " " : "",
		               json_string_value(json_object_get(step, "value")));
	}
	json_decref(panic);
	assert_string_equal(text, expected);
}

static void say(struct field *f, int64_t device, int number)
{
	json_t *body = json_pack("{s:i}", "panic", number);

	assert_int_equal(field_status(f, device, body), 0);
	json_decref(body);
}

/* "box asked stop": of the summary; and the list says the same of it. */
static void shown(struct field *f, const char *name, const char *panic, const char *state)
{
	json_t *summary, *all, *one, *found = NULL;
	size_t i;

	assert_int_equal(panic_summary(f->place->store, moment_now_ms(), &summary), 0);
	assert_int_equal(panic_show(f->place->store, moment_now_ms(), &all), 0);
	one = json_object_get(summary, name);
	assert_string_equal(json_string_value(json_object_get(one, "panic")), panic);
	assert_string_equal(json_string_value(json_object_get(one, "panic_state")), state);
	json_array_foreach(json_object_get(all, "devices"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
			found = one;
	}
	assert_non_null(found);
	assert_string_equal(json_string_value(json_object_get(found, "state")), state);
	assert_int_equal(json_array_size(json_object_get(found, "steps")) > 0, panic[0] != '\0');
	json_decref(summary);
	json_decref(all);
}

static void test_asked_on_cleared(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS),
	        other = field_add_device(f, "other", SETTINGS);
	static const char *const names[] = {"box"};

	told(f, box, "0:");
	field_woken = 0;
	(void)ask_of(f, &(struct panic_order){.devices = names,
	                                      .devices_count = 1,
	                                      .step = REMOTE_PANIC_FALLBACK,
	                                      .what = "",
	                                      .value = ""});
	assert_int_equal(field_woken, 1);
	told(f, box, "1: 3");
	told(f, other, "0:");
	shown(f, "box", "fallback", "asked");
	say(f, box, 1);
	shown(f, "box", "fallback", "on");
	(void)stop_all(f, 0);
	told(f, box, "2: 3; 2");
	told(f, other, "1: 2");
	shown(f, "box", "fallback", "asked");
	field_restart(f);
	told(f, box, "2: 3; 2");
	say(f, box, 2);
	shown(f, "box", "fallback", "on");
	clear(f, 1, names, 0);
	told(f, box, "3:");
	told(f, other, "1: 2");
	shown(f, "box", "", "asked");
	say(f, box, 3);
	shown(f, "box", "", "cleared");
	assert_int_equal(place_audited(f->place, "panic fallback", NULL), 1);
	assert_int_equal(place_audited(f->place, "panic stop", NULL), 1);
	assert_int_equal(place_audited(f->place, "panic clear", NULL), 1);
}

/* The answer is held only while all of it is what the device says; a device that does not name
 * `panic` knows no such row. */
static void test_what_ends_the_waiting(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	static const struct {
		const char *query;
		bool held;
	} rows[] = {
	        {"have=0&wait=50&panic=1", true},  {"have=0&wait=50&panic=0", false},
	        {"have=0&wait=50&panic=2", false}, {"have=1&wait=50&panic=1", false},
	        {"have=0&wait=50", true},
	};

	(void)stop_all(f, 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		json_decref(wanted(f, box, rows[i].query));
		if (f->nothing_new != rows[i].held)
			fail_msg("%s", rows[i].query);
	}
	assert_null(wanted(f, box, "have=0&wait=50"));
	assert_int_equal(field_get(f, box, push_wanted, "have=0&panic=x", NULL), SL_EINVAL);
	(void)field_begin(f, 0, NULL);
	json_decref(wanted(f, box, "have=0&wait=50&panic=1"));
	assert_false(f->nothing_new);
	json_decref(wanted(f, box, "have=1&wait=50&panic=1"));
	assert_true(f->nothing_new);
}

/* A device that was away gets what is left, or nothing of it. */
static void test_the_timer(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), left_ms;
	json_t *panic;

	(void)stop_all(f, 10);
	place_wait(540);
	panic = wanted(f, box, "have=0&panic=0");
	left_ms = json_integer_value(
	        json_object_get(json_array_get(json_object_get(panic, "steps"), 0), "left_ms"));
	assert_in_range(left_ms, 1, 60000);
	json_decref(panic);
	place_wait(601);
	told(f, box, "1:");
	shown(f, "box", "", "asked");
	say(f, box, 1);
	shown(f, "box", "", "cleared");
	assert_int_equal(panic_sweep(f->place->store, moment_now_ms()), 0);
	told(f, box, "1:");
	/* There is nothing to clear. */
	assert_int_equal(panic_clear(f->push, &place_actor, NULL, 0, 0, &f->place->problem),
	                 SL_ENOENT);
	problem_fini(&f->place->problem);
}

static void test_one_of_several(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), first, second;
	struct panic_order except = {
	        .step = REMOTE_PANIC_EXCEPT, .what = "client", .value = "10.0.0.7"};

	first = stop_all(f, 0);
	second = ask_of(f, &except);
	told(f, box, "2: 2; 1 client 10.0.0.7");
	except.minutes = 5;
	assert_int_not_equal(ask_of(f, &except), second);
	told(f, box, "3: 2; 1 client 10.0.0.7"); /* the same again: once */
	assert_int_equal(panic_clear(f->push, &place_actor, NULL, 0, second, &f->place->problem),
	                 SL_ENOENT);
	problem_fini(&f->place->problem);
	clear(f, 0, NULL, first);
	told(f, box, "4: 1 client 10.0.0.7");
}

static void test_what_is_refused(void **state)
{
	static const char *const nobody[] = {"box", "nobody"};
	static const struct {
		struct panic_order order;
		int code;
	} rows[] = {
	        {{.step = REMOTE_PANIC_EXCEPT, .what = "", .value = ""}, SL_EINVAL},
	        {{.step = REMOTE_PANIC_EXCEPT, .what = "client", .value = "shop.test"}, SL_EINVAL},
	        {{.step = REMOTE_PANIC_EXCEPT, .what = "server", .value = "10.0.0"}, SL_EINVAL},
	        {{.step = REMOTE_PANIC_EXCEPT, .what = "domain", .value = "a b"}, SL_EINVAL},
	        {{.step = REMOTE_PANIC_EXCEPT, .what = "domain", .value = ""}, SL_EINVAL},
	        {{.step = REMOTE_PANIC_STOP, .what = "client", .value = "10.0.0.7"}, SL_EINVAL},
	        {{.step = REMOTE_PANIC_STOP,
	          .what = "",
	          .value = "",
	          .minutes = PANIC_MINUTES_MAX + 1},
	         SL_ERANGE},
	        {{.devices = nobody,
	          .devices_count = 2,
	          .step = REMOTE_PANIC_STOP,
	          .what = "",
	          .value = ""},
	         SL_ENOENT},
	};
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id;

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		if (panic_ask(f->push, &place_actor, &rows[i].order, &id, &f->place->problem) !=
		    rows[i].code)
			fail_msg("row %zu", i);
		problem_fini(&f->place->problem);
	}
	told(f, box, "0:");
}

static void test_as_many_as_there_may_be(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS), id;
	char value[32];
	struct panic_order order = {.step = REMOTE_PANIC_EXCEPT, .what = "domain", .value = value};

	for (unsigned i = 0; i < REMOTE_PANIC_MAX; i++) {
		(void)snprintf(value, sizeof(value), "d%u.test", i);
		(void)ask_of(f, &order);
	}
	(void)snprintf(value, sizeof(value), "more.test");
	assert_int_equal(panic_ask(f->push, &place_actor, &order, &id, &f->place->problem),
	                 SL_ELIMIT);
	problem_fini(&f->place->problem);
	(void)snprintf(value, sizeof(value), "d0.test");
	(void)ask_of(f, &order);
	json_t *panic = wanted(f, box, "have=0&panic=0");
	assert_int_equal(json_array_size(json_object_get(panic, "steps")), REMOTE_PANIC_MAX);
	json_decref(panic);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, field_setup, field_teardown)
	const struct CMUnitTest tests[] = {
	        T(test_asked_on_cleared), T(test_what_ends_the_waiting),
	        T(test_the_timer),        T(test_one_of_several),
	        T(test_what_is_refused),  T(test_as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
