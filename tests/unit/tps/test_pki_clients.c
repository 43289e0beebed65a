/* SPDX-License-Identifier: Apache-2.0 */
/* tps pki check-clients: which events of the log say that a client does not trust the CA. */
#include "tests/unit/unit.h"

#include "tps/pki_priv.h"

static void count(json_t *rows, const char *event)
{
	json_t *parsed = json_loads(event, 0, NULL);

	assert_non_null(parsed);
	tps_pki_count_event(rows, parsed);
	json_decref(parsed);
}

static void a_client_has_one_row_with_all_its_refusals_and_the_last_of_them(void **state)
{
	json_t *rows = json_array();
	const json_t *row;

	count(rows, "{\"src_ip\":\"10.0.0.7\",\"timestamp\":\"t1\",\"policy\":\"p\","
	            "\"tls\":{\"sni\":\"a.test\",\"client\":{\"alert_in\":\"unknown_ca\"}}}");
	count(rows, "{\"src_ip\":\"10.0.0.7\",\"timestamp\":\"t2\",\"count\":4,"
	            "\"tls\":{\"sni\":\"b.test\",\"client\":{\"alert_in\":\"bad_certificate\"}}}");
	count(rows, "{\"src_ip\":\"10.0.0.8\",\"timestamp\":\"t3\","
	            "\"tls\":{\"client\":{\"alert_in\":\"certificate_unknown\"}}}");
	assert_int_equal(json_array_size(rows), 2);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "client")), "10.0.0.7");
	assert_int_equal(json_integer_value(json_object_get(row, "refused")), 5);
	assert_string_equal(json_string_value(json_object_get(row, "last")), "t2");
	assert_string_equal(json_string_value(json_object_get(row, "server")), "b.test");
	json_decref(rows);
}

static void alerts_about_other_things_and_events_without_a_client_do_not_count(void **state)
{
	json_t *rows = json_array();

	count(rows, "{\"src_ip\":\"10.0.0.7\",\"tls\":{\"client\":{\"alert_in\":"
	            "\"protocol_version\"}}}");
	count(rows, "{\"src_ip\":\"10.0.0.7\",\"tls\":{\"server\":{\"alert_in\":\"unknown_ca\"}}}");
	count(rows, "{\"tls\":{\"client\":{\"alert_in\":\"unknown_ca\"}}}");
	count(rows, "{\"src_ip\":7,\"tls\":[],\"count\":\"x\"}");
	count(rows, "{}");
	assert_int_equal(json_array_size(rows), 0);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_client_has_one_row_with_all_its_refusals_and_the_last_of_them),
	        cmocka_unit_test(
	                alerts_about_other_things_and_events_without_a_client_do_not_count),
	};

	return RUN_TESTS(tests);
}
