/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/base/problem.h"

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/pki/error.h"
#include "tests/unit/unit.h"

static void the_first_place_decides_the_code(void **state)
{
	struct problem problem = {0};

	assert_int_equal(
	        problem_add(&problem, SL_EINVAL, "/name", "choose another", "bad %s", "name"),
	        SL_EINVAL);
	assert_int_equal(problem_add(&problem, SL_EEXIST, "/file", "", "is there"), SL_EEXIST);
	assert_int_equal(problem.code, SL_EINVAL);
	assert_int_equal(problem.count, 2);
	assert_string_equal(problem.items[0].text, "bad name");
	assert_string_equal(problem.items[0].remedy, "choose another");
	assert_string_equal(problem.items[1].pointer, "/file");
	problem_fini(&problem);
	assert_int_equal(problem.code, 0);
}

static void a_code_is_told_where_nothing_is_said(void **state)
{
	struct problem problem = {0};

	assert_int_equal(problem_tell(&problem, 0), 0);
	assert_int_equal(problem.code, 0);
	assert_int_equal(problem_tell(&problem, SL_EFULL), SL_EFULL);
	assert_int_equal(problem.code, SL_EFULL);
	assert_string_equal(problem.items[0].text, err_text(SL_EFULL));
	assert_int_equal(problem_tell(&problem, SL_EIO), SL_EIO);
	assert_int_equal(problem.code, SL_EFULL);
	assert_int_equal(problem.count, 1);
	problem_fini(&problem);
}

static void places_beyond_the_maximum_are_counted(void **state)
{
	struct problem problem = {0};

	for (int i = 0; i < PROBLEM_ITEMS_MAX + 3; i++)
		(void)problem_add(&problem, SL_ERANGE, "", "", "number %d", i);
	assert_int_equal(problem.count, PROBLEM_ITEMS_MAX);
	assert_int_equal(problem.more, 3);
	problem_fini(&problem);
}

static void a_text_longer_than_its_room_is_cut(void **state)
{
	struct problem problem = {0};
	char text[2 * PROBLEM_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)problem_add(&problem, SL_EINVAL, text, text, "%s", text);
	assert_int_equal(strlen(problem.items[0].text), PROBLEM_TEXT_MAX - 1);
	assert_int_equal(strlen(problem.items[0].pointer), PROBLEM_POINTER_MAX - 1);
	assert_int_equal(strlen(problem.items[0].remedy), PROBLEM_REMEDY_MAX - 1);
	problem_fini(&problem);
}

static void errors_of_a_document_keep_their_places_and_notices_refuse_nothing(void **state)
{
	struct problem problem = {0};
	struct conf_errors errs;

	conf_errors_init(&errs);
	conf_errors_notice(&errs, NULL, "", "worth reading");
	assert_int_equal(problem_add_conf(&problem, &errs), 0);
	assert_int_equal(problem.code, 0);
	(void)conf_errors_add_at(&errs, "", 1, 2, "/profiles/0", SL_ENOENT, "name it", "missing");
	assert_int_equal(problem_add_conf(&problem, &errs), SL_ENOENT);
	assert_int_equal(problem.count, 1);
	assert_string_equal(problem.items[0].pointer, "/profiles/0");
	assert_string_equal(problem.items[0].remedy, "name it");
	conf_errors_fini(&errs);
	problem_fini(&problem);
}

static void an_error_of_a_certificate_is_told_at_the_field_it_came_in(void **state)
{
	struct problem problem = {0};
	struct pki_error err;

	(void)pki_error_set(&err, SL_EPERM, "give its password", "the key is encrypted");
	assert_int_equal(problem_add_pki(&problem, "/password", &err), SL_EPERM);
	assert_string_equal(problem.items[0].pointer, "/password");
	assert_string_equal(problem.items[0].text, "the key is encrypted");
	problem_fini(&problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_first_place_decides_the_code),
	        cmocka_unit_test(a_code_is_told_where_nothing_is_said),
	        cmocka_unit_test(places_beyond_the_maximum_are_counted),
	        cmocka_unit_test(a_text_longer_than_its_room_is_cut),
	        cmocka_unit_test(errors_of_a_document_keep_their_places_and_notices_refuse_nothing),
	        cmocka_unit_test(an_error_of_a_certificate_is_told_at_the_field_it_came_in),
	};

	return RUN_TESTS(tests);
}
