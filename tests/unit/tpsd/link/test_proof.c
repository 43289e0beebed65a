/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/proof.h"

#include "lib/remote/remote.h"
#include "tests/unit/unit.h"

enum { MINUTE = 60 * 1000 };

static void the_rule(void **state)
{
	static const struct {
		const char *what;
		struct proof_facts facts; /* reached, before, window, since, time */
		enum proof_verdict verdict;
	} rows[] = {
	        {"all is well", {true, 0, 10 * MINUTE, 0, 5 * MINUTE}, PROOF_KEEP},
	        {"out of reach", {false, 0, 10 * MINUTE, 0, 5 * MINUTE}, PROOF_UNREACHED},
	        {"three times as many, by the minute",
	         {true, 100, 10 * MINUTE, 150, 5 * MINUTE},
	         PROOF_KEEP},
	        {"one more", {true, 100, 10 * MINUTE, 151, 5 * MINUTE}, PROOF_FAILURES},
	        {"none before, fewer than count", {true, 0, 10 * MINUTE, 19, MINUTE}, PROOF_KEEP},
	        {"none before, as many as count",
	         {true, 0, 10 * MINUTE, 20, MINUTE},
	         PROOF_FAILURES},
	        {"started a moment ago", {true, 0, 0, 19, MINUTE}, PROOF_KEEP},
	        {"started a moment ago, and many fail", {true, 0, 0, 20, MINUTE}, PROOF_FAILURES},
	        {"many fail and out of reach", {false, 0, 0, 20, MINUTE}, PROOF_FAILURES},
	        {"as bad as ever", {true, 6000, 10 * MINUTE, 3000, 5 * MINUTE}, PROOF_KEEP},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++)
		if (proof_judge(&rows[i].facts) != rows[i].verdict)
			fail_msg("%s", rows[i].what);
}

static void the_window_is_ten_minutes_of_samples(void **state)
{
	struct proof_samples s = {.count = 0};
	uint64_t failures, window_ms;

	proof_before(&s, 5, 3, &failures, &window_ms);
	assert_int_equal(window_ms, 0);
	for (uint64_t minute = 0; minute <= 30; minute++)
		proof_sample(&s, minute * MINUTE, minute * 10);
	proof_before(&s, 30 * MINUTE, 300, &failures, &window_ms);
	assert_int_equal(window_ms, 10 * MINUTE);
	assert_int_equal(failures, 100);
	/* Nothing was sampled for an hour: too old to say anything. */
	proof_before(&s, 90 * MINUTE, 300, &failures, &window_ms);
	assert_int_equal(window_ms, 0);
	/* tpsd was started again: its counters are lower than the samples. */
	proof_before(&s, 31 * MINUTE, 5, &failures, &window_ms);
	assert_int_equal(window_ms, 0);
}

static void why_it_goes_is_said(void **state)
{
	const struct proof_facts unreached = {.reached = false};
	const struct proof_facts many = {.reached = true, .failures_since = 50, .since_ms = 30000};
	char text[200];

	proof_text(&unreached, text, sizeof(text));
	assert_string_equal(text, "the SMS could not be reached any more");
	proof_text(&many, text, sizeof(text));
	assert_non_null(strstr(text, "50 handshakes failed in the 30 s after it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_rule),
	        cmocka_unit_test(the_window_is_ten_minutes_of_samples),
	        cmocka_unit_test(why_it_goes_is_said),
	};

	return RUN_TESTS(tests);
}
