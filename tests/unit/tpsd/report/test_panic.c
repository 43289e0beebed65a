/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode of `control`, as people and the SMS set it and the wire and workers hear of it. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/remote/remote.h"
#include "tests/unit/tpsd/report/steps.h"

static void panic_is_told_kept_and_ends_by_itself(void **state)
{
	json_t *data;

	(void)state;
	start_committed();
	data = device_command(
	        &dev, "panic except",
	        json_pack("{s:s,s:s,s:s}", "what", "client", "value", "10.0.0.7", "for", "1h"),
	        NULL);
	json_decref(data);
	data = device_command(&dev, "panic stop", json_pack("{s:s}", "for", "2s"), NULL);
	json_decref(data);
	device_run(&dev, 50);
	assert_non_null(strstr(dev.seen[DEV_WIRE], "stop {\"state\":\"on\"}"));
	assert_non_null(
	        strstr(dev.seen[DEV_WIRE], "except {\"client\":\"10.0.0.7\",\"seconds\":3"));
	assert_non_null(strstr(dev.last[DEV_WORKER].arguments, "\"step\":2"));
	assert_non_null(strstr(dev.last[DEV_WORKER].arguments, "10.0.0.7"));
	device_stop(&dev, true);
	dev.seen[DEV_WIRE][0] = '\0';
	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_WORKER], 2);
	device_run(&dev, 50);
	assert_non_null(strstr(dev.seen[DEV_WIRE], "stop {\"state\":\"on\"}"));
	assert_non_null(strstr(dev.seen[DEV_WIRE], "10.0.0.7"));
	dev.seen[DEV_WIRE][0] = '\0';
	device_run(&dev, 2500);
	assert_non_null(strstr(dev.seen[DEV_WIRE], "stop {\"state\":\"off\"}"));
	data = device_command(&dev, "panic fallback", NULL, NULL);
	json_decref(data);
	device_run(&dev, 50);
	assert_non_null(strstr(dev.seen[DEV_WIRE], "fallback {\"state\":\"on\"}"));
	data = device_command(&dev, "panic clear", NULL, NULL);
	json_decref(data);
	device_run(&dev, 50);
	assert_non_null(strstr(dev.last[DEV_WORKER].arguments, "\"step\":0"));
	assert_non_null(strstr(dev.seen[DEV_WIRE], "\"seconds\":0"));
}

/* ---- panic from the SMS ------------------------------------------------------------------- */

/* "3 sms client 10.0.0.7; 2 local", as people see it. */
static void check_panic(const char *expected)
{
	json_t *data = device_command(&dev, "panic status", NULL, NULL), *one;
	char text[1024] = "";
	size_t i;

	json_array_foreach(json_object_get(json_array_get(data, 0), "entries"), i, one)
	{
		size_t used = strlen(text);

		(void)snprintf(text + used, sizeof(text) - used, "%s%d %s%s%s%s%s", i ? "; " : "",
		               (int)json_integer_value(json_object_get(one, "step")),
		               json_string_value(json_object_get(one, "source")),
		               json_string_length(json_object_get(one, "what")) ? " " : "",
		               json_string_value(json_object_get(one, "what")),
		               json_string_length(json_object_get(one, "value")) ? " " : "",
		               json_string_value(json_object_get(one, "value")));
	}
	json_decref(data);
	assert_string_equal(text, expected);
}

static void act(const char *words, json_t *arguments)
{
	json_decref(device_command(&dev, words, arguments, NULL));
	device_run(&dev, 50);
}

/* Was this said to the wire since the last look? */
static bool wire_was_told(const char *text)
{
	bool told;

	device_run(&dev, 50);
	told = strstr(dev.seen[DEV_WIRE], text) != NULL;
	dev.seen[DEV_WIRE][0] = '\0';
	return told;
}

static void neither_the_sms_nor_a_person_clears_what_the_other_asked(void **state)
{
	(void)state;
	start_committed();
	act("panic stop", NULL);
	assert_int_equal(device_panic(&dev, "[{\"step\":3},{\"step\":2}]"), 0);
	check_panic("2 local; 3 sms; 2 sms");
	assert_true(wire_was_told("fallback {\"state\":\"on\"}"));
	assert_int_equal(device_panic(&dev, "[{\"step\":2}]"), 0);
	check_panic("2 local; 2 sms");
	assert_true(wire_was_told("fallback {\"state\":\"off\"}"));
	act("panic clear", NULL);
	check_panic("2 sms");
	assert_false(wire_was_told("stop {\"state\":\"off\"}"));
	act("panic fallback", NULL);
	assert_int_equal(device_panic(&dev, "[]"), 0);
	check_panic("3 local");
	assert_false(wire_was_told("fallback {\"state\":\"off\"}"));
	act("panic clear", NULL);
	check_panic("");
	assert_true(wire_was_told("fallback {\"state\":\"off\"}"));
}

static void an_exception_that_both_asked_for_ends_with_the_second(void **state)
{
	static const char both[] = "[{\"step\":1,\"what\":\"client\",\"value\":\"10.0.0.7\"},"
	                           "{\"step\":1,\"what\":\"domain\",\"value\":\"bank.test\"}]";

	(void)state;
	start_committed();
	act("panic except", json_pack("{s:s,s:s}", "what", "client", "value", "10.0.0.7"));
	assert_int_equal(device_panic(&dev, both), 0);
	device_run(&dev, 50);
	assert_non_null(strstr(dev.last[DEV_WORKER].arguments, "bank.test"));
	(void)wire_was_told("");
	act("panic clear", NULL);
	assert_false(wire_was_told("\"seconds\":0"));
	assert_int_equal(device_panic(&dev, "[]"), 0);
	assert_true(wire_was_told("except {\"client\":\"10.0.0.7\",\"seconds\":0}"));
	assert_null(strstr(dev.last[DEV_WORKER].arguments, "bank.test"));
}

/* Over a crash of control, and without an SMS that would clear it. */
static void what_the_sms_asked_for_is_kept_and_its_timer_ends_it(void **state)
{
	char text[128];

	(void)state;
	start_committed();
	(void)snprintf(text, sizeof(text), "[{\"step\":2},{\"step\":3,\"until_us\":%llu}]",
	               (unsigned long long)(clock_wall_us() + 2500000));
	assert_int_equal(device_panic(&dev, text), 0);
	device_stop(&dev, true);
	dev.seen[DEV_WIRE][0] = '\0';
	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_WORKER], 2);
	check_panic("2 sms; 3 sms");
	assert_true(wire_was_told("fallback {\"state\":\"on\"}"));
	for (unsigned i = 0; i < 100 && !strstr(dev.seen[DEV_WIRE], "fallback {\"state\":\"off\"}");
	     i++)
		device_run(&dev, 100);
	check_panic("2 sms");
}

static void what_is_no_step_is_refused_whole(void **state)
{
	static const char *const bad[] = {
	        "",
	        "{}",
	        "[{\"step\":3},{\"step\":4}]",
	        "[{\"step\":3},{\"step\":0}]",
	        "[{\"step\":3},7]",
	        "[{\"step\":1,\"what\":\"client\",\"value\":\"10.0.0\"}]",
	        "[{\"step\":1,\"what\":\"planet\",\"value\":\"10.0.0.1\"}]",
	        "[{\"step\":1,\"what\":\"domain\"}]",
	        "[{\"step\":2,\"what\":\"client\",\"value\":\"10.0.0.1\"}]",
	};
	char many[4096] = "[{\"step\":2}", name[300];

	(void)state;
	start_committed();
	assert_int_equal(device_panic(&dev, "[{\"step\":2}]"), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		if (device_panic(&dev, bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
	for (unsigned i = 0; i < REMOTE_PANIC_MAX; i++)
		(void)strcat(many, ",{\"step\":2}");
	(void)strcat(many, "]");
	assert_int_not_equal(device_panic(&dev, many), 0);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(many, sizeof(many), "[{\"step\":1,\"what\":\"domain\",\"value\":\"%s\"}]",
	               name);
	assert_int_not_equal(device_panic(&dev, many), 0);
	check_panic("2 sms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(panic_is_told_kept_and_ends_by_itself),
	        TEST(neither_the_sms_nor_a_person_clears_what_the_other_asked),
	        TEST(an_exception_that_both_asked_for_ends_with_the_second),
	        TEST(what_the_sms_asked_for_is_kept_and_its_timer_ends_it),
	        TEST(what_is_no_step_is_refused_whole),
	};

	return RUN_TESTS(tests);
}
