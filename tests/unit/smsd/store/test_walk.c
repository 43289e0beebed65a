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
	unsigned spans, cut;
	int code; /* of the span that has `at` */
	int64_t at;
};

static int look(void *arg, int64_t from, int64_t to)
{
	struct seen *seen = arg;

	assert_int_equal(to, seen->next);
	assert_true(from < to);
	if (to - from > seen->longest) {
		seen->cut++;
		return SL_ETIMEOUT;
	}
	seen->next = from;
	seen->spans++;
	return seen->at >= from && seen->at < to ? seen->code : 0;
}

static int walk(struct seen *seen, const struct event_query *query, int64_t *ret_before)
{
	struct event_walk w = {.first = event_day_place(1000), .span_fn = look, .arg = seen};

	seen->next = query->to;
	return event_walk_spans(&w, query, ret_before);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_place_is_looked_at_once),
	        cmocka_unit_test(what_is_too_much_is_tried_by_shorter_spans),
	        cmocka_unit_test(a_span_that_cannot_be_shorter_ends_it),
	        cmocka_unit_test(the_time_ends_it_behind_a_span),
	        cmocka_unit_test(the_function_ends_it),
	};

	return RUN_TESTS(tests);
}
