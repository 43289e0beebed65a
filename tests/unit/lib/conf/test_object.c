/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/object.h"

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "tests/unit/unit.h"

static const struct conf_field part_rows[] = {
        CONF_ROW("size", UINT, "How much.", .flags = CONF_REQUIRED, .min = 1, .max = 9),
};
static const struct conf_object part = CONF_ROWS("part", part_rows);

static const struct conf_field rows[] = {
        CONF_ROW("name", NAME, "What it is called.", .flags = CONF_REQUIRED, .max = 8),
        CONF_ROW("password", TEXT, "The secret.", .flags = CONF_SECRET, .max = 4),
        CONF_ROW("parts", OBJECTS, "What is in it.", .object = &part, .max = 2),
        CONF_ROW("labels", NAMES, "Words.", .max = 2),
        CONF_ROW("before", ANY, "Anything."),
        CONF_ROW("pem", TEXT, "Lines.", .flags = CONF_LINES, .max = 16),
};
static const struct conf_object whole = CONF_ROWS("whole", rows);

static int read_text(const char *text, struct conf_errors *errs)
{
	json_t *value = NULL;
	int rc;

	conf_errors_init(errs);
	rc = conf_object_read(&whole, text, strlen(text), errs, &value);
	assert_true((rc == 0) == (value != NULL));
	json_decref(value);
	return rc;
}

static void what_fits_is_taken(void **state)
{
	static const char *const good[] = {
	        "{\"name\": \"a b\"}",
	        "{\"name\": \"a\", \"password\": \"pass\"}",
	        "{\"name\": \"a\", \"parts\": [{\"size\": 1}, {\"size\": 9}]}",
	        "{\"name\": \"a\", \"labels\": [], \"before\": {\"x\": [1, null, {}]}}",
	        "{\"name\": \"a\", \"labels\": null}",
	        "{\"name\": \"a\", \"pem\": \"one\\r\\ntwo\\n\"}",
	};
	struct conf_errors errs;

	for (size_t i = 0; i < SL_ARRAY_LEN(good); i++) {
		assert_int_equal(read_text(good[i], &errs), 0);
		conf_errors_fini(&errs);
	}
}

static void check(const char *text, int code, const char *pointer, const char *words)
{
	struct conf_errors errs;

	assert_int_equal(read_text(text, &errs), code);
	assert_true(errs.count > 0);
	assert_string_equal(errs.items[0].pointer, pointer);
	if (!strstr(errs.items[0].text, words) && !strstr(errs.items[0].remedy, words))
		fail_msg("'%s', '%s'", errs.items[0].text, errs.items[0].remedy);
	conf_errors_fini(&errs);
}

static void what_does_not_is_refused_at_its_place(void **state)
{
	check("", SL_EMALFORMED, "", "JSON");
	check("[]", SL_EINVAL, "", "no JSON object");
	check("{\"name\": \"a\"} x", SL_EMALFORMED, "", "JSON");
	check("{\"name\": \"a\", \"name\": \"b\"}", SL_EMALFORMED, "", "JSON");
	check("{\"name\": \"a\", \"password\": \"a\\nb\"}", SL_EINVAL, "/password", "control");
	check("{\"name\": \"a\", \"pem\": \"a\\tb\"}", SL_EINVAL, "/pem", "control");
	check("{}", SL_ENOENT, "", "no \"name\"");
	check("{\"name\": \"a\", \"pasword\": \"b\"}", SL_ENOENT, "/pasword", "did you mean");
	check("{\"name\": \"a\", \"other\": 1}", SL_ENOENT, "/other", "docs/sms-api.md");
	check("{\"name\": \"123456789\"}", SL_EINVAL, "/name", "8 bytes");
	check("{\"name\": \"a\", \"parts\": [{\"size\": 10}]}", SL_ERANGE, "/parts/0/size",
	      "1 to 9");
	check("{\"name\": \"a\", \"parts\": [{\"size\": \"1\"}]}", SL_EINVAL, "/parts/0/size",
	      "quotes");
	check("{\"name\": \"a\", \"parts\": [{\"size\":1},{\"size\":1},{\"size\":1}]}", SL_ELIMIT,
	      "/parts", "at most 2");
	check("{\"name\": \"a\", \"parts\": [1]}", SL_EINVAL, "/parts/0", "docs/sms-api.md");
	check("{\"name\": {}}", SL_EINVAL, "/name", "not a map");
	/* A handler takes the text of what was checked: there has to be one. */
	check("{\"name\": 7}", SL_EINVAL, "/name", "put it into quotes");
	check("{\"name\": true}", SL_EINVAL, "/name", "put it into quotes");
	check("{\"name\": null}", SL_ENOENT, "", "no \"name\"");
	check("{\"name\": \"a\", \"password\": 1}", SL_EINVAL, "/password", "quotes");
	check("{\"name\": \"a\", \"labels\": [1]}", SL_EINVAL, "/labels/0", "quotes");
}

static void a_secret_is_in_no_error(void **state)
{
	struct conf_errors errs;

	assert_int_equal(read_text("{\"name\": \"a\", \"password\": \"hunter2\"}", &errs),
	                 SL_EINVAL);
	assert_null(strstr(errs.items[0].text, "hunter2"));
	assert_null(strstr(errs.items[0].remedy, "hunter2"));
	conf_errors_fini(&errs);
}

static void nesting_is_bounded(void **state)
{
	char text[4096] = "{\"name\": \"a\", \"before\": ";

	memset(text + strlen(text), '[', 2000);
	check(text, SL_ELIMIT, "", "nested too deeply");
}

static void its_schema_says_the_same(void **state)
{
	json_t *schema = conf_object_json_schema(&whole);
	json_t *properties = json_object_get(schema, "properties");
	json_t *name = json_object_get(properties, "name");

	assert_non_null(schema);
	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	assert_int_equal(json_array_size(json_object_get(schema, "required")), 1);
	assert_int_equal(json_integer_value(json_object_get(name, "maxLength")), 8);
	assert_null(json_object_get(name, "x-scope"));
	assert_true(json_is_true(
	        json_object_get(json_object_get(properties, "password"), "writeOnly")));
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_fits_is_taken),
	        cmocka_unit_test(what_does_not_is_refused_at_its_place),
	        cmocka_unit_test(a_secret_is_in_no_error),
	        cmocka_unit_test(nesting_is_bounded),
	        cmocka_unit_test(its_schema_says_the_same),
	};

	return RUN_TESTS(tests);
}
