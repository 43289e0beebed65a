/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The version behind the newest (next.c): it reads what there is today, refuses what came with it
 * in a document of today, and makes documents for who reads no newer one (R162).
 *
 *   test_conf_version_next DOCUMENTS
 */
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/canon.h"
#include "lib/conf/diff.h"
#include "lib/conf/object.h"
#include "lib/conf/version.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

enum { PATH_SIZE = 4096, TEXT_MAX = 65536 };

static const char *folder;

static const char *const later[] = {"/device/contact", "/segments/0/limits", "/trust_stores/0/crls",
                                    "/ssl_server_proxies/0/on_overload"};

/* What everything of version 1 comes to. */
static json_t *load_all(void)
{
	char path[PATH_SIZE];
	json_t *value;

	(void)snprintf(path, sizeof(path), "%s/%d.json", folder, CONF_VERSION_OLDEST);
	value = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	return value;
}

static void set_version(json_t *document, unsigned version)
{
	assert_int_equal(json_object_set_new(document, "version", json_integer(version)), 0);
}

static struct loaded load_value(json_t *value)
{
	struct loaded l = {0};

	conf_errors_init(&l.errs);
	load_build(&l, conf_load_value("", value, &l.errs, &l.doc));
	assert_non_null(l.doc);
	return l;
}

static size_t refusals(const struct loaded *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->errs.count; i++)
		count += !l->errs.items[i].notice;
	return count;
}

static int pass_over(void *arg, const char *pointer, const struct conf_field *field)
{
	size_t *said = arg;

	for (size_t i = 0; i < SL_ARRAY_LEN(later); i++)
		if (strcmp(later[i], pointer) == 0 && conf_since(field) == 2)
			++*said;
	return 0;
}

static void it_reads_what_today_s_is(void **state)
{
	json_t *all = load_all();
	struct loaded l;
	size_t said = 0;

	(void)state;
	assert_int_equal(conf_leave_out_later(all, 1, pass_over, &said), 0);
	assert_int_equal(said, SL_ARRAY_LEN(later));
	l = load_value(all);
	assert_int_equal(l.rc, 0);
	assert_int_equal(l.config->version, 1);
	assert_string_equal(l.config->device.contact, "");
	assert_int_equal(l.config->server_proxies[0].common.on_overload, CONFIG_BYPASS);
	assert_string_equal(l.config->server_proxies[0].common.name, "shop");
	unload(&l);
	json_decref(all);
}

static void what_came_with_it_is_refused_in_today_s(void **state)
{
	json_t *all = load_all();
	struct loaded l = load_value(all);

	(void)state;
	assert_int_equal(l.rc, SL_EUNSUPPORTED);
	assert_int_equal(refusals(&l), SL_ARRAY_LEN(later));
	for (size_t i = 0; i < SL_ARRAY_LEN(later); i++) {
		const struct conf_error *e = error_at(
		        &l, later[i],
		        "came with version 2 of the document, and this one is of version 1");

		if (!e)
			fail_msg("nothing is said of %s", later[i]);
		assert_string_equal(e->remedy, "set \"version: 2\"");
	}
	unload(&l);

	/* And that is the remedy. */
	set_version(all, 2);
	l = load_value(all);
	assert_int_equal(l.rc, 0);
	assert_int_equal(l.config->version, 2);
	assert_string_equal(l.config->device.contact, "the desk, extension 12");
	unload(&l);
	set_version(all, 3);
	l = load_value(all);
	assert_int_equal(refusals(&l), 1);
	assert_non_null(error_at(&l, "/version", "version 3; this build reads versions 1 and 2"));
	unload(&l);
	set_version(all, 0);
	l = load_value(all);
	assert_int_equal(refusals(&l), 1);
	assert_non_null(error_at(&l, "/version", "version 0; this build reads versions 1 and 2"));
	unload(&l);
	json_decref(all);
}

/* Written as its default it says what a document says that has it not. */
static void what_says_no_more_than_nothing_just_goes(void **state)
{
	static const char text[] =
	        "{\"version\": 1, \"device\": {\"name\": \"a\", \"contact\": \"\"},"
	        " \"segments\": [{\"name\": \"w\", \"limits\": {\"sessions\": 0}},"
	        " {\"name\": \"x\", \"limits\": {}}, {\"name\": \"y\", \"limits\": null}],"
	        " \"trust_stores\": [{\"name\": \"t\", \"crls\": []}],"
	        " \"ssl_server_proxies\": [{\"name\": \"p\", \"on_overload\": \"bypass\"}],"
	        " \"ssl_client_proxies\": [{\"name\": \"o\", \"on_overload\": \"block\"}]}";
	static const char left[] = "{\"version\": 1, \"device\": {\"name\": \"a\"},"
	                           " \"segments\": [{\"name\": \"w\"}, {\"name\": \"x\"},"
	                           " {\"name\": \"y\"}], \"trust_stores\": [{\"name\": \"t\"}],"
	                           " \"ssl_server_proxies\": [{\"name\": \"p\"}],"
	                           " \"ssl_client_proxies\": [{\"name\": \"o\","
	                           " \"on_overload\": \"block\"}]}";
	json_t *value = json_loads(text, 0, NULL), *wanted = json_loads(left, 0, NULL);
	json_t *same = json_deep_copy(value);
	size_t said = 0;

	(void)state;
	assert_int_equal(conf_leave_out_later(value, 1, pass_over, &said), 0);
	assert_int_equal(said, 0);
	assert_true(json_equal(value, wanted));
	json_decref(value);
	json_decref(wanted);

	/* Who reads the newest has all of it. */
	value = json_deep_copy(same);
	assert_int_equal(conf_leave_out_later(value, 2, pass_over, &said), 0);
	assert_true(json_equal(value, same));
	json_decref(value);
	json_decref(same);
}

/* With its defaults a document of today is one of today still. */
static void its_defaults_are_not_in_today_s(void **state)
{
	struct loaded l = load_yaml(WHOLE), again = {0};
	struct buf text;

	(void)state;
	assert_int_equal(l.rc, 0);
	buf_init(&text, TEXT_MAX);
	assert_int_equal(conf_canonical(conf_document_root(l.doc), CONF_CANON_DEFAULTS, &text), 0);
	assert_null(strstr(buf_text(&text), "\"on_overload\":\"bypass\",\"on_keys_unavailable\":"
	                                    "\"bypass\",\"on_failure_class\""));
	conf_errors_init(&again.errs);
	load_build(&again,
	           conf_load_json("", text.data, strlen(buf_text(&text)), &again.errs, &again.doc));
	assert_int_equal(again.rc, 0);
	unload(&again);
	unload(&l);
	buf_fini(&text);
}

static void the_same_in_another_version_differs_in_that_alone(void **state)
{
	struct loaded one = load_yaml(WHOLE);
	struct loaded two = load_yaml("version: 2\n" SEGMENT CERTIFICATE PROXY PROFILE);
	struct conf_changes changes;

	(void)state;
	assert_int_equal(one.rc, 0);
	assert_int_equal(two.rc, 0);
	assert_int_equal(
	        conf_diff(conf_document_root(one.doc), conf_document_root(two.doc), &changes), 0);
	assert_int_equal(changes.count, 1);
	assert_string_equal(changes.items[0].label, "version");
	assert_int_equal(conf_changes_scope(&changes), CONF_SCOPE_LIVE);
	conf_changes_fini(&changes);
	unload(&one);
	unload(&two);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_reads_what_today_s_is),
	        cmocka_unit_test(what_came_with_it_is_refused_in_today_s),
	        cmocka_unit_test(what_says_no_more_than_nothing_just_goes),
	        cmocka_unit_test(its_defaults_are_not_in_today_s),
	        cmocka_unit_test(the_same_in_another_version_differs_in_that_alone),
	};

	if (argc != 2)
		return 2;
	folder = argv[1];
	return RUN_TESTS(tests);
}
