/* SPDX-License-Identifier: Apache-2.0 */
/* Items of a status: what is said of an object is said under its name. */
#include "tests/unit/unit.h"

#include <string.h>

#include "smsd/push/push_priv.h"

static void check(json_t *item, const char *kind, const char *name, const char *pointer)
{
	const char *its_kind, *its_name, *its_pointer;

	assert_int_equal(json_unpack(item, "{s:s, s:s, s:s}", "kind", &its_kind, "name", &its_name,
	                             "pointer", &its_pointer),
	                 0);
	assert_string_equal(its_kind, kind);
	assert_string_equal(its_name, name);
	assert_string_equal(its_pointer, pointer);
	json_decref(item);
}

static void a_place_of_a_document_is_an_object_s_or_the_device_s(void **state)
{
	json_t *tree = json_pack("{s:[{s:s}], s:[{s:s}]}", "ca_certificates", "name", "root",
	                         "ssl_server_proxies", "name", "web");

	check(item_of_place(tree, "box", "/ca_certificates/0/certificate", true, "t", ""),
	      "ca certificate", "root", "/certificate");
	check(item_of_place(tree, "box", "/ssl_server_proxies/0", true, "t", ""), "server proxy",
	      "web", "");
	check(item_of_place(tree, "box", "/ssl_server_proxies/1", true, "t", ""), "device", "box",
	      "/ssl_server_proxies/1");
	check(item_of_place(tree, "box", "/limits/flows", true, "t", ""), "device", "box",
	      "/limits/flows");
	check(item_of_place(NULL, "box", "/ssl_server_proxies/0", true, "t", ""), "device", "box",
	      "/ssl_server_proxies/0");
	json_decref(tree);
}

/* Its pointer is within its object already. */
static void a_notice_of_an_object_is_told_under_its_name(void **state)
{
	json_t *notice =
	        json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "pointer", "/downgrade_http2", "text",
	                  "t", "remedy", "r", "object", "kind", "server proxy", "name", "web");
	json_t *own = json_pack("{s:s, s:s, s:s, s:n}", "pointer", "/limits", "text", "t", "remedy",
	                        "r", "object");

	check(item_of_notice(notice, "box"), "server proxy", "web", "/downgrade_http2");
	check(item_of_notice(own, "box"), "device", "box", "/limits");
	json_decref(notice);
	json_decref(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_place_of_a_document_is_an_object_s_or_the_device_s),
	        cmocka_unit_test(a_notice_of_an_object_is_told_under_its_name),
	};

	return RUN_TESTS(tests);
}
