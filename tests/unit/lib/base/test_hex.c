/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/hex.h"

#include <stdint.h>
#include <stdio.h>

#include "tests/unit/unit.h"

static void every_byte_is_two_digits(void **state)
{
	uint8_t bytes[256];
	char text[2 * sizeof(bytes) + 1], want[3];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_ptr_equal(hex_text(bytes, sizeof(bytes), text), text);
	assert_int_equal(strlen(text), 2 * sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		(void)snprintf(want, sizeof(want), "%02x", i);
		assert_memory_equal(text + (size_t)2 * i, want, 2);
	}
}

static void no_bytes_are_no_digits(void **state)
{
	char text[1] = {'x'};

	(void)state;
	assert_string_equal(hex_text(NULL, 0, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_byte_is_two_digits),
	        cmocka_unit_test(no_bytes_are_no_digits),
	};

	return RUN_TESTS(tests);
}
