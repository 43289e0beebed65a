/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/http/target.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/http/http.h"
#include "tests/unit/unit.h"

static void check(const char *text, const char *path, const char *query)
{
	struct http_target target;

	assert_int_equal(http_target_read(text, &target), 0);
	assert_string_equal(target.path, path);
	assert_string_equal(target.query, query);
	http_target_fini(&target);
}

static void a_path_is_decoded_once(void **state)
{
	check("/", "/", "");
	check("/api/v1/certificates/shop%20one?a=%20&b", "/api/v1/certificates/shop one",
	      "a=%20&b");
	check("/%2541", "/%41", "");
	check("/%C3%A4%f0%9f%98%80/", "/\xc3\xa4\xf0\x9f\x98\x80/", "");
	check("/a?b?c/../d", "/a", "b?c/../d");
	check("/...", "/...", "");
}

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
	static const char *const bad[] = {
	        "",          "a",       "*",          "http://host/x", "//",
	        "/a//b",     "/.",      "/..",        "/a/../b",       "/a/.",
	        "/%2e%2e/b", "/a/.%2E", "/%2f",       "/a%5Cb",        "/a\\b",
	        "/%00",      "/%",      "/%4",        "/%zz",          "/%0a",
	        "/a b",      "/a\tb",   "/a#b",       "/a?b#c",        "/\xc3\xa4",
	        "/%c3",      "/%c0%af", "/%ed%a0%80", "/%f4%90%80%80", "/%7f",
	};
	struct http_target target;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		if (http_target_read(bad[i], &target) != SL_EMALFORMED)
			fail_msg("'%s' was taken", bad[i]);
}

static void lengths_are_bounded(void **state)
{
	char text[1 + HTTP_PATH_MAX + 2 + HTTP_QUERY_MAX + 2];
	struct http_target target;

	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[HTTP_PATH_MAX] = '?';
	text[HTTP_PATH_MAX + 1 + HTTP_QUERY_MAX] = '\0';
	assert_int_equal(http_target_read(text, &target), 0);
	assert_int_equal(strlen(target.path), HTTP_PATH_MAX);
	assert_int_equal(strlen(target.query), HTTP_QUERY_MAX);
	http_target_fini(&target);
	text[HTTP_PATH_MAX + 1 + HTTP_QUERY_MAX] = 'a';
	text[HTTP_PATH_MAX + 2 + HTTP_QUERY_MAX] = '\0';
	assert_int_equal(http_target_read(text, &target), SL_ELIMIT);
	text[HTTP_PATH_MAX] = 'a';
	text[HTTP_PATH_MAX + 1] = '\0';
	assert_int_equal(http_target_read(text, &target), SL_ELIMIT);
}

static void check_value(const char *query, const char *name, const char *value)
{
	char *found = http_query_find(query, name);

	if (value)
		assert_string_equal(found, value);
	else
		assert_null(found);
	free(found);
}

static void the_first_value_of_a_parameter_counts(void **state)
{
	check_value("after=a%2Fb+c&limit=10&after=x", "after", "a/b c");
	check_value("after=a&limit=10", "limit", "10");
	check_value("after=a&limit=10", "lim", NULL);
	check_value("a&b=", "a", "");
	check_value("a&b=", "b", "");
	check_value("a=%00", "a", NULL);
	check_value("a=%ff", "a", NULL);
	check_value("a=%4", "a", NULL);
	check_value("", "a", NULL);
}

static void keys_of_a_query_are_walked(void **state)
{
	const char *at = "a=1&&b&c=2=3";
	static const char *const keys[] = {"a", "", "b", "c"};
	const char *key;
	size_t len;

	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		key = http_query_next(&at, &len);
		assert_non_null(key);
		assert_int_equal(len, strlen(keys[i]));
		assert_memory_equal(key, keys[i], len);
	}
	assert_null(http_query_next(&at, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_path_is_decoded_once),
	        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
	        cmocka_unit_test(lengths_are_bounded),
	        cmocka_unit_test(the_first_value_of_a_parameter_counts),
	        cmocka_unit_test(keys_of_a_query_are_walked),
	};

	return RUN_TESTS(tests);
}
