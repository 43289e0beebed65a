/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

static int load(const char *text, size_t len, struct conf_errors *errs, struct conf_document **doc,
                bool json)
{
	conf_errors_init(errs);
	return json ? conf_load_json("t.json", text, len, errs, doc)
	            : conf_load_yaml("t.yaml", text, len, errs, doc);
}

/* Loading must fail with this code, and say so in at least one error. */
static void refused(const char *text, int code, bool json)
{
	struct conf_document *doc = NULL;
	struct conf_errors errs;

	assert_int_equal(load(text, strlen(text), &errs, &doc, json), code);
	assert_true(errs.refusals > 0);
	assert_int_equal(conf_errors_code(&errs), code);
	assert_null(doc);
	conf_errors_fini(&errs);
}

static void yaml_nodes_know_their_place(void **state)
{
	static const char text[] = "a:\n  - {b/c: 1, \"d~\": \"x\"}\n  - null\n";
	struct conf_document *doc;
	struct conf_errors errs;
	const struct conf_node *item, *b, *d;
	char pointer[CONF_POINTER_MAX];

	assert_int_equal(load(text, strlen(text), &errs, &doc, false), 0);
	item = conf_node_find(conf_document_root(doc), "a")->child;
	assert_int_equal(item->kind, CONF_MAP);
	b = conf_node_find(item, "b/c");
	d = conf_node_find(item, "d~");
	assert_int_equal(b->line, 2);
	assert_int_equal(b->key_column, 6);
	assert_int_equal(b->column, 11);
	assert_false(b->quoted);
	assert_true(d->quoted);
	assert_string_equal(conf_node_pointer(b, pointer), "/a/0/b~1c");
	assert_string_equal(conf_node_pointer(d, pointer), "/a/0/d~0");
	assert_int_equal(item->next->kind, CONF_NULL);
	assert_string_equal(conf_node_pointer(item->next, pointer), "/a/1");
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
}

static void json_gives_the_same_tree(void **state)
{
	static const char text[] = "{\"a\":[{\"b\":1,\"c\":true,\"d\":\"1\"},null]}";
	struct conf_document *doc;
	struct conf_errors errs;
	const struct conf_node *item;

	assert_int_equal(load(text, strlen(text), &errs, &doc, true), 0);
	item = conf_node_find(conf_document_root(doc), "a")->child;
	assert_string_equal(conf_node_find(item, "b")->value, "1");
	assert_false(conf_node_find(item, "b")->quoted);
	assert_string_equal(conf_node_find(item, "c")->value, "true");
	assert_true(conf_node_find(item, "d")->quoted);
	assert_int_equal(item->next->kind, CONF_NULL);
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
}

static void aliases_tags_and_second_documents_are_refused(void **state)
{
	refused("a: &x [1]\nb: *x\n", SL_EUNSUPPORTED, false);
	refused("a: &x 1\n", SL_EUNSUPPORTED, false);
	refused("a: !!python/object x\n", SL_EUNSUPPORTED, false);
	refused("a: 1\n--- \nb: 2\n", SL_EMALFORMED, false);
	refused("? [1, 2]\n: 3\n", SL_EMALFORMED, false);
	refused("a: \"x\\0y\"\n", SL_ELIMIT, false);
	refused("", SL_ESHORT, false);
	refused("a: [1\n", SL_EMALFORMED, false);
	refused("a: \xff\n", SL_EMALFORMED, false);
	refused("{\"a\":1,}", SL_EMALFORMED, true);
	refused("{\"a\":\"x\\u0000y\"}", SL_EMALFORMED, true);
	refused("", SL_EMALFORMED, true);
	refused("{\"a\":1,\"a\":2}", SL_EMALFORMED, true);
}

static void all_duplicate_keys_are_named_with_the_line_of_the_first(void **state)
{
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	static const char text[] = "a: 1\nb: {c: 1, c: 2}\na: 2\n";

	assert_int_equal(load(text, strlen(text), &errs, &doc, false), SL_EEXIST);
	assert_int_equal(errs.refusals, 2);
	assert_string_equal(errs.items[0].pointer, "/b/c");
	assert_string_equal(errs.items[1].pointer, "/a");
	assert_int_equal(errs.items[1].line, 3);
	assert_non_null(strstr(errs.items[1].text, "line 1"));
	conf_errors_fini(&errs);
}

/* `count` times `part`, then `end`. */
static char *repeated(const char *part, size_t count, const char *end)
{
	struct buf b;

	buf_init(&b, CONF_DOCUMENT_MAX * 2UL);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_add(&b, part, strlen(part)), 0);
	assert_int_equal(buf_add(&b, end, strlen(end) + 1), 0);
	return (char *)b.data;
}

static void depth_number_and_size_are_bounded(void **state)
{
	char *deep = repeated("[", 100000, "");
	char *many = repeated("- 1\n", CONF_NODES_MAX + 1, "");
	char *commas = repeated("[],", CONF_NODES_MAX, "");
	char *large = repeated("# 4567890123456\n", CONF_DOCUMENT_MAX / 16 + 1, "a: 1\n");

	refused(deep, SL_ELIMIT, false);
	refused(deep, SL_ELIMIT, true);
	refused(many, SL_ELIMIT, false);
	refused(commas, SL_ELIMIT, true);
	refused(large, SL_ELIMIT, false);
	free(deep);
	free(many);
	free(commas);
	free(large);
}

static void a_file_that_cannot_be_read_is_an_error_with_its_name(void **state)
{
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	struct buf text;

	conf_errors_init(&errs);
	buf_init(&text, 4096);
	assert_int_equal(conf_load_file("/nonexistent/x.yaml", &errs, &doc), SL_ENOENT);
	assert_int_equal(conf_errors_print(&errs, &text), 0);
	assert_non_null(strstr(buf_text(&text), "/nonexistent/x.yaml: error: "));
	buf_fini(&text);
	conf_errors_fini(&errs);
}

static void errors_past_the_bound_still_refuse(void **state)
{
	struct conf_errors errs;
	struct buf text;

	conf_errors_init(&errs);
	buf_init(&text, 1024UL * 1024);
	for (int i = 0; i < CONF_ERRORS_MAX + 5; i++)
		(void)conf_errors_add(&errs, NULL, SL_EINVAL, "r", "e%d", i);
	assert_int_equal(errs.refusals, CONF_ERRORS_MAX + 5);
	assert_int_equal(errs.count, CONF_ERRORS_MAX);
	assert_int_equal(errs.lost, 5);
	assert_int_equal(conf_errors_print(&errs, &text), 0);
	assert_non_null(strstr(buf_text(&text), "and 5 more"));
	buf_fini(&text);
	conf_errors_fini(&errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(yaml_nodes_know_their_place),
	        cmocka_unit_test(json_gives_the_same_tree),
	        cmocka_unit_test(aliases_tags_and_second_documents_are_refused),
	        cmocka_unit_test(all_duplicate_keys_are_named_with_the_line_of_the_first),
	        cmocka_unit_test(depth_number_and_size_are_bounded),
	        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_with_its_name),
	        cmocka_unit_test(errors_past_the_bound_still_refuse),
	};

	return RUN_TESTS(tests);
}
