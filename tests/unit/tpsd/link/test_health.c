/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/health.h"

#include "tests/unit/unit.h"

static void what_is_worst_is_said(void **state)
{
	static const struct {
		struct health_facts facts;
		const char *word;
	} cases[] = {
	        {{.configured = true}, "on"},
	        {{.configured = false}, "off"},
	        {{.configured = true, .draining = true}, "off"},
	        {{.configured = true, .panic_step = 1},
	         "on"}, /* one client or server is excepted */
	        {{.configured = true, .panic_step = 2, .draining = true}, "panic"},
	        {{.configured = true, .panic_step = 3}, "fallback"},
	        {{.configured = true, .panic_step = 2, .wire_silent = true}, "fallback"},
	        {{.configured = false, .wire_silent = true}, "fallback"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		assert_string_equal(health_inspection(&cases[i].facts), cases[i].word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_worst_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
