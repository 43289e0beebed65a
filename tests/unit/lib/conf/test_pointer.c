/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/pointer.h"

#include "tests/unit/unit.h"

static void it_grows_on_the_way_in_and_is_cut_on_the_way_back(void **state)
{
	struct conf_pointer p = {.len = 0};
	size_t top, row, item;

	(void)state;
	assert_string_equal(p.text, "");
	top = conf_pointer_enter(&p, "segments");
	row = conf_pointer_enter_item(&p, 12);
	assert_string_equal(p.text, "/segments/12");
	item = conf_pointer_enter(&p, "port_a");
	assert_string_equal(p.text, "/segments/12/port_a");
	conf_pointer_leave(&p, item);
	assert_string_equal(p.text, "/segments/12");
	conf_pointer_leave(&p, row);
	assert_string_equal(p.text, "/segments");
	conf_pointer_leave(&p, top);
	assert_string_equal(p.text, "");
	assert_int_equal(p.len, 0);
}

static void what_is_too_long_is_cut_and_the_way_back_is_found(void **state)
{
	struct {
		struct conf_pointer p;
		char behind[4];
	} at = {.behind = "end"};
	char row[200];
	size_t was[6];

	(void)state;
	memset(row, 'r', sizeof(row) - 1);
	row[sizeof(row) - 1] = '\0';
	for (size_t i = 0; i < 6; i++)
		was[i] = conf_pointer_enter(&at.p, row);
	assert_int_equal(strlen(at.p.text), CONF_POINTER_MAX - 1);
	assert_int_equal(at.p.len, CONF_POINTER_MAX - 1);
	assert_string_equal(at.behind, "end");
	for (size_t i = 6; i-- > 0;)
		conf_pointer_leave(&at.p, was[i]);
	assert_string_equal(at.p.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_grows_on_the_way_in_and_is_cut_on_the_way_back),
	        cmocka_unit_test(what_is_too_long_is_cut_and_the_way_back_is_found),
	};

	return RUN_TESTS(tests);
}
