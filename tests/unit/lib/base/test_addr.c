/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

static void an_ipv4_address_is_kept_mapped_and_printed_as_it_came(void **state)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	assert_int_equal(addr_parse("10.10.0.20", &a), 0);
	assert_int_equal(a.family, ADDR_V4);
	assert_int_equal(a.bytes[10], 0xff);
	assert_string_equal(addr_format(&a, text), "10.10.0.20");
}

static void a_prefix_contains_its_own_addresses_only(void **state)
{
	struct addr_prefix p;
	struct addr in, out, v6;

	assert_int_equal(addr_parse_prefix("10.1.16.0/20", &p), 0);
	assert_int_equal(p.prefix_len, 116);
	assert_int_equal(addr_parse("10.1.31.255", &in), 0);
	assert_int_equal(addr_parse("10.1.32.0", &out), 0);
	assert_int_equal(addr_parse("2001:db8::1", &v6), 0);
	assert_true(addr_prefix_contains(&p, &in));
	assert_false(addr_prefix_contains(&p, &out));
	assert_false(addr_prefix_contains(&p, &v6));
}

static void a_prefix_with_host_bits_or_a_bad_length_is_refused(void **state)
{
	struct addr_prefix p;

	assert_int_equal(addr_parse_prefix("10.1.16.1/20", &p), SL_EINVAL);
	assert_int_equal(addr_parse_prefix("10.1.16.0/33", &p), SL_ERANGE);
	assert_int_equal(addr_parse_prefix("10.1.16.0/", &p), SL_EMALFORMED);
	assert_int_equal(addr_parse_prefix("10.1.16.0/-1", &p), SL_EMALFORMED);
	assert_int_equal(addr_parse_prefix("10.1.16/24", &p), SL_EMALFORMED);
}

static void a_plain_address_is_a_whole_prefix(void **state)
{
	char text[ADDR_PREFIX_TEXT_MAX];
	struct addr_prefix p;

	assert_int_equal(addr_parse_prefix("192.0.2.7", &p), 0);
	assert_string_equal(addr_format_prefix(&p, text), "192.0.2.7/32");
	assert_int_equal(addr_parse_prefix("2001:db8::/32", &p), 0);
	assert_string_equal(addr_format_prefix(&p, text), "2001:db8::/32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_ipv4_address_is_kept_mapped_and_printed_as_it_came),
	        cmocka_unit_test(a_prefix_contains_its_own_addresses_only),
	        cmocka_unit_test(a_prefix_with_host_bits_or_a_bad_length_is_refused),
	        cmocka_unit_test(a_plain_address_is_a_whole_prefix),
	};

	return RUN_TESTS(tests);
}
