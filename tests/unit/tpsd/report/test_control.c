/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions of `control` and what it keeps, as the other processes and tps see it. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tests/unit/tpsd/report/steps.h"
#include "tpsd/report/transaction.h"

/* ---- transactions ------------------------------------------------------------------------ */

static void all_processes_get_one_revision(void **state)
{
	(void)state;
	start_committed();
	for (unsigned i = 0; i < DEV_PEERS; i++) {
		assert_int_equal(dev.prepared[i], 1);
		assert_int_equal(dev.committed[i], 1);
		assert_int_equal(dev.aborted[i], 0);
	}
	check_in_force("one");
}

/* Who applies a document may count on it from the answer on. */
static void the_answer_comes_when_all_have_taken_it(void **state)
{
	json_t *error, *data;

	(void)state;
	start_committed();
	dev.slow_ms[DEV_WORKER] = 700;
	data = apply("two", NULL, &error);
	assert_null(error);
	for (unsigned i = 0; i < DEV_PEERS; i++)
		assert_int_equal(dev.taken[i], 2);
	json_decref(data);
}

static void one_refusal_changes_nothing_anywhere(void **state)
{
	json_t *error, *list, *data;

	(void)state;
	start_committed();
	dev.ready_status[DEV_KEYS] = SL_EMISMATCH;
	dev.refuse_path = "/certificates/0";
	data = apply("two", NULL, &error);
	assert_non_null(error);
	list = json_object_get(error, "errors");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "path")),
	                    "/certificates/0");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "remedy")),
	                    "do another thing");
	for (unsigned i = 0; i < DEV_PEERS; i++) {
		device_wait(&dev, &dev.aborted[i], 2);
		assert_int_equal(dev.committed[i], 1);
	}
	check_in_force("one");
	json_decref(error);
	json_decref(data);
}

static void silence_aborts_after_ten_seconds(void **state)
{
	uint64_t begun;
	json_t *error, *data;

	(void)state;
	start_committed();
	dev.ready_status[DEV_WORKER] = 1;
	begun = clock_now_ns();
	data = apply("two", NULL, &error);
	assert_non_null(error);
	assert_string_equal(json_string_value(json_object_get(error, "code")), "TIMEOUT");
	assert_true(clock_now_ns() - begun >= 9 * CLOCK_NS_PER_S);
	for (unsigned i = 0; i < DEV_PEERS; i++)
		device_wait(&dev, &dev.aborted[i], 2);
	json_decref(error);
	json_decref(data);
}

/* On a machine that is busy at boot the processes take long to set up, and that is no refusal. */
static void a_slow_start_is_waited_for(void **state)
{
	(void)state;
	dev.ready_status[DEV_WORKER] = 1;
	device_start(&dev);
	device_wait(&dev, &dev.prepared[DEV_WORKER], 1);
	device_run(&dev, (TRANSACTION_ANSWER_S + 1) * 1000);
	assert_int_equal(dev.aborted[DEV_PARENT], 0);
	assert_int_equal(dev.aborted[DEV_WORKER], 0);
}

static void a_bad_document_reaches_no_process_and_lists_every_error(void **state)
{
	static const char bad[] = "version: 1\nsegments:\n  - name: wan\n    port_a: eth1\n"
	                          "    port_b: eth1\n    nonsense: 3\nlimits: {sessions: many}\n";
	json_t *error, *list, *data;
	bool placed = false;
	size_t i;
	json_t *one;

	(void)state;
	start_committed();
	data = device_command(&dev, "config apply",
	                      json_pack("{s:s,s:s}", "file", "/etc/bad.yaml", "text", bad), &error);
	assert_non_null(error);
	list = json_object_get(error, "errors");
	assert_true(json_array_size(list) >= 2);
	json_array_foreach(list, i, one)
	{
		assert_true(json_string_length(json_object_get(one, "text")) > 0);
		placed |= json_integer_value(json_object_get(one, "line")) == 6;
	}
	assert_true(placed);
	for (unsigned p = 0; p < DEV_PEERS; p++)
		assert_int_equal(dev.prepared[p], 1);
	json_decref(error);
	json_decref(data);
}

static void a_peer_that_dies_in_a_transaction_aborts_it(void **state)
{
	json_t *error, *data;

	(void)state;
	start_committed();
	device_write_config(&dev, device_config(&dev, "two"));
	dev.ready_status[DEV_WORKER] = 1;
	data = device_command(&dev, "panic status", NULL, NULL);
	json_decref(data);
	{
		struct ipc_message msg = {.type = IPC_COMMAND};

		msg.command.name = ipc_text_of("reload");
		assert_int_equal(ipc_send(dev.peers[DEV_PARENT], &msg), 0);
	}
	device_wait(&dev, &dev.prepared[DEV_WORKER], 2);
	dev.ready_status[DEV_WORKER] = 0;
	device_restart_peer(&dev, DEV_WORKER);
	device_wait(&dev, &dev.aborted[DEV_WIRE], 2);
	/* And the new one gets what is in force. */
	device_wait(&dev, &dev.committed[DEV_WORKER], 1);
	assert_int_equal(dev.committed[DEV_WORKER], 1);
	data = apply("three", NULL, &error);
	assert_null(error);
	json_decref(data);
	check_in_force("three");
}

static void a_worker_that_is_started_again_gets_the_revision_in_force(void **state)
{
	json_t *data;

	(void)state;
	start_committed();
	data = apply("two", NULL, NULL);
	json_decref(data);
	device_restart_peer(&dev, DEV_WORKER);
	device_wait(&dev, &dev.committed[DEV_WORKER], 2);
	assert_int_equal(dev.prepared[DEV_WORKER], 2);
	assert_int_equal(dev.prepared[DEV_WIRE], 2);
}

static void sighup_reads_the_file_again(void **state)
{
	struct ipc_message msg = {.type = IPC_COMMAND};

	(void)state;
	start_committed();
	device_write_config(&dev, device_config(&dev, "again"));
	msg.command.name = ipc_text_of("reload");
	assert_int_equal(ipc_send(dev.peers[DEV_PARENT], &msg), 0);
	device_wait(&dev, &dev.committed[DEV_WORKER], 2);
	check_in_force("again");
}

/* Whoever sent it has changed the file after what goes on was read. */
static void sighup_during_a_transaction_has_its_turn(void **state)
{
	struct ipc_message msg = {.type = IPC_COMMAND};

	(void)state;
	dev.slow_ms[DEV_WORKER] = 300;
	start_committed();
	device_write_config(&dev, device_config(&dev, "again"));
	msg.command.name = ipc_text_of("reload");
	assert_int_equal(ipc_send(dev.peers[DEV_PARENT], &msg), 0);
	device_wait(&dev, &dev.committed[DEV_WORKER], 2);
	check_in_force("again");
}

/* ---- what is kept ------------------------------------------------------------------------ */

static void what_was_applied_outlives_a_crash(void **state)
{
	json_t *data;

	(void)state;
	start_committed();
	data = apply("two", NULL, NULL);
	json_decref(data);
	device_stop(&dev, true);
	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_WORKER], 3);
	check_in_force("two");
	device_stop(&dev, false);
	/* A changed file is a new wish. */
	device_write_config(&dev, device_config(&dev, "three"));
	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_WORKER], 4);
	check_in_force("three");
}

static void a_bad_file_at_start_falls_back_to_the_last_good_document(void **state)
{
	(void)state;
	start_committed();
	device_stop(&dev, false);
	device_write_config(&dev, "version: 1\nnonsense: true\n");
	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_WORKER], 1);
	assert_int_equal(dev.aborted[DEV_PARENT], 0);
	check_in_force("one");
	assert_true(log_has("system", "last good"));
}

static void a_bad_file_at_the_very_first_start_ends_the_daemon(void **state)
{
	(void)state;
	device_write_config(&dev, "version: 1\nnonsense: true\n");
	device_start(&dev);
	device_wait(&dev, &dev.aborted[DEV_PARENT], 1);
	assert_int_equal(dev.committed[DEV_PARENT], 0);
	assert_true(log_has("system", "nonsense"));
}

static void what_is_not_confirmed_is_taken_back(void **state)
{
	json_t *data, *configuration;

	(void)state;
	start_committed();
	data = apply("two", "1s", NULL);
	json_decref(data);
	configuration = version_configuration();
	assert_non_null(json_object_get(configuration, "confirm_within_s"));
	json_decref(configuration);
	device_wait(&dev, &dev.committed[DEV_WORKER], 3);
	check_in_force("one");
	assert_true(log_has("system", "not confirmed in time"));
}

static void what_is_confirmed_stays(void **state)
{
	json_t *data, *error;

	(void)state;
	start_committed();
	data = apply("two", "1s", NULL);
	json_decref(data);
	data = device_command(&dev, "config confirm", NULL, NULL);
	json_decref(data);
	device_run(&dev, 1500);
	assert_int_equal(dev.committed[DEV_WORKER], 2);
	check_in_force("two");
	data = device_command(&dev, "config confirm", NULL, &error);
	assert_non_null(error);
	json_decref(error);
	json_decref(data);
}

static void a_late_confirmation_is_noticed_after_a_crash(void **state)
{
	json_t *data;

	(void)state;
	start_committed();
	data = apply("two", "1s", NULL);
	json_decref(data);
	device_stop(&dev, true);
	(void)usleep(1200 * 1000);
	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_WORKER], 3);
	check_in_force("one");
}

static void rollback_goes_back_and_the_history_is_bounded(void **state)
{
	json_t *data, *list;
	char name[16];

	(void)state;
	start_committed();
	for (unsigned i = 0; i < 13; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		data = apply(name, NULL, NULL);
		json_decref(data);
	}
	data = device_command(&dev, "config history", NULL, NULL);
	list = json_array_get(data, 0);
	assert_int_equal(json_array_size(list), 10);
	json_decref(data);
	data = device_command(&dev, "config diff", json_pack("{s:s}", "n", "2"), NULL);
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(data, 0), "text")),
	                       "-   name: n10\n+   name: n12\n"));
	json_decref(data);
	data = device_command(&dev, "config rollback", json_pack("{s:s}", "n", "3"), NULL);
	json_decref(data);
	check_in_force("n9");
	data = device_command(&dev, "config history", NULL, NULL);
	assert_int_equal(json_array_size(json_array_get(data, 0)), 7);
	json_decref(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(all_processes_get_one_revision),
	        TEST(the_answer_comes_when_all_have_taken_it),
	        TEST(one_refusal_changes_nothing_anywhere),
	        TEST(silence_aborts_after_ten_seconds),
	        TEST(a_slow_start_is_waited_for),
	        TEST(a_bad_document_reaches_no_process_and_lists_every_error),
	        TEST(a_peer_that_dies_in_a_transaction_aborts_it),
	        TEST(a_worker_that_is_started_again_gets_the_revision_in_force),
	        TEST(sighup_reads_the_file_again),
	        TEST(sighup_during_a_transaction_has_its_turn),
	        TEST(what_was_applied_outlives_a_crash),
	        TEST(a_bad_file_at_start_falls_back_to_the_last_good_document),
	        TEST(a_bad_file_at_the_very_first_start_ends_the_daemon),
	        TEST(what_is_not_confirmed_is_taken_back),
	        TEST(what_is_confirmed_stays),
	        TEST(a_late_confirmation_is_noticed_after_a_crash),
	        TEST(rollback_goes_back_and_the_history_is_bounded),
	};

	return RUN_TESTS(tests);
}
