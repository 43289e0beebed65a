/* SPDX-License-Identifier: Apache-2.0 */
/* index.json: what is written is read, and what is not as it has to be is refused by its place. */
#include "lib/publish/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void what_is_written_is_read(void **state)
{
	struct publish_entry entry = {
	        .file = "a.pkg", .kind = PACKAGE_CA, .name = "CAs", .version = "1", .size = 7};
	struct publish_index index = {.items = &entry, .count = 1}, again;
	struct pki_error err;
	struct buf text;

	entry.created = 1790000000;
	entry.sha256[0] = 0xab;
	buf_init(&text, PUBLISH_INDEX_MAX);
	assert_int_equal(publish_index_text(&index, &text), 0);
	assert_int_equal(publish_index_parse(buf_text(&text), text.len, &again, &err), 0);
	assert_int_equal(again.count, 1);
	assert_memory_equal(&again.items[0], &entry, sizeof(entry));
	publish_index_fini(&again);
	buf_fini(&text);
}

/* One package with a value put in the place of one of its keys. */
static int parse_with(const char *key, const char *value, struct publish_index *ret)
{
	static const char *const keys[][2] = {{"file", "\"a.pkg\""},
	                                      {"kind", "\"categories\""},
	                                      {"name", "\"n\""},
	                                      {"version", "\"1\""},
	                                      {"created", "\"2026-01-31T00:00:00Z\""},
	                                      {"size", "1"},
	                                      {"sha256", "\"" HEX "\""}};
	struct pki_error err;
	struct buf text;
	int rc;

	buf_init(&text, PUBLISH_INDEX_MAX);
	assert_int_equal(buf_printf(&text, "{\"packages\": [{"), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++)
		assert_int_equal(buf_printf(&text, "%s\"%s\": %s", i ? ", " : "", keys[i][0],
		                            strcmp(keys[i][0], key) == 0 ? value : keys[i][1]),
		                 0);
	assert_int_equal(buf_printf(&text, "}]}"), 0);
	rc = publish_index_parse(buf_text(&text), text.len, ret, &err);
	if (rc != 0)
		assert_true(err.text[0] != '\0');
	buf_fini(&text);
	return rc;
}

static void each_value_has_to_be_right(void **state)
{
	static const char *const wrong[][2] = {
	        {"file", "\"../a.pkg\""},
	        {"file", "\"a/b\""},
	        {"file", "\".hidden\""},
	        {"file", "\"\""},
	        {"file", "\"a b\""},
	        {"file", "7"},
	        {"created", "\"now\""},
	        {"created", "7"},
	        {"size", "0"},
	        {"size", "-1"},
	        {"size", "1073741825"},
	        {"size", "\"1\""},
	        {"sha256", "\"ab\""},
	        {"sha256", "\"" HEX "0\""},
	        {"name", "null"},
	        {"version", "[]"},
	        {"sha256", "\"G123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
	};
	struct publish_index index;

	assert_int_equal(parse_with("", "", &index), 0);
	assert_int_equal(index.items[0].kind, PACKAGE_CATEGORIES);
	publish_index_fini(&index);
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++)
		if (parse_with(wrong[i][0], wrong[i][1], &index) == 0)
			fail_msg("%s %s is taken", wrong[i][0], wrong[i][1]);
}

static void a_kind_of_the_future_is_no_error(void **state)
{
	struct publish_index index;

	assert_int_equal(parse_with("kind", "\"what comes\"", &index), 0);
	assert_int_equal(index.items[0].kind, PACKAGE_KIND_END);
	publish_index_fini(&index);
}

static void no_index_is_refused(void **state)
{
	static const char *const texts[] = {"",
	                                    "[]",
	                                    "{}",
	                                    "{\"packages\": 1}",
	                                    "{\"packages\": [1]}",
	                                    "{\"packages\": [{}]}",
	                                    "{\"packages\": []} x"};
	struct publish_index index;
	struct pki_error err;
	char *large = calloc(1, PUBLISH_INDEX_MAX + 1);

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		assert_true(publish_index_parse(texts[i], strlen(texts[i]), &index, &err) < 0);
	assert_non_null(large);
	assert_int_equal(publish_index_parse(large, PUBLISH_INDEX_MAX + 1, &index, &err),
	                 SL_ELIMIT);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_written_is_read),
	        cmocka_unit_test(each_value_has_to_be_right),
	        cmocka_unit_test(a_kind_of_the_future_is_no_error),
	        cmocka_unit_test(no_index_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
