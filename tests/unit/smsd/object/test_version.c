/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMS of the next version (tests/unit/lib/conf/next.c) and devices of it and of this one, R162:
 * a device of this one is `tpsd` as it is built here.
 *
 *   test_sms_document_version TPSD
 */
#include "lib/base/err.h"
#include "lib/conf/version.h"
#include "tests/unit/smsd/object/onbox.h"

static const char *tpsd; /* the program */

#define WEB                                                                                        \
	"\"destinations\": [\"10.0.0.1\"], \"detection_ports\": [443], \"certificates\": "         \
	"[\"shop\"], \"server_trust\": \"partners\""

/* The next version's settings of a device; formats take its limits and its contact. */
#define SETTINGS(limits, contact)                                                                  \
	"{\"version\": 1, \"segments\": [{\"name\": \"wan\", \"port_a\": \"e0\", \"port_b\": "     \
	"\"e1\"" limits "}], \"ssl_inspection\": {\"client\": true}" contact "}"

static int make_of_version(struct desk *d, const char *settings, uint32_t version,
                           struct document *ret_document)
{
	json_t *value = json_loads(settings, 0, NULL);
	const struct document_device device = {
	        .name = "box", .files = FILES, .settings = value, .version = version};
	int rc;

	assert_non_null(value);
	problem_fini(d->problem);
	rc = document_make(d->at.store, &device, ret_document, d->problem);
	json_decref(value);
	return rc;
}

static bool has(const struct document *document, const char *part)
{
	return strstr(document->text, part) != NULL;
}

static void each_device_gets_the_document_of_its_version(void **state)
{
	struct desk *d = *state;
	struct make_folder folder;
	struct document now, next, again;
	const char *path;

	put_whole_configuration(d);
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web",
	                        "{" WEB ", \"on_overload\": \"bypass\"}", NULL),
	                 0);
	make_folder_create(&folder);
	now = make_for(d, folder.path, 1);
	next = make_for(d, folder.path, 2);
	again = make_for(d, folder.path, 1);
	assert_true(has(&now, "{\"version\":1,"));
	assert_false(has(&now, "on_overload"));
	assert_true(has(&next, "{\"version\":2,"));
	assert_true(has(&next, "\"on_overload\":\"bypass\""));
	assert_memory_equal(now.sha256, again.sha256, sizeof(now.sha256));
	assert_memory_not_equal(now.sha256, next.sha256, sizeof(now.sha256));

	/* This version's device takes its own, and would take no other. */
	lay_down(d, &folder, &now);
	path = make_path(&folder, "document.json");
	make_file(path, now.text, now.len, 0644);
	assert_int_equal(check_by_tpsd(tpsd, path), 0);
	make_file(path, next.text, next.len, 0644);
	assert_int_equal(check_by_tpsd(tpsd, path), 3);
	document_fini(&now);
	document_fini(&next);
	document_fini(&again);
	make_folder_remove(&folder);
}

static void what_the_device_does_not_know_refuses_its_document(void **state)
{
	struct desk *d = *state;
	struct document document;
	int rc;

	put_whole_configuration(d);
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web",
	                        "{" WEB ", \"on_overload\": \"block\"}", NULL),
	                 0);
	rc = make_of_version(d, wan_settings, 1, &document);
	assert_int_equal(d->problem->count, 1);
	assert_string_equal(d->problem->items[0].remedy,
	                    "bring the device up to date, or leave it out");
	told(d, rc, SL_EUNSUPPORTED, "server proxy/web/on_overload",
	     "on_overload came with version 2 of the document, and the device reads version 1");
	assert_int_equal(make_of_version(d, wan_settings, 2, &document), 0);
	assert_true(has(&document, "\"on_overload\":\"block\""));
	document_fini(&document);

	/* Of the device's own settings: what says no more than nothing goes, the rest refuses. */
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web", "{" WEB "}", NULL), 0);
	assert_int_equal(make_of_version(d,
	                                 SETTINGS(", \"limits\": {\"sessions\": 0}",
	                                          ", \"device\": {\"contact\": \"\"}"),
	                                 1, &document),
	                 0);
	assert_false(has(&document, "contact") || has(&document, "\"sessions\""));
	document_fini(&document);
	rc = make_of_version(
	        d,
	        SETTINGS(", \"limits\": {\"sessions\": 5}", ", \"device\": {\"contact\": \"us\"}"),
	        1, &document);
	assert_int_equal(d->problem->count, 2);
	told(d, rc, SL_EUNSUPPORTED, "device/box/segments/0/limits", "limits came with version 2");
}

/* What a person writes is of the newest version, whichever devices there are. */
static void settings_are_of_the_newest_version(void **state)
{
	struct desk *d = *state;
	json_t *settings = json_loads(SETTINGS("", ", \"device\": {\"contact\": \"us\"}"), 0, NULL);
	struct document document;

	assert_int_equal(document_check_settings(settings, d->problem), 0);
	assert_int_equal(json_object_set_new(settings, "version", json_integer(3)), 0);
	told(d, document_check_settings(settings, d->problem), SL_EUNSUPPORTED, "/version",
	     "the document is of version 3; this build reads versions 1 and 2");
	json_decref(settings);

	put_configuration(d);
	add_device(d, "box", wan_settings);
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web",
	                        "{" WEB ", \"on_overload\": \"block\"}", NULL),
	                 0);
	assert_int_equal(make_of_version(d, SETTINGS("", ""), 0, &document), 0);
	assert_true(has(&document, "{\"version\":2,"));
	document_fini(&document);
}

static void a_device_is_of_this_version_or_the_next(void **state)
{
	static const struct {
		int told; /* -1: nothing */
		uint32_t version;
		const char *text, *remedy;
	} devices[] = {
	        {-1, 2, NULL, NULL},
	        {1, 1, NULL, NULL},
	        {2, 2, NULL, NULL},
	        {0, 0, "reads documents of version 0; the management system makes versions 1 and 2",
	         "bring the device up to date"},
	        {3, 0, "reads documents of version 3; the management system makes versions 1 and 2",
	         "bring the management system up to date first"},
	};
	struct desk *d = *state;

	for (size_t i = 0; i < SL_ARRAY_LEN(devices); i++) {
		json_t *can = devices[i].told < 0
		                      ? json_object()
		                      : json_pack("{s:i}", "document_version", devices[i].told);
		uint32_t version = 0;
		int rc = document_version(can, "/version", &version, d->problem);

		assert_int_equal(version, devices[i].version);
		if (devices[i].text) {
			assert_string_equal(d->problem->items[0].remedy, devices[i].remedy);
			told(d, rc, SL_EUNSUPPORTED, "/version", devices[i].text);
		} else {
			assert_int_equal(rc, 0);
		}
		json_decref(can);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        TEST(each_device_gets_the_document_of_its_version),
	        TEST(what_the_device_does_not_know_refuses_its_document),
	        TEST(settings_are_of_the_newest_version),
	        TEST(a_device_is_of_this_version_or_the_next),
	};

	if (argc < 2)
		return 2;
	tpsd = argv[1];
	return RUN_TESTS(tests);
}
