/* SPDX-License-Identifier: Apache-2.0 */
/* What a device would change, what it lacks, and whose a place of its document is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/suite.h"
#include "tests/unit/smsd/object/shelf.h"

static struct document made(struct desk *d)
{
	struct document document;

	assert_int_equal(make(d, wan_settings, &document), 0);
	return document;
}

static json_t *change_of(json_t *diff, const char *label)
{
	json_t *change;
	size_t i;

	json_array_foreach(json_object_get(diff, "changes"), i, change)
	{
		if (strcmp(json_string_value(json_object_get(change, "label")), label) == 0)
			return change;
	}
	return NULL;
}

static void a_difference_is_told_setting_by_setting(void **state)
{
	struct desk *d = *state;
	struct document one, two;
	json_t *diff, *found;

	put_configuration(d);
	one = made(d);
	assert_int_equal(document_diff(one.text, &one, &diff), 0);
	assert_int_equal(json_array_size(json_object_get(diff, "changes")), 0);
	assert_string_equal(json_string_value(json_object_get(diff, "scope")), "live");
	json_decref(diff);

	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web",
	                        "{\"destinations\": [\"10.0.0.1\"], \"detection_ports\": [443], "
	                        "\"certificates\": [\"shop\"], \"server_trust\": \"partners\", "
	                        "\"logging\": true}",
	                        NULL),
	                 0);
	two = made(d);
	assert_int_equal(document_diff(one.text, &two, &diff), 0);
	assert_int_equal(json_array_size(json_object_get(diff, "changes")), 1);
	found = change_of(diff, "ssl_server_proxies[web].logging");
	assert_non_null(found);
	assert_string_equal(json_string_value(json_object_get(found, "kind")), "changed");
	assert_true(json_is_false(json_object_get(found, "old")));
	assert_true(json_is_true(json_object_get(found, "new")));
	assert_string_equal(json_string_value(json_object_get(diff, "scope")), "new sessions");
	json_decref(diff);

	assert_int_equal(document_diff(NULL, &two, &diff), 0);
	found = change_of(diff, "segments[wan]");
	assert_non_null(found);
	assert_string_equal(json_string_value(json_object_get(found, "kind")), "added");
	assert_string_equal(json_string_value(json_object_get(diff, "scope")), "restart");
	json_decref(diff);
	document_fini(&one);
	document_fini(&two);
}

/* Of all suites but those whose name has `without` in it. */
static json_t *suites(const char *without)
{
	json_t *list = json_array();
	const struct conf_suite *suite;

	for (size_t i = 0; (suite = conf_suite_at(i)) != NULL; i++)
		if (!without[0] || !strstr(suite->name, without))
			(void)json_array_append_new(list, json_string(suite->name));
	return list;
}

static json_t *lacks(const struct document *document, json_t *capabilities)
{
	json_t *list = NULL;

	assert_int_equal(document_lacks(document, capabilities, &list), 0);
	json_decref(capabilities);
	return list;
}

/* The text at that place that has `part`; NULL: none. */
static const char *at(const json_t *list, const char *pointer, bool refuses, const char *part)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(json_object_get(item, "text"));

		if (strcmp(json_string_value(json_object_get(item, "pointer")), pointer) == 0 &&
		    json_is_true(json_object_get(item, "refuses")) == refuses && strstr(text, part))
			return text;
	}
	return NULL;
}

static void what_the_device_has_not_is_told_and_none_left_refuses(void **state)
{
	static const char in[] = "/ssl_server_proxies/0/client_side",
	                  out[] = "/ssl_client_proxies/0/selections";
	struct desk *d = *state;
	struct document document;
	json_t *list;

	put_configuration(d);
	document = made(d);
	list = lacks(&document, json_pack("{s:o, s:[s,s], s:i}", "suites", suites(""), "protocols",
	                                  "TLSv1.2", "TLSv1.3", "certificates_max", 1000));
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	assert_int_equal(json_array_size(list = lacks(&document, json_object())), 0);
	json_decref(list);

	list = lacks(&document, json_pack("{s:o, s:[s]}", "suites", suites("CHACHA20"), "protocols",
	                                  "TLSv1.2"));
	assert_non_null(at(list, in, false, "TLS_CHACHA20_POLY1305_SHA256"));
	assert_non_null(at(list, out, false, "CHACHA20"));
	assert_null(at(list, in, true, ""));
	json_decref(list);
	list = lacks(&document,
	             json_pack("{s:[s], s:[s]}", "suites", "TLS_FOO", "protocols", "TLSv1.4"));
	assert_non_null(at(list, in, true, "none of the selected protocols"));
	assert_non_null(at(list, out, true, "none of the selected protocols"));
	json_decref(list);
	list = lacks(&document, json_pack("{s:[s]}", "suites", "TLS_FOO"));
	assert_non_null(at(list, in, true, "none of the selected cipher suites"));
	json_decref(list);

	list = lacks(&document, json_pack("{s:i}", "certificates_max", 1));
	assert_non_null(at(list, "/certificates", true, "takes 1 certificates"));
	json_decref(list);
	document_fini(&document);
}

static void a_place_of_a_document_is_an_object_s(void **state)
{
	static const struct {
		const char *pointer, *kind, *name, *within;
	} places[] = {
	        {"/certificates/1/key_id", "certificate", "sign", "/key_id"},
	        {"/ca_certificates/0", "ca certificate", "middle", ""},
	        {"/profiles/0/filters/0/rules", "profile", "strict", "/filters/0/rules"},
	        {"/profiles/9/filters", "", "", "/profiles/9/filters"},
	        {"/profiles/0x/filters", "", "", "/profiles/0x/filters"},
	        {"/segments/0/port_a", "", "", "/segments/0/port_a"},
	        {"/limits/flows", "", "", "/limits/flows"},
	        {"", "", "", ""},
	        {"junk", "", "", "junk"},
	        {"/profiles/99999999999999999999999/x", "", "",
	         "/profiles/99999999999999999999999/x"},
	};
	struct desk *d = *state;
	struct document document;
	json_t *root;

	put_configuration(d);
	document = made(d);
	root = json_loadb(document.text, document.len, 0, NULL);
	for (size_t i = 0; i < SL_ARRAY_LEN(places); i++) {
		json_t *place = document_place(root, places[i].pointer);
		const char *kind, *name, *within;

		assert_int_equal(json_unpack(place, "{s:s, s:s, s:s}", "kind", &kind, "name", &name,
		                             "pointer", &within),
		                 0);
		assert_string_equal(kind, places[i].kind);
		assert_string_equal(name, places[i].name);
		assert_string_equal(within, places[i].within);
		json_decref(place);
	}
	json_decref(root);
	document_fini(&document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_difference_is_told_setting_by_setting),
	        TEST(what_the_device_has_not_is_told_and_none_left_refuses),
	        TEST(a_place_of_a_document_is_an_object_s),
	};

	return RUN_TESTS(tests);
}
