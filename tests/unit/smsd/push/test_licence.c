/* SPDX-License-Identifier: Apache-2.0 */
/* What a distribution says of devices that may not use what it brings (R36, R107). */
#include "smsd/push/licence.h"

#include <string.h>

#include "tests/unit/unit.h"

static const char summary_text[] =
        "{\"dark\": {\"licence\": [{\"capability\": \"ssl_inspection\", \"state\": \"denied\", "
        "\"text\": \"why\"}, {\"capability\": \"categories\", \"state\": \"reboot required\", "
        "\"text\": \"soon\"}]}, \"light\": {\"licence\": [{\"capability\": \"ssl_inspection\", "
        "\"state\": \"allowed\"}, {\"capability\": \"categories\", \"state\": \"?\"}]}}";

static void check(const char *device, bool categories, size_t count, const char *last)
{
	json_t *summary = json_loads(summary_text, 0, NULL), *items = json_array();
	const json_t *item;

	assert_non_null(summary);
	assert_int_equal(licence_add_items(summary, device, categories, items), 0);
	assert_int_equal(json_array_size(items), count);
	if (count > 0) {
		item = json_array_get(items, count - 1);
		assert_non_null(strstr(json_string_value(json_object_get(item, "text")), last));
		assert_string_equal(json_string_value(json_object_get(item, "name")), device);
		assert_true(json_is_true(json_object_get(item, "notice")));
	}
	json_decref(items);
	json_decref(summary);
}

static void what_a_device_may_not_use_is_a_notice(void **state)
{
	check("dark", false, 1, "SSL inspection is denied (why): what is distributed is laid down");
	check("dark", true, 2, "categories of names is reboot required (soon)");
	check("light", true, 0, "");
	check("nobody", true, 0, "");
}

static void categories_are_found_where_a_policy_names_some(void **state)
{
	assert_true(licence_has_categories(
	        "{\"decryption_policies\":[{\"categories\":[\"finance\"],\"name\":\"p\"}]}"));
	assert_false(licence_has_categories("{\"decryption_policies\":[{\"name\":\"p\"}]}"));
	assert_false(licence_has_categories("{\"decryption_policies\":[{\"categories\":[]}]}"));
	assert_false(
	        licence_has_categories("{\"device\":{\"contact\":\"\\\"categories\\\":[\\\"\"}}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_device_may_not_use_is_a_notice),
	        cmocka_unit_test(categories_are_found_where_a_policy_names_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
