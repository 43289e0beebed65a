/* SPDX-License-Identifier: Apache-2.0 */
/* What packages hold: taken or refused as whoever uses it would, and what differs between two. */
#include "lib/publish/content.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/domain/category.h"
#include "tests/unit/unit.h"

static int check_policy(const char *text)
{
	json_t *summary = NULL;
	struct pki_error err;
	int rc = publish_content_check(PACKAGE_DECRYPTION, text, strlen(text), &summary, &err);

	json_decref(summary);
	return rc;
}

static void a_policy_is_what_a_document_takes(void **state)
{
	assert_int_equal(check_policy("{\"name\":\"Default\",\"domains\":[\"*.a.test\"]}"), 0);
	assert_true(check_policy("{\"name\":\"Default\",\"domains\":[\"a..test\"]}") < 0);
	assert_true(check_policy("{\"name\":\"Other\"}") < 0);
	assert_true(check_policy("{\"name\":\"Default\",\"domains_file\":\"/etc/passwd\"}") < 0);
	assert_true(check_policy("{\"name\":\"Default\",\"category_overrides_file\":\"/x\"}") < 0);
	assert_true(check_policy("{\"name\":\"Default\",\"other\":1}") < 0);
	assert_true(check_policy("[]") < 0);
	assert_true(check_policy("") < 0);
}

static void other_kinds_have_to_be_what_they_are(void **state)
{
	static const char licence[] =
	        "{\"devices\":[{\"name\":\"*\",\"capabilities\":{\"ssl_inspection\":{}}}]}";
	json_t *summary;
	struct pki_error err;

	assert_true(publish_content_check(PACKAGE_CATEGORIES, "x", 1, &summary, &err) < 0);
	assert_true(publish_content_check(PACKAGE_CA, "x", 1, &summary, &err) < 0);
	assert_true(publish_content_check(PACKAGE_LICENCE, "[]", 2, &summary, &err) < 0);
	assert_int_equal(publish_content_check(PACKAGE_FILTERS, "x", 1, &summary, &err), SL_ELIMIT);
	assert_int_equal(
	        publish_content_check(PACKAGE_LICENCE, licence, strlen(licence), &summary, &err),
	        0);
	json_decref(summary);
}

/* "name category" pairs. */
static void build(struct buf *out, const char *const (*pairs)[2], size_t count)
{
	struct category_builder *b = category_builder_create();
	uint32_t category;

	buf_init(out, 1u << 20);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(category_builder_category(b, pairs[i][1], "", &category), 0);
		assert_int_equal(
		        category_builder_add(b, pairs[i][0], strlen(pairs[i][0]), category), 0);
	}
	assert_int_equal(category_builder_finish(b, out), 0);
	category_builder_destroy(b);
}

static json_int_t count_of(const json_t *diff, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(diff, key), "count"));
}

static void categories_differ_by_name_and_set(void **state)
{
	static const char *const was[][2] = {
	        {"a.test", "one"}, {"b.test", "one"}, {"c.test", "one"}};
	static const char *const now[][2] = {
	        {"a.test", "one"}, {"b.test", "two"}, {"x.c.test", "one"}};
	struct buf x, y;
	json_t *diff;

	build(&x, was, SL_ARRAY_LEN(was));
	build(&y, now, SL_ARRAY_LEN(now));
	assert_int_equal(
	        publish_content_diff(PACKAGE_CATEGORIES, x.data, x.len, y.data, y.len, &diff), 0);
	/* b.test is in another category, c.test is gone, and a name below it is no c.test. */
	assert_int_equal(count_of(diff, "added"), 2);
	assert_int_equal(count_of(diff, "removed"), 2);
	assert_int_equal(count_of(diff, "categories_added"), 1);
	assert_int_equal(count_of(diff, "categories_removed"), 0);
	json_decref(diff);
	assert_int_equal(publish_content_diff(PACKAGE_CATEGORIES, NULL, 0, y.data, y.len, &diff),
	                 0);
	assert_int_equal(count_of(diff, "added"), 3);
	json_decref(diff);
	buf_fini(&x);
	buf_fini(&y);
}

static void many_names_are_counted_and_few_are_told(void **state)
{
	char text[8192] = "{\"name\":\"Default\",\"domains\":[";
	json_t *diff;

	for (unsigned i = 0; i < 100; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"d%u.test\"",
		               i ? "," : "", i);
	(void)strcat(text, "]}");
	assert_int_equal(
	        publish_content_diff(PACKAGE_DECRYPTION, NULL, 0, text, strlen(text), &diff), 0);
	assert_int_equal(count_of(diff, "added"), 100);
	assert_int_equal(json_array_size(json_object_get(json_object_get(diff, "added"), "first")),
	                 20);
	json_decref(diff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_policy_is_what_a_document_takes),
	        cmocka_unit_test(other_kinds_have_to_be_what_they_are),
	        cmocka_unit_test(categories_differ_by_name_and_set),
	        cmocka_unit_test(many_names_are_counted_and_few_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
