/* SPDX-License-Identifier: Apache-2.0 */
/* How a search goes through a day: every place once, from the latest on, whatever a span costs. */
#include "smsd/store/event_engine.h"
#include "tests/unit/unit.h"

#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

struct seen {
	int64_t next;    /* where the next span has to end */
	int64_t longest; /* places of a span that are not too much */
	int64_t most;    /* places of a span that is cut short behind them; 0: none is */
	unsigned spans, cut, asked;
	bool endless; /* the last one was */
	int code;     /* of the span that has `at` */
	int64_t at;
};

static int look(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	struct seen *seen = arg;

	assert_int_equal(to, seen->next);
	assert_true(from < to);
	seen->endless = until_ns == UINT64_MAX;
	*ret_before = to;
	if (to - from > seen->longest) {
		seen->cut++;
		return 0;
	}
	*ret_before = seen->most && to - from > seen->most ? to - seen->most : from;
	seen->next = *ret_before;
	seen->spans++;
	return seen->at >= from && seen->at < to ? seen->code : 0;
}

/* The index can do all but its last `longest` places. */
static int ask(void *arg, int64_t from, int64_t to, uint64_t until_ns, int64_t *ret_before)
{
	struct seen *seen = arg;

	assert_int_equal(to, seen->next);
	assert_true(until_ns < UINT64_MAX);
	seen->asked++;
	*ret_before = seen->next = SL_MIN(to, from + seen->longest);
	return 0;
}

static int walk(struct seen *seen, const struct event_query *query, int64_t *ret_before)
{
	struct event_walk w = {.first = event_day_place(1000), .span_fn = look, .arg = seen};

	seen->next = query->to;
	return event_walk_find(&w, query, ret_before);
}

static void each_place_is_looked_at_once(void **state)
{
	struct event_query query = {
	        .from = 17, .to = event_day_place(EVENT_DAY_MS) + 9, .until_ns = UINT64_MAX};
	struct seen seen = {.longest = INT64_MAX, .at = -1};
	int64_t before = -1;

	(void)state;
	assert_int_equal(walk(&seen, &query, &before), 0);
	assert_int_equal(seen.next, 17);
	assert_int_equal(before, 17);
	assert_true(seen.spans < 30);
}

static void what_is_too_much_is_tried_by_shorter_spans(void **state)
{
	struct event_query query = {
	        .from = 0, .to = event_day_place(3600 * 1000), .until_ns = UINT64_MAX};
	struct seen seen = {.longest = event_day_place(60 * 1000), .at = -1};
	int64_t before = -1;

	(void)state;
	assert_int_equal(walk(&seen, &query, &before), 0);
	assert_int_equal(before, 0);
	assert_true(seen.cut > 0);
	assert_true(seen.spans >= 60);
}

/* One millisecond that takes too long is an error, and no reason to go on for ever. */
static void a_span_that_cannot_be_shorter_ends_it(void **state)
{
	struct event_query query = {.from = 0, .to = event_day_place(10), .until_ns = UINT64_MAX};
	struct seen seen = {.longest = 0, .at = -1};
	int64_t before = -1;

	(void)state;
	assert_int_equal(walk(&seen, &query, &before), SL_ETIMEOUT);
	assert_int_equal(seen.next, query.to);
	assert_true(seen.endless);
}

static void the_time_ends_it_behind_a_span(void **state)
{
	struct event_query query = {.from = 0, .to = event_day_place(3600 * 1000), .until_ns = 1};
	struct seen seen = {.longest = INT64_MAX, .at = -1};
	int64_t before = -1;

	(void)state;
	assert_int_equal(walk(&seen, &query, &before), 0);
	assert_int_equal(seen.spans, 1);
	assert_int_equal(before, seen.next);
	assert_true(before > 0);
}

static void the_function_ends_it(void **state)
{
	struct event_query query = {
	        .from = 0, .to = event_day_place(3600 * 1000), .until_ns = UINT64_MAX};
	struct seen seen = {.longest = INT64_MAX, .at = event_day_place(1800 * 1000), .code = 1};
	int64_t before = -1;

	(void)state;
	assert_int_equal(walk(&seen, &query, &before), 1);
	assert_true(seen.next <= seen.at);
	assert_true(before > seen.at);
}

/* However short the time: each search comes further, and none looks at a place again. */
static void a_search_that_goes_on_comes_to_the_end(void **state)
{
	struct event_query query = {.from = 5, .to = event_day_place(3600 * 1000), .until_ns = 1};
	struct seen seen = {.longest = event_day_place(200), .most = event_day_place(70), .at = -1};
	unsigned searches = 0;

	(void)state;
	while (query.to > query.from) {
		int64_t before = -1;

		assert_int_equal(walk(&seen, &query, &before), 0);
		assert_int_equal(before, seen.next);
		assert_true(before < query.to);
		query.to = before;
		searches++;
	}
	assert_int_equal(seen.next, 5);
	assert_in_range(searches, 3600 * 1000 / 200, 3600 * 1000 / 15);
}

static void what_the_index_could_not_do_is_walked(void **state)
{
	struct event_query query = {
	        .from = 0, .to = event_day_place(3600 * 1000), .until_ns = UINT64_MAX};

	(void)state;
	for (unsigned looks = 0; looks < 2; looks++) {
		struct seen seen = {
		        .longest = event_day_place(50 * 1000), .at = -1, .next = query.to};
		struct event_walk w = {.first = event_day_place(1000),
		                       .span_fn = look,
		                       .index_fn = ask,
		                       .look_ns = looks ? EVENT_SPAN_NS : 0,
		                       .arg = &seen};
		int64_t before = -1;

		assert_int_equal(event_walk_find(&w, &query, &before), 0);
		assert_int_equal(before, 0);
		assert_int_equal(seen.next, 0);
		assert_true(seen.asked <= 1);
		assert_true(looks || seen.asked == 1);
	}
}

/* There is no time for the index: the search comes further by spans. */
static void the_index_is_not_asked_when_the_time_is_over(void **state)
{
	struct event_query query = {.from = 0, .to = event_day_place(3600 * 1000), .until_ns = 1};
	struct seen seen = {.longest = INT64_MAX, .at = -1, .next = query.to};
	struct event_walk w = {.first = event_day_place(1000),
	                       .span_fn = look,
	                       .index_fn = ask,
	                       .look_ns = EVENT_SPAN_NS,
	                       .arg = &seen};
	int64_t before = -1;

	(void)state;
	assert_int_equal(event_walk_find(&w, &query, &before), 0);
	assert_int_equal(seen.asked, 0);
	assert_int_equal(seen.spans, 1);
	assert_int_equal(before, query.to - event_day_place(1000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_place_is_looked_at_once),
	        cmocka_unit_test(what_is_too_much_is_tried_by_shorter_spans),
	        cmocka_unit_test(a_span_that_cannot_be_shorter_ends_it),
	        cmocka_unit_test(the_time_ends_it_behind_a_span),
	        cmocka_unit_test(the_function_ends_it),
	        cmocka_unit_test(a_search_that_goes_on_comes_to_the_end),
	        cmocka_unit_test(what_the_index_could_not_do_is_walked),
	        cmocka_unit_test(the_index_is_not_asked_when_the_time_is_over),
	};

	return RUN_TESTS(tests);
}
