/* SPDX-License-Identifier: Apache-2.0 */
/* Events over a server that ends sessions and goes away: nothing is lost that was said to be there,
 * nothing is there twice, and all goes on by itself. What is common and what is rare is found, each
 * by its own way. */
#include "tests/unit/smsd/ingest/yard.h"

#include <time.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/database.h"

enum { TRIES = 400, TRY_MS = 50, COUNT = 3000 };

static void sessions_that_ended_are_made_anew(void **state)
{
	struct ingest_answer answer;
	struct yard yard;

	yard_make(&yard);
	yard_open(&yard);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(yard_send(&yard, "box", round * 100, 100, &answer), 0);
		test_database_end_sessions(yard.connection, false);
		assert_int_equal(yard_assert_whole(&yard, "box", (round + 1) * 100, 1000),
		                 (round + 1) * 100);
		test_database_end_sessions(yard.connection, false);
	}
	assert_int_equal(yard_send(&yard, "box", 0, 300, &answer), 0);
	assert_int_equal(answer.stored, 0);
	yard_close(&yard);
	yard_remove(&yard);
}

static void while_it_is_away_devices_keep_theirs(void **state)
{
	struct timespec step = {.tv_nsec = TRY_MS * 1000000L};
	struct ingest_answer answer;
	struct yard yard;
	int rc = SL_EAGAIN;

	yard_make(&yard);
	yard_open(&yard);
	assert_int_equal(yard_send(&yard, "box", 0, 100, &answer), 0);
	test_database_end_sessions(yard.connection, true);
	assert_int_equal(yard_send(&yard, "box", 100, 100, &answer), SL_EAGAIN);
	assert_true(yard.problem.retry_s > 0);
	problem_fini(&yard.problem);
	test_database_open_again(yard.connection);
	for (unsigned i = 0; i < TRIES && rc != 0; i++) {
		rc = yard_send(&yard, "box", 100, 100, &answer);
		problem_fini(&yard.problem);
		(void)nanosleep(&step, NULL);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(yard_assert_whole(&yard, "box", 200, 1000), 200);
	yard_close(&yard);
	yard_remove(&yard);
}

static int count_one(void *arg, const struct event_found *found)
{
	(void)found;
	++*(unsigned *)arg;
	return 0;
}

static void what_is_rare_and_what_is_common_is_found(void **state)
{
	struct event_filter filter = any_filter();
	struct event_record records[3];
	struct ingest_answer answer;
	struct yard yard;
	unsigned found = 0;
	int64_t long_ago;

	yard_make(&yard);
	yard_open(&yard);
	long_ago = (event_day_of(moment_now_ms()) - 1) * EVENT_DAY_MS;
	for (unsigned i = 0; i < 3; i++)
		records[i] = record_of(&(struct shape){.seq = COUNT + i,
		                                       .device = "box",
		                                       .sni = "rare.example",
		                                       .time_ms = long_ago + i});
	assert_int_equal(event_store_add(ingest_events(yard.ingest), records, 3), 0);
	assert_int_equal(yard_send(&yard, "box", 0, COUNT, &answer), 0);
	filter.field[INTAKE_OUTCOME] = "blocked";
	find_whole(ingest_events(yard.ingest), &filter, count_one, &found);
	assert_int_equal(found, COUNT);
	found = 0;
	filter = any_filter();
	filter.field[INTAKE_SNI] = "RARE.example";
	find_whole(ingest_events(yard.ingest), &filter, count_one, &found);
	assert_int_equal(found, 3);
	filter.field[INTAKE_OUTCOME] = "blocked";
	found = 0;
	find_whole(ingest_events(yard.ingest), &filter, count_one, &found);
	assert_int_equal(found, 0);
	lines_forget();
	yard_close(&yard);
	yard_remove(&yard);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sessions_that_ended_are_made_anew),
	        cmocka_unit_test(while_it_is_away_devices_keep_theirs),
	        cmocka_unit_test(what_is_rare_and_what_is_common_is_found),
	};

	return RUN_TESTS(tests);
}
