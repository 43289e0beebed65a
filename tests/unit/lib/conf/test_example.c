/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped document must load, without as much as a notice. Argument: its path. */
#include "lib/base/buf.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

static const char *path;

static void the_shipped_example_loads_without_a_notice(void **state)
{
	struct loaded l = {0};
	struct buf text;

	buf_init(&text, 65536);
	conf_errors_init(&l.errs);
	load_build(&l, conf_load_file(path, &l.errs, &l.doc));
	assert_int_equal(conf_errors_print(&l.errs, &text), 0);
	assert_string_equal(buf_text(&text), "");
	assert_int_equal(l.rc, 0);
	buf_fini(&text);
	unload(&l);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_shipped_example_loads_without_a_notice),
	};

	if (argc != 2)
		return 2;
	path = argv[1];
	return RUN_TESTS(tests);
}
