/* SPDX-License-Identifier: Apache-2.0 */
/* The check of all together, within the write that changes something. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tests/unit/smsd/object/shelf.h"

#define PROXY(destination)                                                                         \
	"{\"destinations\": [\"" destination "\"], \"detection_ports\": [443], "                   \
	"\"certificates\": [\"shop\"]}"
#define LAN "{\"segments\": [{\"name\": \"lan\", \"port_a\": \"e0\", \"port_b\": \"e1\"}]}"

/* Before any device is there: all objects are one document. */
static void without_devices_all_objects_are_checked_together(void **state)
{
	struct desk *d = *state;

	put_configuration(d);
	told(d, create(d, OBJECT_SERVER_PROXY, "twin", PROXY("10.0.0.1"), NULL), SL_ECONFLICT, "",
	     "the server proxy web/destinations: 10.0.0.1/32 with ports 443-443 is in the proxy "
	     "\"twin\" already");
	told(d, create(d, OBJECT_SERVER_PROXY, "zwin", PROXY("10.0.0.1"), NULL), SL_ECONFLICT,
	     "/destinations", "in the proxy \"web\" already");
	assert_int_equal(create(d, OBJECT_SERVER_PROXY, "other", PROXY("10.0.0.2"), NULL), 0);
	told(d,
	     create(d, OBJECT_PROFILE, "p",
	            "{\"ssl_server_policies\": [{\"name\": \"in\", \"proxy\": \"other\"}]}", NULL),
	     SL_EEXIST, "", "profile strict/ssl_server_policies/0/name");
}

static void an_object_that_is_wrong_in_itself_is_told_so_wherever_it_is(void **state)
{
	static const char gap[] = "{\"destinations\": [\"10.0.0.3\"], \"detection_ports\": [443], "
	                          "\"certificates\": [\"shop\"], \"client_side\": {\"protocols\": "
	                          "[\"TLSv1.0\", \"TLSv1.2\"]}}";
	struct desk *d = *state;

	put_configuration(d);
	told(d, create(d, OBJECT_SERVER_PROXY, "gap", gap, NULL), SL_ECONFLICT,
	     "/client_side/protocols", "are missing");
	add_device(d, "box", LAN);
	told(d, create(d, OBJECT_SERVER_PROXY, "gap", gap, NULL), SL_ECONFLICT,
	     "/client_side/protocols", "are missing");
	told(d, change(d, OBJECT_SERVER_PROXY, "web", gap, NULL), SL_ECONFLICT,
	     "/client_side/protocols", "are missing");
}

/* Two devices may have what one could not. */
static void with_devices_only_documents_that_there_are_count(void **state)
{
	struct desk *d = *state;

	put_configuration(d);
	add_device(d, "box", wan_settings);
	add_device(d, "pox", LAN);
	assert_int_equal(create(d, OBJECT_SERVER_PROXY, "twin", PROXY("10.0.0.1"), NULL), 0);
	assert_int_equal(create(d, OBJECT_PROFILE, "p",
	                        "{\"ssl_server_policies\": [{\"name\": \"to\", \"proxy\": "
	                        "\"twin\"}]}",
	                        NULL),
	                 0);
	assert_int_equal(create(d, OBJECT_VIRTUAL_SEGMENT, "lan",
	                        "{\"segment\": \"lan\", \"profile\": \"p\"}", NULL),
	                 0);
	told(d,
	     create(d, OBJECT_VIRTUAL_SEGMENT, "wan too",
	            "{\"segment\": \"wan\", \"profile\": \"p\", \"vlans\": [7]}", NULL),
	     SL_ECONFLICT, "", "in the proxy \"twin\" already");
}

/* Who repairs one of two faults is not kept from it by the other. */
static void what_was_wrong_before_is_not_the_change_s_fault(void **state)
{
	static const char hold[] = "{\"destinations\": [\"10.0.0.1\"], \"detection_ports\": [443], "
	                           "\"certificates\": [\"shop\"], \"logging\": true}";
	struct desk *d = *state;

	put_configuration(d);
	(void)put(d, OBJECT_SERVER_PROXY, "twin", PROXY("10.0.0.1"));
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web", hold, NULL), 0);
	assert_int_equal(create(d, OBJECT_TRUST_STORE, "t", "{}", NULL), 0);
	told(d,
	     create(d, OBJECT_TRUST_STORE, "none", "{\"include_default_ca_certificates\": false}",
	            NULL),
	     SL_EINVAL, "", "trusts nobody");
	assert_int_equal(change(d, OBJECT_SERVER_PROXY, "web", PROXY("10.0.0.5"), NULL), 0);
}

static void notices_are_of_what_was_changed(void **state)
{
	struct desk *d = *state;
	json_t *notices = NULL;
	const char *name;

	put_configuration(d);
	assert_int_equal(create(d, OBJECT_SERVER_PROXY, "idle", PROXY("10.0.0.7"), &notices), 0);
	assert_int_equal(json_array_size(notices), 1);
	assert_int_equal(
	        json_unpack(json_array_get(notices, 0), "{s:{s:s}}", "object", "name", &name), 0);
	assert_string_equal(name, "idle");
	json_decref(notices);
	assert_int_equal(create(d, OBJECT_TRUST_STORE, "t", "{}", &notices), 0);
	assert_int_equal(json_array_size(notices), 0);
	json_decref(notices);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(without_devices_all_objects_are_checked_together),
	        TEST(an_object_that_is_wrong_in_itself_is_told_so_wherever_it_is),
	        TEST(with_devices_only_documents_that_there_are_count),
	        TEST(what_was_wrong_before_is_not_the_change_s_fault),
	        TEST(notices_are_of_what_was_changed),
	};

	return RUN_TESTS(tests);
}
