/* SPDX-License-Identifier: Apache-2.0 */
/* A search whose time is over ends, whatever it has found, and one that goes on where it was comes
 * to the end: all of them together find what one long search does, each event once. */
#include "tests/unit/smsd/ingest/yard.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "smsd/ingest/event_store_priv.h"

#define DAY  ((int64_t)20484 * EVENT_DAY_MS) /* 2026-01-31 */
#define NOON (DAY + 12 * 3600 * 1000)

struct search {
	struct yard yard;
	struct event_store *events;
};

static int setup(void **state)
{
	struct search *search = calloc(1, sizeof(*search));

	assert_non_null(search);
	yard_make(&search->yard);
	yard_open(&search->yard);
	search->events = ingest_events(search->yard.ingest);
	*state = search;
	return 0;
}

static int teardown(void **state)
{
	struct search *search = *state;

	yard_close(&search->yard);
	yard_remove(&search->yard);
	free(search);
	lines_forget();
	return 0;
}

static void add(struct search *search, struct event_record *records, size_t count)
{
	assert_int_equal(event_store_add(search->events, records, count), 0);
	for (size_t i = 0; i < count; i++)
		assert_true(records[i].added);
}

static int found_enough(void *arg, const struct event_found *found)
{
	(void)found_add(arg, found);
	return 1;
}

/* Who is given events says when they are enough: the next page goes on behind that one. */
static void a_page_ends_when_its_reader_has_enough(void **state)
{
	struct search *search = *state;
	struct event_filter filter = any_filter();
	struct event_record records[5];

	for (unsigned i = 0; i < 5; i++)
		records[i] = record_of(&(struct shape){.seq = i,
		                                       .time_ms = NOON + i / 2 * EVENT_DAY_MS + i,
		                                       .outcome = "blocked"});
	add(search, records, 5);
	for (unsigned words = 0; words < 2; words++) {
		char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];
		struct found found = {0};

		filter.field[INTAKE_OUTCOME] = words ? "blocked" : NULL;
		for (unsigned i = 1; i <= 5; i++) {
			assert_int_equal(event_store_find(search->events, &filter, cursor, 1000,
			                                  found_enough, &found, next),
			                 0);
			assert_int_equal(found.count, i);
			memcpy(cursor, next, sizeof(cursor));
		}
		assert_string_equal(found.text, "4,3,2,1,0");
	}
}

enum { LONG_MS = 600 * 1000, SEARCHES_MAX = 4000 };

struct searches {
	unsigned count, with_none;
	struct found found;
};

/* All that the filter takes, in searches of so much time each. */
static void search_all(struct search *search, const struct event_filter *filter, uint64_t ms,
                       struct searches *searches)
{
	char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];

	*searches = (struct searches){0};
	search->events->budget_ns = ms * CLOCK_NS_PER_MS;
	do {
		unsigned had = searches->found.count;

		assert_int_equal(event_store_find(search->events, filter, cursor, 1000, found_add,
		                                  &searches->found, next),
		                 0);
		assert_true(!next[0] || strcmp(next, cursor) != 0);
		memcpy(cursor, next, sizeof(cursor));
		searches->count++;
		searches->with_none += searches->found.count == had;
		assert_true(searches->count < SEARCHES_MAX);
	} while (cursor[0]);
	search->events->budget_ns = EVENT_STORE_BUDGET_MS * CLOCK_NS_PER_MS;
}

/* Over three days, some seconds between: `odd` and `even` never meet. */
static void add_over_days(struct search *search)
{
	enum { COUNT = 60 };
	struct event_record records[COUNT];

	for (unsigned i = 0; i < COUNT; i++)
		records[i] = record_of(&(struct shape){
		        .seq = i,
		        .outcome = i % 2 ? "bypassed" : "blocked",
		        .reason = i % 2 ? "odd" : "even",
		        .message =
		                i % 30 == 7 ? "a b c d e f g h i j rarely" : "a b c d e f g h i k",
		        .time_ms = NOON + (int64_t)(i % 3) * EVENT_DAY_MS + i * 7000});
	add(search, records, COUNT);
}

/* However short its time is, each search comes further; all together find what one does. */
static void a_search_without_time_goes_on_and_comes_to_the_end(void **state)
{
	static const struct {
		struct event_filter filter;
		unsigned count;
	} rows[] = {
	        {{.field[INTAKE_OUTCOME] = "blocked"}, 30},
	        {{.field[INTAKE_OUTCOME] = "blocked", .field[INTAKE_REASON] = "odd"}, 0},
	        {{.field[INTAKE_OUTCOME] = "bypassed", .field[INTAKE_REASON] = "odd"}, 30},
	        {{.text = "rarely"}, 2},
	        {{.text = "rare*"}, 2},
	        {{.field[INTAKE_REASON] = "odd", .text = "rare*"}, 2},
	        {{.field[INTAKE_REASON] = "even", .text = "rare*"}, 0},
	        {{.text = "a b c d e f g h i j"}, 2},
	        {{.field[INTAKE_SNI] = "nobody.example"}, 0},
	        {{.text = NULL}, 60},
	};
	static struct searches whole, parts;
	struct search *search = *state;

	add_over_days(search);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		struct event_filter filter = rows[i].filter;

		filter.from_ms = INT64_MIN;
		filter.to_ms = INT64_MAX;
		search_all(search, &filter, LONG_MS, &whole);
		assert_int_equal(whole.count, 1);
		assert_int_equal(whole.found.count, rows[i].count);
		search_all(search, &filter, 0, &parts);
		assert_string_equal(parts.found.text, whole.found.text);
		/* One a day at least. */
		assert_true(parts.count >= 3);
		assert_true(rows[i].count > 0 || parts.with_none == parts.count);
	}
}

static int take_slowly(void *arg, int64_t place, const char *line, size_t len)
{
	const struct event_found found = {.place = place, .line = line, .len = len};

	(void)nanosleep(&(struct timespec){.tv_nsec = 3 * 1000 * 1000}, NULL);
	return found_add(arg, &found);
}

/* In searches of a day, each of little time; how many there were. */
static unsigned search_slowly(struct search *search, const char *words, struct found *found)
{
	struct event_query query = {
	        .words = words, .to = event_day_place(EVENT_DAY_MS), .wanted = 1};
	struct event_day *day;
	unsigned searches = 0;

	*found = (struct found){0};
	assert_int_equal(
	        event_day_open(search->events->days, event_day_of(NOON), EVENT_DAY_READS, &day), 0);
	while (query.to > 0) {
		int64_t before = -1;

		query.until_ns = clock_now_ns() + 10 * CLOCK_NS_PER_MS;
		assert_int_equal(event_day_find(day, &query, take_slowly, found, &before), 0);
		assert_true(before >= 0 && before < query.to);
		query.to = before;
		assert_true(searches++ < SEARCHES_MAX);
	}
	event_day_close(day);
	return searches;
}

/* All are of one second, found by one statement or one span. */
static void a_search_ends_in_the_midst_of_what_it_finds(void **state)
{
	enum { COUNT = 40 };
	static const char *const words[] = {NULL, "all", "all odd", "all od*"};
	static struct found found;
	struct search *search = *state;
	struct event_record records[COUNT];

	for (unsigned i = 0; i < COUNT; i++)
		records[i] = record_of(&(struct shape){
		        .seq = i, .time_ms = NOON + i, .message = i % 2 ? "all odd" : "all"});
	add(search, records, COUNT);
	for (unsigned w = 0; w < SL_ARRAY_LEN(words); w++) {
		assert_true(search_slowly(search, words[w], &found) > 1);
		for (unsigned i = 0; i < COUNT; i++) {
			unsigned times = times_in(found.text, i);

			/* A beginning may be left to who asks. */
			assert_true(times == (w < 2 || i % 2) || (w == 3 && times == 1));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	        TEST(a_page_ends_when_its_reader_has_enough),
	        TEST(a_search_without_time_goes_on_and_comes_to_the_end),
	        TEST(a_search_ends_in_the_midst_of_what_it_finds),
#undef TEST
	};

	return RUN_TESTS(tests);
}
