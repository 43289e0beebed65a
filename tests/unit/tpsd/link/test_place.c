/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/place.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"
#include "tpsd/link/line.h"

static const struct place_owner owner = {.pin = {1, 2, 3}, .name = "box"};

static void it_is_read_as_it_was_written(void **state)
{
	struct reader_place place = {.known = true,
	                             .epoch = UINT64_C(0xfedcba9876543210),
	                             .next = (UINT64_C(1) << LINE_SEQ_BITS) - 1,
	                             .over = {7, 0xff},
	                             .over_count = 2},
	                    got = {.known = false};
	struct buf text;

	buf_init(&text, PLACE_MAX);
	assert_int_equal(place_write(&place, &owner, &text), 0);
	assert_int_equal(place_read(text.data, text.len, &owner, &got), 0);
	assert_memory_equal(&got, &place, sizeof(got));
	buf_fini(&text);
}

static void it_counts_for_one_sms_and_one_name(void **state)
{
	const struct reader_place place = {.known = true, .epoch = 1, .next = 2};
	const struct place_owner others[] = {{.pin = {1, 2, 4}, .name = "box"},
	                                     {.pin = {1, 2, 3}, .name = "box 2"}};
	struct reader_place got;
	struct buf text;

	buf_init(&text, PLACE_MAX);
	assert_int_equal(place_write(&place, &owner, &text), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(others); i++)
		assert_int_equal(place_read(text.data, text.len, &others[i], &got), SL_ENOENT);
	buf_fini(&text);
}

#define PIN "\"pin\":\"0102030000000000000000000000000000000000000000000000000000000000\""

static void what_is_broken_is_none(void **state)
{
	static const char *const bad[] = {
	        "",
	        "[]",
	        "{\"version\":1," PIN ",\"name\":\"box\",\"epoch\":\"1\",\"next\":1,\"over\":[]}",
	        "{\"version\":1," PIN
	        ",\"name\":\"box\",\"epoch\":\"00000000000000aa\",\"next\":-1,\"over\":[]}",
	        "{\"version\":1," PIN ",\"name\":\"box\",\"epoch\":\"00000000000000aa\","
	        "\"next\":9007199254740992,\"over\":[]}",
	        "{\"version\":1," PIN
	        ",\"name\":\"box\",\"epoch\":\"00000000000000aa\",\"next\":1,\"over\":[1]}",
	        "{\"version\":1," PIN
	        ",\"name\":\"box\",\"epoch\":\"00000000000000aa\",\"next\":1,\"over\":{}}",
	        "{\"version\":1," PIN ",\"name\":\"box\",\"epoch\":\"00000000000000aa\",\"next\":1,"
	        "\"over\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
	        "{\"version\":1," PIN ",\"name\":\"box\",\"epoch\":\"00000000000000aa\",\"nex",
	};
	struct reader_place got = {.next = 99};

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_int_equal(place_read(bad[i], strlen(bad[i]), &owner, &got), SL_EMALFORMED);
	assert_int_equal(got.next, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_is_read_as_it_was_written),
	        cmocka_unit_test(it_counts_for_one_sms_and_one_name),
	        cmocka_unit_test(what_is_broken_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
