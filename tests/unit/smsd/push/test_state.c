/* SPDX-License-Identifier: Apache-2.0 */
/* A device's way through a distribution: every state with every event, against the table that a
 * person wrote down here, and what words of a device mean. */
#include "tests/unit/unit.h"

#include "lib/base/err.h"
#include "smsd/push/state.h"

/*
 * A row a state, a column an event: the state from then on ("w"aiting, "o"ffered, "f"etched,
 * "i"n force, "c"onfirmed, "s"uperseded, "r"efused, re"v"erted), "=" it is there already, "." not
 * taken.
 */
static const struct {
	enum remote_state state;
	const char *next;
} expected[] = {
        /*                          offer newer replace cannot gone | fetched in_force confirmed
                                    refused reverted */
        {REMOTE_STATE_WAITING, "os.rr....."},    {REMOTE_STATE_OFFERED, "=s..rficrv"},
        {REMOTE_STATE_SUPERSEDED, ".==......."}, {REMOTE_STATE_FETCHED, ".s..r=icrv"},
        {REMOTE_STATE_IN_FORCE, "..s.r.=c.v"},   {REMOTE_STATE_CONFIRMED, ".......=.."},
        {REMOTE_STATE_REFUSED, "...==...=."},    {REMOTE_STATE_REVERTED, ".........="},
};

static char letter_of(enum remote_state state)
{
	return "wosficrv"[state];
}

static void test_every_state_with_every_event(void **state)
{
	unsigned seen = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(expected); i++) {
		assert_int_equal(strlen(expected[i].next), PUSH_EVENT_END);
		seen |= 1U << expected[i].state;
		for (unsigned event = 0; event < PUSH_EVENT_END; event++) {
			enum remote_state next = REMOTE_STATE_END;
			int rc = push_state_next(expected[i].state, event, &next);
			char got = rc == 0 ? letter_of(next) : rc == SL_EEXIST ? '=' : '.';

			if (got != expected[i].next[event])
				fail_msg("%s, event %u: \"%c\" instead of \"%c\"",
				         remote_state_name(expected[i].state), event, got,
				         expected[i].next[event]);
			if (rc != 0)
				assert_int_equal(next, REMOTE_STATE_END);
		}
	}
	assert_int_equal(seen, (1U << REMOTE_STATE_END) - 1);
}

static void test_no_way_leads_back(void **state)
{
	/* From whichever state, after any number of steps, no state comes twice. */
	unsigned after[REMOTE_STATE_END] = {0};

	for (unsigned round = 0; round < REMOTE_STATE_END; round++) {
		for (unsigned from = 0; from < REMOTE_STATE_END; from++) {
			for (unsigned event = 0; event < PUSH_EVENT_END; event++) {
				enum remote_state next;

				if (push_state_next(from, event, &next) == 0)
					after[from] |= 1U << next | after[next];
			}
		}
	}
	for (unsigned from = 0; from < REMOTE_STATE_END; from++)
		assert_false(after[from] & 1U << from);
}

static void test_ends(void **state)
{
	static const enum remote_state ends[] = {REMOTE_STATE_SUPERSEDED, REMOTE_STATE_CONFIRMED,
	                                         REMOTE_STATE_REFUSED, REMOTE_STATE_REVERTED};
	unsigned bits = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(ends); i++)
		bits |= 1U << ends[i];
	for (unsigned i = 0; i < REMOTE_STATE_END; i++)
		assert_int_equal(push_state_is_final(i), (bits >> i & 1) != 0);
}

static void test_words_of_a_device(void **state)
{
	static const struct {
		const char *word;
		unsigned confirm_s;
		int event; /* -1: none that a device tells */
	} rows[] = {
	        {"fetched", 300, PUSH_TOLD_FETCHED},
	        {"in force", 300, PUSH_TOLD_IN_FORCE},
	        {"in force", 0, PUSH_TOLD_CONFIRMED},
	        {"confirmed", 300, PUSH_TOLD_CONFIRMED},
	        {"refused", 300, PUSH_TOLD_REFUSED},
	        {"reverted", 0, PUSH_TOLD_REVERTED},
	        {"waiting", 300, -1},
	        {"offered", 300, -1},
	        {"superseded", 300, -1},
	        {"", 300, -1},
	        {"in_force", 300, -1},
	        {"Confirmed", 300, -1},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		enum push_event event = PUSH_EVENT_END;
		int rc = push_state_told(rows[i].word, rows[i].confirm_s, &event);

		assert_int_equal(rc, rows[i].event < 0 ? SL_EINVAL : 0);
		if (rows[i].event >= 0)
			assert_int_equal(event, rows[i].event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_state_with_every_event),
	        cmocka_unit_test(test_no_way_leads_back),
	        cmocka_unit_test(test_ends),
	        cmocka_unit_test(test_words_of_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
