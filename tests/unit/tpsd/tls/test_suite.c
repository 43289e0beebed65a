/* SPDX-License-Identifier: Apache-2.0 */
/* What the library has, and what criteria choose of it. */
#include "tpsd/tls/suite.h"

#include <openssl/opensslconf.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

static const struct config_tls_side everything = {
        .protocols = 0x1f, .key_exchange = ~0u, .authentication = ~0u, .bulk = ~0u, .mac = ~0u};

static void the_probe_finds_what_every_openssl_3_has(void **state)
{
	struct tls_capability cap;
	struct buf text;

	assert_int_equal(tls_capability_probe(&cap), 0);
	assert_true(cap.protocols & CONFIG_BIT(CONFIG_TLS1_2));
	assert_true(cap.protocols & CONFIG_BIT(CONFIG_TLS1_3));
	assert_true(cap.suites & 1);
#ifdef OPENSSL_NO_SSL3
	assert_false(cap.protocols & CONFIG_BIT(CONFIG_SSL3)); /* it answers with an alert */
#endif
	buf_init(&text, 16384);
	assert_int_equal(tls_capability_json(&cap, &text), 0);
	assert_non_null(strstr(buf_text(&text), "\"TLS_AES_128_GCM_SHA256\""));
	buf_fini(&text);
}

static void what_the_library_lacks_is_named_and_left_out(void **state)
{
	struct tls_capability cap = {.protocols = 0x1c, .suites = 0x7, .groups = 1};
	struct tls_selection sel;

	assert_int_equal(tls_select(&everything, &cap, &sel), 0);
	assert_int_equal(sel.missing_protocols, 0x3);
	assert_true(sel.missing_suites & 1u << 3);
	assert_int_equal(sel.ids_count, 3);
	assert_string_equal(sel.list, "");
	/* TLS 1.1 and 1.2 have no suite left, so they are not offered. */
	assert_int_equal(sel.protocols, CONFIG_BIT(CONFIG_TLS1_3));
	assert_int_equal(sel.min_version, 0x0304);
}

static void criteria_and_deselection_choose(void **state)
{
	static const char *const not [] = {"TLS_RSA_WITH_AES_128_CBC_SHA"};
	struct config_tls_side side = everything;
	struct tls_capability cap = {.protocols = 0x1f, .suites = ~UINT64_C(0)};
	struct tls_selection sel;

	side.protocols = CONFIG_BIT(CONFIG_TLS1_1);
	side.key_exchange = CONFIG_BIT(CONFIG_KX_RSA);
	side.bulk = CONFIG_BIT(CONFIG_BULK_AES128) | CONFIG_BIT(CONFIG_BULK_AES256);
	side.deselected_suites = (struct config_names){not, 1};
	assert_int_equal(tls_select(&side, &cap, &sel), 0);
	assert_string_equal(sel.list, "AES256-SHA");
	assert_int_equal(sel.ids_count, 1);
	side.mac = CONFIG_BIT(CONFIG_MAC_GCM);
	assert_int_equal(tls_select(&side, &cap, &sel), SL_EUNSUPPORTED);
}

/* R53: a library that has more gives a proxy what its criteria take of it, and nothing else. */
static void an_upgrade_adds_what_the_criteria_take_and_no_more(void **state)
{
	static const char *const not [] = {"TLS_AES_128_GCM_SHA256"};
	struct config_tls_side side = {.protocols = CONFIG_BIT(CONFIG_TLS1_2) |
	                                            CONFIG_BIT(CONFIG_TLS1_3),
	                               .key_exchange = CONFIG_BIT(CONFIG_KX_ECDHE),
	                               .authentication = ~0u,
	                               .bulk = CONFIG_BIT(CONFIG_BULK_AES128),
	                               .mac = CONFIG_BIT(CONFIG_MAC_GCM),
	                               .deselected_suites = {not, 1}};
	struct tls_capability old = {.protocols = CONFIG_BIT(CONFIG_TLS1_2), .suites = 0},
	                      now = {.protocols = 0x1f, .suites = ~UINT64_C(0)};
	struct tls_selection before, after;

	(void)state;
	for (size_t i = 0; conf_suite_at(i); i++)
		if (!strcmp(conf_suite_at(i)->openssl, "ECDHE-RSA-AES128-GCM-SHA256"))
			old.suites = UINT64_C(1) << i;
	assert_int_equal(tls_select(&side, &old, &before), 0);
	assert_string_equal(before.list, "ECDHE-RSA-AES128-GCM-SHA256");
	assert_int_equal(tls_select(&side, &now, &after), 0);
	assert_non_null(strstr(after.list, "ECDHE-ECDSA-AES128-GCM-SHA256"));
	assert_null(strstr(after.list, "AES256"));
	assert_null(strstr(after.list, "SHA384"));
	assert_string_equal(after.list13, "");
	side.deselected_suites.count = 0;
	assert_int_equal(tls_select(&side, &now, &after), 0);
	assert_string_equal(after.list13, "TLS_AES_128_GCM_SHA256");
	assert_int_equal(after.max_version, 0x0304);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_probe_finds_what_every_openssl_3_has),
	        cmocka_unit_test(what_the_library_lacks_is_named_and_left_out),
	        cmocka_unit_test(criteria_and_deselection_choose),
	        cmocka_unit_test(an_upgrade_adds_what_the_criteria_take_and_no_more),
	};

	return RUN_TESTS(tests);
}
