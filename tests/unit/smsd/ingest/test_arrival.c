/* SPDX-License-Identifier: Apache-2.0 */
/* What was stored, in the order in which it was: each event once, in pieces of any size; what was
 * not answered too; what has had its time is counted. */
#include "smsd/ingest/arrival.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/ingest/yard.h"

enum { READ_MAX = 1024, ALL = 100000 };

struct read {
	char device[READ_MAX][32];
	uint64_t seq[READ_MAX];
	char text[READ_MAX][256]; /* its beginning */
	size_t count;
	uint64_t gone;
};

static int add_line(void *arg, const char *text, size_t len)
{
	struct read *r = arg;
	struct intake_line line;

	assert_int_equal(intake_line_read(text, len, &line), 0);
	assert_true(r->count < READ_MAX);
	(void)snprintf(r->device[r->count], 32, "%.*s", (int)line.field[INTAKE_DEVICE].len,
	               line.field[INTAKE_DEVICE].at);
	(void)snprintf(r->text[r->count], 256, "%.*s", (int)len, text);
	r->seq[r->count++] = line.seq;
	return 0;
}

/* All behind `place`, so many at a time. */
static struct read *read_on(struct yard *yard, struct arrival_place *place, unsigned limit)
{
	struct read *r = calloc(1, sizeof(*r));
	struct arrival_place next;
	uint64_t gone;

	assert_non_null(r);
	for (;;) {
		assert_int_equal(
		        arrival_read(yard->ingest, place, limit, add_line, r, &next, &gone), 0);
		r->gone += gone;
		if (next.row == place->row && next.seq == place->seq)
			return r;
		*place = next;
	}
}

static int add_target(void *arg, struct store_tx *tx)
{
	const struct store_value values[] = {store_text(arg), store_text("{}"), store_integer(1)};

	return store_tx_run(tx, STORE_SYSLOG_TARGET_ADD, values, 3, NULL, NULL);
}

static void begin(struct yard *yard)
{
	char name[] = "log";

	yard_make(yard);
	yard_open(yard);
	assert_int_equal(store_write(yard->store, add_target, name), 0);
}

static void end(struct yard *yard)
{
	yard_close(yard);
	yard_remove(yard);
}

static void send(struct yard *yard, const char *device, uint64_t first, unsigned count)
{
	struct ingest_answer answer;

	assert_int_equal(yard_send(yard, device, first, count, &answer), 0);
	assert_int_equal(answer.next, first + count);
}

/* The numbers 0 to `count` of a device, each once, from *at on. */
static void assert_numbers(const struct read *r, size_t *at, const char *device, size_t count)
{
	bool seen[READ_MAX] = {false};

	for (size_t i = 0; i < count; i++, (*at)++) {
		assert_true(*at < r->count);
		assert_string_equal(r->device[*at], device);
		assert_in_range(r->seq[*at], 0, count - 1);
		assert_false(seen[r->seq[*at]]);
		seen[r->seq[*at]] = true;
	}
}

static void events_come_as_they_were_stored_and_once(void **state)
{
	static const unsigned limits[] = {1, 7, 1000};
	struct yard yard;

	begin(&yard);
	send(&yard, "one", 0, 41); /* of two days by turns */
	send(&yard, "two", 0, 10);
	send(&yard, "two", 0, 10); /* it was not answered: once more */
	yard_close(&yard);
	yard_open(&yard);
	send(&yard, "three", 0, 3);
	for (size_t i = 0; i < SL_ARRAY_LEN(limits); i++) {
		struct arrival_place place = {0};
		struct read *r = read_on(&yard, &place, limits[i]);
		size_t at = 0;

		assert_int_equal(r->gone, 0);
		assert_numbers(r, &at, "one", 41);
		assert_numbers(r, &at, "two", 10);
		assert_numbers(r, &at, "three", 3);
		assert_int_equal(r->count, at);
		free(r);
		r = read_on(&yard, &place, limits[i]);
		assert_int_equal(r->count, 0);
		free(r);
	}
	end(&yard);
}

static void what_the_sms_itself_says_comes_too(void **state)
{
	struct arrival_place place = {0};
	struct yard yard;
	struct read *r;

	begin(&yard);
	send(&yard, "box", 0, 2);
	send(&yard, "box", 5, 2); /* 2 to 4 never came */
	ingest_say(yard.ingest, LOG_LEVEL_WARNING, NULL, "the moon is full");
	r = read_on(&yard, &place, ALL);
	assert_int_equal(r->count, 6);
	assert_non_null(strstr(r->text[5], "the moon is full"));
	for (size_t i = 0, gaps = 0; i < r->count; i++) {
		gaps += strstr(r->text[i], "\"gap\"") != NULL;
		assert_true(i + 1 < r->count || gaps == 1);
	}
	free(r);
	end(&yard);
}

static int refuse(void *arg, const char *device, const struct event_record *records, size_t count)
{
	return SL_EIO;
}

/* As when smsd dies between the commit and the answer. */
static void what_was_stored_and_not_answered_is_not_left_out(void **state)
{
	struct arrival_place place = {0};
	struct ingest_answer answer;
	struct yard yard;
	struct read *r;
	size_t at = 0;

	begin(&yard);
	ingest_on_heard(yard.ingest, refuse, NULL);
	assert_int_equal(yard_send(&yard, "box", 0, 30, &answer), SL_EIO);
	yard_close(&yard);
	problem_fini(&yard.problem);
	yard_open(&yard);
	r = read_on(&yard, &place, ALL);
	assert_int_equal(r->count, 0);
	free(r);
	assert_int_equal(yard_send(&yard, "box", 0, 30, &answer), 0);
	assert_int_equal(answer.stored, 0);
	r = read_on(&yard, &place, ALL);
	assert_numbers(r, &at, "box", 30);
	assert_int_equal(r->count, 30);
	free(r);
	end(&yard);
}

static void what_has_had_its_time_is_counted(void **state)
{
	struct arrival_place place = {0};
	unsigned dropped = 0;
	struct yard yard;
	struct read *r;

	begin(&yard);
	send(&yard, "box", 0, 20);
	assert_int_equal(event_store_sweep(ingest_events(yard.ingest),
	                                   event_day_of(moment_now_ms()), 0, &dropped),
	                 0);
	assert_int_equal(dropped, 1);
	r = read_on(&yard, &place, 3);
	assert_int_equal(r->gone, 10);
	assert_int_equal(r->count, 10);
	free(r);
	end(&yard);
}

static int drop_target(void *arg, struct store_tx *tx)
{
	const struct store_value name = store_text(arg);
	int rc = store_tx_run(tx, STORE_SYSLOG_TARGET_DROP, &name, 1, NULL, NULL);

	return rc ? rc : store_tx_run(tx, STORE_ARRIVAL_DROP_OLD, NULL, 0, NULL, NULL);
}

static void nothing_is_kept_where_nobody_waits(void **state)
{
	struct arrival_place place = {0};
	char name[] = "log";
	struct yard yard;
	struct read *r;

	begin(&yard);
	send(&yard, "box", 0, 20);
	assert_int_equal(store_write(yard.store, drop_target, name), 0);
	send(&yard, "box", 20, 20);
	ingest_say(yard.ingest, LOG_LEVEL_INFO, NULL, "nobody hears this");
	r = read_on(&yard, &place, ALL);
	assert_int_equal(r->count + r->gone, 0);
	free(r);
	end(&yard);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(events_come_as_they_were_stored_and_once),
	        cmocka_unit_test(what_the_sms_itself_says_comes_too),
	        cmocka_unit_test(what_was_stored_and_not_answered_is_not_left_out),
	        cmocka_unit_test(what_has_had_its_time_is_counted),
	        cmocka_unit_test(nothing_is_kept_where_nobody_waits),
	};

	return RUN_TESTS(tests);
}
