/* SPDX-License-Identifier: Apache-2.0 */
/* Batches as devices send them: what is stored, repeated, refused, lost, and where it is filed. */
#include "tests/unit/smsd/ingest/lines.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/remote/remote.h"
#include "smsd/base/moment.h"

enum { KEEP_DAYS = 30 };

struct yard {
	struct place *place;
	char days[80];
	struct ingest *ingest;
	int64_t now_ms;
	struct buf lines;
};

static void open_ingest(struct yard *yard)
{
	const struct ingest_options options = {.directory = yard->days, .keep_days = KEEP_DAYS};

	assert_int_equal(
	        ingest_open(yard->place->store, &options, &yard->ingest, &yard->place->problem), 0);
}

static int setup(void **state)
{
	struct yard *yard = calloc(1, sizeof(*yard));

	assert_non_null(yard);
	assert_int_equal(place_setup((void **)&yard->place), 0);
	(void)snprintf(yard->days, sizeof(yard->days), "%s/events", yard->place->directory);
	buf_init(&yard->lines, 2 * REMOTE_EVENTS_MAX);
	yard->now_ms = moment_now_ms();
	open_ingest(yard);
	*state = yard;
	return 0;
}

static int teardown(void **state)
{
	struct yard *yard = *state;
	DIR *dir = opendir(yard->days);
	struct dirent *entry;
	int rc;

	ingest_close(yard->ingest);
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(yard->days);
	buf_fini(&yard->lines);
	rc = place_teardown((void **)&yard->place);
	free(yard);
	return rc;
}

/* As if smsd was started again. */
static void start_again(struct yard *yard)
{
	ingest_close(yard->ingest);
	place_close(yard->place);
	place_open(yard->place);
	open_ingest(yard);
}

static void put(struct yard *yard, const char *line)
{
	assert_int_equal(buf_printf(&yard->lines, "%s\n", line), 0);
}

static void put_number(struct yard *yard, uint64_t seq)
{
	put(yard, line_of(&(struct shape){.seq = seq, .time_ms = yard->now_ms}));
}

static int send(struct yard *yard, uint64_t first, struct ingest_answer *answer)
{
	const struct ingest_batch batch = {.device = "box",
	                                   .epoch = EPOCH,
	                                   .first = first,
	                                   .lines = yard->lines.data,
	                                   .len = yard->lines.len};

	return ingest_take(yard->ingest, &batch, answer, &yard->place->problem);
}

/* Sends what was put, as "next stored repeated refused lost". */
static const char *answer_of(struct yard *yard, uint64_t first)
{
	static char text[128];
	struct ingest_answer a;

	assert_int_equal(send(yard, first, &a), 0);
	(void)snprintf(text, sizeof(text),
	               "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, a.next, a.stored,
	               a.repeated, a.refused, a.lost);
	buf_consume(&yard->lines, yard->lines.len);
	return text;
}

static const char *found_of(struct yard *yard, const char *device, const char *kind)
{
	static struct found found;
	struct event_filter filter = any_filter();

	found = (struct found){0};
	filter.field[INTAKE_DEVICE] = device;
	filter.field[INTAKE_KIND] = kind;
	find_whole(ingest_events(yard->ingest), &filter, found_add, &found);
	return found.text;
}

static void numbers_go_on_where_they_were(void **state)
{
	struct yard *yard = *state;

	put_number(yard, 5);
	put_number(yard, 6);
	assert_string_equal(answer_of(yard, 5), "7 2 0 0 0");
	put_number(yard, 7);
	assert_string_equal(answer_of(yard, 7), "8 1 0 0 0");
	start_again(yard);
	put_number(yard, 8);
	assert_string_equal(answer_of(yard, 8), "9 1 0 0 0");
	assert_string_equal(found_of(yard, "box", NULL), "8,7,6,5");
	assert_string_equal(found_of(yard, "sms", NULL), "");
	assert_string_equal(answer_of(yard, 9), "9 0 0 0 0");
}

static void what_comes_again_is_stored_once(void **state)
{
	struct yard *yard = *state;

	for (uint64_t seq = 0; seq < 4; seq++)
		put_number(yard, seq);
	assert_string_equal(answer_of(yard, 0), "4 4 0 0 0");
	for (uint64_t seq = 2; seq < 6; seq++)
		put_number(yard, seq);
	assert_string_equal(answer_of(yard, 2), "6 2 2 0 0");
	assert_string_equal(found_of(yard, "box", NULL), "5,4,3,2,1,0");
}

/* Killed between the days and how far it is: the days know what comes again. */
static void what_was_stored_and_not_answered_is_stored_once(void **state)
{
	struct yard *yard = *state;
	struct event_record records[3];

	put_number(yard, 0);
	assert_string_equal(answer_of(yard, 0), "1 1 0 0 0");
	for (unsigned i = 0; i < 3; i++)
		records[i] = record_of(&(struct shape){.seq = i + 1, .time_ms = yard->now_ms});
	assert_int_equal(event_store_add(ingest_events(yard->ingest), records, 3), 0);
	start_again(yard);
	for (uint64_t seq = 1; seq < 6; seq++)
		put_number(yard, seq);
	assert_string_equal(answer_of(yard, 1), "6 2 3 0 0");
	assert_string_equal(found_of(yard, NULL, NULL), "5,4,3,2,1,0");
	lines_forget();
}

static void a_gap_is_an_event_and_said_once(void **state)
{
	struct yard *yard = *state;

	put_number(yard, 0);
	assert_string_equal(answer_of(yard, 0), "1 1 0 0 0");
	put_number(yard, 4);
	put_number(yard, 6);
	assert_string_equal(answer_of(yard, 4), "7 2 0 0 4");
	assert_string_equal(found_of(yard, "sms", "gap"), "5,1");
	/* As it would come when the answer was lost, before and after it was known. */
	put_number(yard, 4);
	put_number(yard, 6);
	assert_string_equal(answer_of(yard, 4), "7 0 2 0 0");
	assert_string_equal(found_of(yard, "sms", "gap"), "5,1");
}

static void an_epoch_heard_of_first_has_no_gap_before_it(void **state)
{
	struct yard *yard = *state;

	put_number(yard, 100);
	put_number(yard, 102);
	assert_string_equal(answer_of(yard, 100), "103 2 0 0 1");
	assert_string_equal(found_of(yard, "sms", "gap"), "101");
}

static void a_line_that_is_none_is_refused_alone(void **state)
{
	struct yard *yard = *state;

	put_number(yard, 0);
	put(yard, "{\"seq\":1");
	put(yard, line_of(&(struct shape){.seq = 2, .time_ms = yard->now_ms, .device = "other"}));
	put(yard, line_of(&(struct shape){
	                  .seq = 3, .time_ms = yard->now_ms, .epoch = "1234567890123456"}));
	put_number(yard, 4);
	put_number(yard, 4);
	put(yard, "");
	assert_string_equal(answer_of(yard, 0), "6 2 0 5 0");
	assert_string_equal(found_of(yard, "box", NULL), "4,0");
	assert_string_equal(found_of(yard, "sms", "system"), "0");
	/* One that is refused at the end of a batch does not come again for ever. */
	put(yard, "nothing");
	assert_string_equal(answer_of(yard, 6), "7 0 0 1 0");
	put_number(yard, 7);
	assert_string_equal(answer_of(yard, 7), "8 1 0 0 0");
	assert_string_equal(found_of(yard, "sms", "gap"), "");
}

/* A batch that comes again with such a line in it: nothing behind it is taken for old. */
static void a_refused_line_that_comes_again_moves_nothing(void **state)
{
	struct yard *yard = *state;

	for (uint64_t seq = 0; seq < 6; seq++)
		put_number(yard, seq);
	assert_string_equal(answer_of(yard, 0), "6 6 0 0 0");
	put_number(yard, 2);
	put(yard, "nothing");
	put_number(yard, 4);
	assert_string_equal(answer_of(yard, 2), "6 0 2 1 0");
	put_number(yard, 6);
	assert_string_equal(answer_of(yard, 6), "7 1 0 0 0");
}

static void what_is_older_than_kept_is_refused(void **state)
{
	struct yard *yard = *state;
	int64_t old = yard->now_ms - (KEEP_DAYS + 1) * (int64_t)EVENT_DAY_MS;

	put(yard, line_of(&(struct shape){.seq = 0, .time_ms = old}));
	put(yard, line_of(&(struct shape){.seq = 1, .time_ms = old + 2 * (int64_t)EVENT_DAY_MS}));
	assert_string_equal(answer_of(yard, 0), "2 1 0 1 0");
	assert_string_equal(found_of(yard, "box", NULL), "1");
	/* A gap before it is kept all the same. */
	put(yard, line_of(&(struct shape){.seq = 4, .time_ms = old}));
	assert_string_equal(answer_of(yard, 4), "5 0 0 1 2");
	ingest_tick(yard->ingest);
	assert_string_equal(found_of(yard, "sms", "gap"), "2");
}

static int keep_odd(void *arg, const struct store_row *row)
{
	int64_t *odd = arg;

	odd[0] = store_row_integer(row, 1);
	odd[1] = store_row_integer(row, 2);
	return 0;
}

/* As it was between the days' commit and its own: `next` is 2, the rest is there. */
static int go_back_to_two(void *arg, struct store_tx *tx)
{
	const struct store_value key[] = {store_text("box"), store_text(EPOCH)};
	int64_t odd[2] = {0, 0};
	int rc = store_tx_run(tx, STORE_INTAKE, key, 2, keep_odd, odd);
	const struct store_value values[] = {key[0],
	                                     key[1],
	                                     store_integer(2),
	                                     store_integer(odd[0]),
	                                     store_integer(odd[1]),
	                                     store_integer(0)};

	(void)arg;
	return rc ? rc : store_tx_run(tx, STORE_INTAKE_SET, values, 6, NULL, NULL);
}

/* It goes to the day it came, and there it is known when it comes again on another day. */
static void a_time_far_ahead_is_the_time_it_came(void **state)
{
	struct yard *yard = *state;
	int64_t far = yard->now_ms + 5000 * (int64_t)EVENT_DAY_MS;
	const char *line = line_of(&(struct shape){.seq = 1, .time_ms = far});
	struct event_filter filter = any_filter();
	struct found found = {0};

	put_number(yard, 0);
	put(yard, line);
	assert_string_equal(answer_of(yard, 0), "2 2 0 0 0");
	filter.from_ms = yard->now_ms - 1000;
	filter.to_ms = yard->now_ms + 60 * 1000;
	find_whole(ingest_events(yard->ingest), &filter, found_add, &found);
	assert_string_equal(found.text, "1,0");
	/* Stored and not answered, so how far it is says the same as before: two days later. */
	put(yard, line_of(&(struct shape){.seq = 2, .time_ms = far}));
	assert_string_equal(answer_of(yard, 2), "3 1 0 0 0");
	assert_int_equal(store_write(yard->place->store, go_back_to_two, yard), 0);
	place_wait(2 * 24 * 3600);
	start_again(yard);
	put(yard, line_of(&(struct shape){.seq = 2, .time_ms = far}));
	put(yard, line_of(&(struct shape){.seq = 3, .time_ms = far}));
	assert_string_equal(answer_of(yard, 2), "4 1 1 0 0");
	assert_string_equal(found_of(yard, "box", NULL), "3,2,1,0");
}

static void ahead_by_less_than_a_day_is_its_own_time(void **state)
{
	struct yard *yard = *state;
	struct event_filter filter = any_filter();
	struct found found = {0};

	put(yard,
	    line_of(&(struct shape){.seq = 0, .time_ms = yard->now_ms + INGEST_AHEAD_MS - 60000}));
	assert_string_equal(answer_of(yard, 0), "1 1 0 0 0");
	filter.from_ms = yard->now_ms + INGEST_AHEAD_MS - 60000;
	find_whole(ingest_events(yard->ingest), &filter, found_add, &found);
	assert_string_equal(found.text, "0");
}

static void what_is_no_batch_is_refused_whole(void **state)
{
	static const char *const epochs[] = {"", "ab", "00000000000000AB", "00000000000000abc",
	                                     "0000000000000 ab"};
	struct yard *yard = *state;
	struct ingest_batch batch = {.device = "box", .lines = ""};
	struct ingest_answer answer;

	for (size_t i = 0; i < sizeof(epochs) / sizeof(*epochs); i++) {
		batch.epoch = epochs[i];
		assert_int_equal(ingest_take(yard->ingest, &batch, &answer, &yard->place->problem),
		                 SL_EINVAL);
		problem_fini(&yard->place->problem);
	}
	batch.epoch = EPOCH;
	batch.first = UINT64_C(1) << 53;
	assert_int_equal(ingest_take(yard->ingest, &batch, &answer, &yard->place->problem),
	                 SL_EINVAL);
	problem_fini(&yard->place->problem);
	for (unsigned i = 0; i <= REMOTE_EVENT_LINES_MAX; i++)
		assert_int_equal(buf_add(&yard->lines, "\n", 1), 0);
	assert_int_equal(send(yard, 0, &answer), SL_ERANGE);
	problem_fini(&yard->place->problem);
	buf_consume(&yard->lines, 1);
	assert_string_equal(answer_of(yard, 0), "10000 0 0 10000 0");
}

static bool is_known(struct yard *yard, unsigned number)
{
	struct ingest_batch batch = {.device = "box", .lines = ""};
	struct ingest_answer answer;
	char epoch[INTAKE_EPOCH_LEN + 1];

	(void)snprintf(epoch, sizeof(epoch), "%016x", number);
	batch.epoch = epoch;
	assert_int_equal(ingest_take(yard->ingest, &batch, &answer, &yard->place->problem), 0);
	return answer.next == 7;
}

/* Of the epochs of a device those that were used last are known. */
static void epochs_of_a_device_are_bounded(void **state)
{
	struct yard *yard = *state;
	struct ingest_batch batch = {.device = "box", .lines = ""};
	struct ingest_answer answer;
	char epoch[INTAKE_EPOCH_LEN + 1];

	for (unsigned i = 0; i < INGEST_EPOCHS_KEPT + 4; i++) {
		(void)snprintf(epoch, sizeof(epoch), "%016x", i);
		batch.epoch = epoch;
		batch.first = 7;
		assert_int_equal(ingest_take(yard->ingest, &batch, &answer, &yard->place->problem),
		                 0);
		place_wait(1);
	}
	assert_true(is_known(yard, 4));
	assert_true(is_known(yard, INGEST_EPOCHS_KEPT + 3));
	assert_false(is_known(yard, 3));
}

static void what_the_sms_says_is_an_event(void **state)
{
	struct yard *yard = *state;
	struct event_filter filter = any_filter();
	struct found found = {0};

	ingest_say(yard->ingest, LOG_LEVEL_WARNING, "box", "box \"%s\" is silent", "at home");
	ingest_say(yard->ingest, LOG_LEVEL_INFO, NULL, "all is well");
	assert_string_equal(found_of(yard, "sms", "system"), "1,0");
	filter.text = "silent home";
	find_whole(ingest_events(yard->ingest), &filter, found_add, &found);
	assert_string_equal(found.text, "0");
}

static void days_that_had_their_time_go_by_the_clock(void **state)
{
	struct yard *yard = *state;

	put_number(yard, 0);
	assert_string_equal(answer_of(yard, 0), "1 1 0 0 0");
	place_wait(KEEP_DAYS * 24 * 3600);
	ingest_say(yard->ingest, LOG_LEVEL_INFO, NULL, "today");
	ingest_tick(yard->ingest);
	assert_string_equal(found_of(yard, "box", NULL), "0");
	place_wait(24 * 3600);
	ingest_tick(yard->ingest);
	assert_string_equal(found_of(yard, "box", NULL), "");
	assert_string_equal(found_of(yard, "sms", "system"), "1,0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	        TEST(numbers_go_on_where_they_were),
	        TEST(what_comes_again_is_stored_once),
	        TEST(what_was_stored_and_not_answered_is_stored_once),
	        TEST(a_gap_is_an_event_and_said_once),
	        TEST(an_epoch_heard_of_first_has_no_gap_before_it),
	        TEST(a_line_that_is_none_is_refused_alone),
	        TEST(a_refused_line_that_comes_again_moves_nothing),
	        TEST(what_is_older_than_kept_is_refused),
	        TEST(a_time_far_ahead_is_the_time_it_came),
	        TEST(ahead_by_less_than_a_day_is_its_own_time),
	        TEST(what_is_no_batch_is_refused_whole),
	        TEST(epochs_of_a_device_are_bounded),
	        TEST(what_the_sms_says_is_an_event),
	        TEST(days_that_had_their_time_go_by_the_clock),
#undef TEST
	};

	return RUN_TESTS(tests);
}
