/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/value.h"

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "tests/unit/unit.h"

static void durations_and_sizes_have_a_unit_and_one_spelling(void **state)
{
	static const struct {
		const char *text, *spelled;
		uint64_t value;
		bool size;
	} cases[] = {
	        {"30s", "30s", 30000, false},       {"90s", "90s", 90000, false},
	        {"120s", "2m", 120000, false},      {"1500ms", "1500ms", 1500, false},
	        {"24h", "1d", 86400000, false},     {"0", "0s", 0, false},
	        {"64KiB", "64KiB", 65536, true},    {"1024KiB", "1MiB", 1048576, true},
	        {"1000B", "1000B", 1000, true},     {"0", "0B", 0, true},
	        {"4GiB", "4GiB", 4294967296, true},
	};
	char text[VALUE_TEXT_MAX];
	uint64_t value;

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		if (cases[i].size) {
			assert_int_equal(value_parse_size(cases[i].text, &value), 0);
			assert_string_equal(value_format_size(value, text), cases[i].spelled);
		} else {
			assert_int_equal(value_parse_duration(cases[i].text, &value), 0);
			assert_string_equal(value_format_duration(value, text), cases[i].spelled);
		}
		assert_int_equal(value, cases[i].value);
	}
}

static void what_is_not_exactly_a_number_and_a_unit_is_refused(void **state)
{
	static const char *const bad[] = {"",      "s",    "30",  "-1s",  "1.5s", "30 s",
	                                  "30sec", "0x1s", "+1s", "030s", "30S",  "30s "};
	uint64_t value;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_int_equal(value_parse_duration(bad[i], &value), SL_EMALFORMED);
	assert_int_equal(value_parse_size("64KB", &value), SL_EMALFORMED);
	assert_int_equal(value_parse_size("64K", &value), SL_EMALFORMED);
	assert_int_equal(value_parse_duration("99999999999999999999s", &value), SL_ERANGE);
	assert_int_equal(value_parse_size("18446744073709551615GiB", &value), SL_ERANGE);
}

static void ports_and_vlans_are_single_or_ranges_within_their_bounds(void **state)
{
	struct config_port_range p;
	struct config_vlan_range v;
	char text[VALUE_TEXT_MAX];

	assert_int_equal(value_parse_ports("443", &p), 0);
	assert_int_equal(p.first, 443);
	assert_int_equal(p.last, 443);
	assert_string_equal(value_format_ports(&p, text), "443");
	assert_int_equal(value_parse_ports("8443-8450", &p), 0);
	assert_string_equal(value_format_ports(&p, text), "8443-8450");
	assert_int_equal(value_parse_ports("1-65535", &p), 0);
	assert_int_equal(value_parse_ports("0", &p), SL_ERANGE);
	assert_int_equal(value_parse_ports("65536", &p), SL_ERANGE);
	assert_int_equal(value_parse_ports("20-10", &p), SL_ERANGE);
	assert_int_equal(value_parse_ports("1-", &p), SL_EMALFORMED);
	assert_int_equal(value_parse_ports("-1", &p), SL_EMALFORMED);
	assert_int_equal(value_parse_ports("http", &p), SL_EMALFORMED);
	assert_int_equal(value_parse_ports("1-2-3", &p), SL_EMALFORMED);
	assert_int_equal(value_parse_vlans("untagged", &v), 0);
	assert_int_equal(v.last, 0);
	assert_string_equal(value_format_vlans(&v, text), "untagged");
	assert_int_equal(value_parse_vlans("10-20", &v), 0);
	assert_int_equal(value_parse_vlans("4095", &v), SL_ERANGE);
	assert_int_equal(value_parse_vlans("0", &v), SL_ERANGE);
}

static void edit_distance_counts_single_edits(void **state)
{
	assert_int_equal(value_edit_distance("segments", "segments", 2), 0);
	assert_int_equal(value_edit_distance("segment", "segments", 2), 1);
	assert_int_equal(value_edit_distance("prot_a", "port_a", 2), 2);
	assert_int_equal(value_edit_distance("Segments", "segments", 2), 0);
	assert_int_equal(value_edit_distance("abc", "xyz", 2), 3);
	assert_int_equal(value_edit_distance("", "limits", 2), 3);
}

static void times_are_days_or_moments_in_utc(void **state)
{
	static const char *const bad[] = {"",
	                                  "2027",
	                                  "2027-02-31",
	                                  "2027-1-31",
	                                  "1969-12-31",
	                                  "2027-01-31T08:00:00",
	                                  "2027-01-31T08:00:00+01:00",
	                                  "2027-01-31T25:00:00Z"};
	char text[VALUE_TEXT_MAX];
	int64_t at;

	assert_int_equal(value_parse_time("1970-01-02", &at), 0);
	assert_int_equal(at, 86400);
	assert_int_equal(value_parse_time("2027-01-31T08:00:01Z", &at), 0);
	assert_string_equal(value_format_time(at, text), "2027-01-31T08:00:01Z");
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_int_equal(value_parse_time(bad[i], &at), SL_EMALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(durations_and_sizes_have_a_unit_and_one_spelling),
	        cmocka_unit_test(what_is_not_exactly_a_number_and_a_unit_is_refused),
	        cmocka_unit_test(ports_and_vlans_are_single_or_ranges_within_their_bounds),
	        cmocka_unit_test(edit_distance_counts_single_edits),
	        cmocka_unit_test(times_are_days_or_moments_in_utc),
	};

	return RUN_TESTS(tests);
}
