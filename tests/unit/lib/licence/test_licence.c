/* SPDX-License-Identifier: Apache-2.0 */
/* Licences: what is read and refused, whom they name, what follows on a day; packages. */
#include "lib/licence/licence.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/package/package.h"
#include "tests/unit/unit.h"

enum { DAY_S = 86400 };

static EVP_PKEY *authority, *other;

static int setup(void **state)
{
	authority = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return authority && other ? 0 : -1;
}

static int teardown(void **state)
{
	EVP_PKEY_free(authority);
	EVP_PKEY_free(other);
	return 0;
}

static json_t *read_good(const char *text)
{
	struct conf_errors errs;
	json_t *licence = NULL;

	conf_errors_init(&errs);
	if (licence_read(text, strlen(text), &errs, &licence) != 0)
		fail_msg("%s: %s: %s", text, errs.items[0].pointer, errs.items[0].text);
	conf_errors_fini(&errs);
	return licence;
}

/* ---- what is refused --------------------------------------------------------------------- */

#define ONE(capabilities) "{\"devices\":[{\"name\":\"a\",\"capabilities\":" capabilities "}]}"
#define TERM(days)        ONE("{\"ssl_inspection\":{" days "}}")

static void what_is_wrong_is_named_with_its_place(void **state)
{
	static const struct {
		const char *text, *pointer, *says;
	} cases[] = {
	        {"{}", "", "devices"},
	        {"[]", "", ""},
	        {"{\"devices\":[{\"capabilities\":{}}]}", "/devices/0", "name"},
	        {"{\"devices\":[{\"name\":\"a\"}]}", "/devices/0", "capabilities"},
	        {ONE("{\"ssl_inspektion\":{}}"), "/devices/0/capabilities/ssl_inspektion",
	         "ssl_inspection"},
	        {"{\"devices\":[{\"name\":\"a/b\",\"capabilities\":{}}]}", "/devices/0/name",
	         "no device has such a name"},
	        {"{\"devices\":[{\"name\":\"a\",\"capabilities\":{}},"
	         "{\"name\":\"a\",\"capabilities\":{}}]}",
	         "/devices/1/name", "there already"},
	        {TERM("\"from\":\"2026-02-30\""), "/devices/0/capabilities/ssl_inspection/from",
	         "no day"},
	        {TERM("\"until\":\"2026-1-31\""), "/devices/0/capabilities/ssl_inspection/until",
	         "no day"},
	        {TERM("\"until\":\"tomorrow\""), "/devices/0/capabilities/ssl_inspection/until",
	         "no day"},
	        {TERM("\"until\":\"2026-13-01\""), "/devices/0/capabilities/ssl_inspection/until",
	         "no day"},
	        {TERM("\"until\":\"1969-12-31\""), "/devices/0/capabilities/ssl_inspection/until",
	         "no day"},
	        {TERM("\"from\":\"2026-06-01\",\"until\":\"2026-06-01\""),
	         "/devices/0/capabilities/ssl_inspection/until", "before it begins"},
	        {TERM("\"grace_days\":0"), "/devices/0/capabilities/ssl_inspection/grace_days", ""},
	        {TERM("\"grace_days\":366"), "/devices/0/capabilities/ssl_inspection/grace_days",
	         ""},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct conf_errors errs;
		json_t *licence = NULL;
		const char *text = cases[i].text;

		conf_errors_init(&errs);
		if (licence_read(text, strlen(text), &errs, &licence) == 0)
			fail_msg("taken: %s", text);
		assert_null(licence);
		assert_string_equal(errs.items[0].pointer, cases[i].pointer);
		if (!strstr(errs.items[0].text, cases[i].says) &&
		    !strstr(errs.items[0].remedy, cases[i].says))
			fail_msg("%s: %s (%s)", text, errs.items[0].text, errs.items[0].remedy);
		conf_errors_fini(&errs);
	}
}

/* ---- whom it names ----------------------------------------------------------------------- */

static void a_device_has_its_own_entry_or_everyones(void **state)
{
	json_t *licence = read_good(
	        "{\"devices\":[{\"name\":\"*\",\"capabilities\":{\"categories\":{}}},"
	        "{\"name\":\"edge-1\",\"capabilities\":{\"ssl_inspection\":"
	        "{\"from\":\"2026-01-01\",\"until\":\"2027-01-01\",\"grace_days\":7}}}]}");
	json_t *single = read_good("{\"devices\":[{\"name\":\"edge-1\",\"capabilities\":{}}]}");
	struct licence_terms t;
	char text[64];

	assert_true(licence_find(licence, "edge-1", &t));
	assert_true(t.of[LICENCE_SSL_INSPECTION].given);
	assert_false(t.of[LICENCE_CATEGORIES].given);
	assert_int_equal(t.of[LICENCE_SSL_INSPECTION].from, 1767225600);
	assert_int_equal(t.of[LICENCE_SSL_INSPECTION].until, 1798761600);
	assert_int_equal(t.of[LICENCE_SSL_INSPECTION].grace_days, 7);
	assert_true(licence_find(licence, "edge-2", &t));
	assert_false(t.of[LICENCE_SSL_INSPECTION].given);
	assert_true(t.of[LICENCE_CATEGORIES].given);
	assert_int_equal(t.of[LICENCE_CATEGORIES].grace_days, LICENCE_GRACE_DAYS);
	assert_false(licence_find(single, "edge-2", &t));
	assert_string_equal(licence_names(licence, text, sizeof(text)), "*, edge-1");
	json_decref(licence);
	json_decref(single);
	licence = read_good("{\"devices\":[{\"name\":\"a\",\"capabilities\":{}},"
	                    "{\"name\":\"b\",\"capabilities\":{}},"
	                    "{\"name\":\"c\",\"capabilities\":{}},"
	                    "{\"name\":\"d\",\"capabilities\":{}}]}");
	assert_string_equal(licence_names(licence, text, sizeof(text)), "a, b, c and 1 more");
	json_decref(licence);
}

/* ---- what follows on a day --------------------------------------------------------------- */

static void the_day_decides(void **state)
{
	enum { FROM = 1767225600, UNTIL = 1798761600 }; /* 2026-01-01, 2027-01-01 */
	static const struct licence_term year = {
	        .given = true, .from = FROM, .until = UNTIL, .grace_days = 30};
	static const struct licence_term ever = {.given = true, .grace_days = 30};
	static const struct licence_term none = {.given = false};
	static const struct {
		const struct licence_term *term;
		int64_t now;
		enum licence_state state;
		enum licence_source source;
		bool warn;
		const char *text;
	} cases[] = {
	        {NULL, FROM, LICENCE_DENIED, LICENCE_FROM_NOTHING, true, "no licence is here"},
	        {&none, FROM, LICENCE_DENIED, LICENCE_FROM_NOTHING, true, "does not give it"},
	        {&ever, 1, LICENCE_ALLOWED, LICENCE_FROM_LICENCE, false, "without an end"},
	        {&year, FROM - 1, LICENCE_DENIED, LICENCE_FROM_NOTHING, true,
	         "begins on 2026-01-01"},
	        {&year, FROM, LICENCE_ALLOWED, LICENCE_FROM_LICENCE, false, "until 2027-01-01"},
	        {&year, UNTIL - LICENCE_WARN_DAYS * DAY_S - 1, LICENCE_ALLOWED,
	         LICENCE_FROM_LICENCE, false, "until 2027-01-01"},
	        {&year, UNTIL - LICENCE_WARN_DAYS * DAY_S, LICENCE_ALLOWED, LICENCE_FROM_LICENCE,
	         true, "until 2027-01-01"},
	        {&year, UNTIL - 1, LICENCE_ALLOWED, LICENCE_FROM_LICENCE, true, "2027-01-01"},
	        {&year, UNTIL, LICENCE_ALLOWED, LICENCE_FROM_GRACE, true,
	         "ended on 2027-01-01: it is denied from 2027-01-31 on, in 30 days"},
	        {&year, UNTIL + 30 * DAY_S - 1, LICENCE_ALLOWED, LICENCE_FROM_GRACE, true,
	         "in 1 days"},
	        {&year, UNTIL + 30 * DAY_S, LICENCE_DENIED, LICENCE_FROM_NOTHING, true,
	         "over since 2027-01-31"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct licence_verdict v;

		licence_judge(cases[i].term, cases[i].now, &v);
		if (v.state != cases[i].state || v.source != cases[i].source ||
		    v.warn != cases[i].warn || !strstr(v.text, cases[i].text))
			fail_msg("case %zu: %s by %s, %d: %s", i, licence_state_name(v.state),
			         licence_source_name(v.source), (int)v.warn, v.text);
	}
}

/* What needs a restart is no news where it is denied, and says so behind the longest text. */
static void a_restart_is_asked_for_where_it_is_allowed(void **state)
{
	static const struct licence_term term = {
	        .given = true, .until = 1798761600, .grace_days = LICENCE_GRACE_DAYS_MAX};
	struct licence_verdict v;

	licence_judge(NULL, 1, &v);
	licence_judge_reboot(&v);
	assert_int_equal(v.state, LICENCE_DENIED);
	assert_null(strstr(v.text, "start it again"));
	licence_judge(&term, 1798761600, &v);
	licence_judge_reboot(&v);
	assert_int_equal(v.state, LICENCE_REBOOT);
	assert_int_equal(v.source, LICENCE_FROM_GRACE);
	assert_true(v.warn);
	assert_non_null(strstr(v.text, "in 365 days; tpsd was started without it: start it again"));
	memset(v.text, 'x', sizeof(v.text) - 1);
	licence_judge_reboot(&v);
	assert_int_equal(strlen(v.text), sizeof(v.text) - 1);
	assert_non_null(strstr(v.text, "x; tpsd was started without it: start it again"));
}

static void a_verdict_is_told_in_words(void **state)
{
	static const struct licence_term term = {
	        .given = true, .until = 1798761600, .grace_days = 1};
	struct licence_verdict v;
	enum licence_state s;
	json_t *value;

	licence_judge(&term, 1798761600, &v);
	value = licence_describe(LICENCE_CATEGORIES, &v);
	assert_string_equal(json_string_value(json_object_get(value, "capability")), "categories");
	assert_string_equal(json_string_value(json_object_get(value, "state")), "allowed");
	assert_string_equal(json_string_value(json_object_get(value, "source")), "grace");
	assert_string_equal(json_string_value(json_object_get(value, "until")), "2027-01-01");
	json_decref(value);
	licence_judge_built_in(&v);
	assert_int_equal(v.state, LICENCE_ALLOWED);
	assert_false(v.warn);
	assert_string_equal(licence_source_name(v.source), "built-in");
	assert_int_equal(licence_state_parse("reboot required", &s), 0);
	assert_int_equal(s, LICENCE_REBOOT);
	assert_int_equal(licence_state_parse("Allowed", &s), SL_ENOENT);
}

/* ---- packages ---------------------------------------------------------------------------- */

static void write_package(const char *text, EVP_PKEY *key, struct buf *out)
{
	const struct package_info info = {.name = "L", .version = "1", .created = 1790000000};
	json_t *licence = read_good(text);

	buf_init(out, LICENCE_MAX);
	assert_int_equal(licence_write(&info, licence, key, out), 0);
	json_decref(licence);
}

static void a_package_is_read_by_the_authority_s_keys(void **state)
{
	struct package_keys keys = {.items = {authority}, .count = 1};
	struct package_info info;
	struct licence_terms t;
	struct pki_error err;
	struct buf bytes;
	json_t *licence;

	write_package(TERM("\"until\":\"2027-01-01\""), authority, &bytes);
	assert_int_equal(licence_open(bytes.data, bytes.len, &keys, &info, &licence, &err), 0);
	assert_string_equal(info.name, "L");
	assert_int_equal(info.kind, PACKAGE_LICENCE);
	assert_true(licence_find(licence, "a", &t));
	json_decref(licence);
	buf_fini(&bytes);
	write_package(TERM(""), other, &bytes);
	assert_int_equal(licence_open(bytes.data, bytes.len, &keys, &info, &licence, &err),
	                 SL_EPERM);
	assert_non_null(strstr(err.text, "not signed by the authority"));
	assert_non_null(strstr(err.remedy, "device.licence_keys"));
	/* Without keys it is read all the same. */
	assert_int_equal(licence_open(bytes.data, bytes.len, NULL, &info, &licence, &err), 0);
	json_decref(licence);
	buf_fini(&bytes);
}

static void another_package_is_no_licence(void **state)
{
	struct package_info info = {.kind = PACKAGE_CATEGORIES, .name = "C", .version = "1"};
	const struct package_section text = {"text", "{}", 2};
	const struct package_section wrong = {LICENCE_SECTION, "{\"devices\":1}", 13};
	struct pki_error err;
	struct buf bytes;
	json_t *licence;

	buf_init(&bytes, LICENCE_MAX);
	assert_int_equal(package_write(&info, &text, 1, authority, &bytes), 0);
	assert_int_equal(licence_open(bytes.data, bytes.len, NULL, &info, &licence, &err),
	                 SL_EMISMATCH);
	buf_consume(&bytes, bytes.len);
	info.kind = PACKAGE_LICENCE;
	assert_int_equal(package_write(&info, &text, 1, authority, &bytes), 0);
	assert_int_equal(licence_open(bytes.data, bytes.len, NULL, &info, &licence, &err),
	                 SL_ENOENT);
	buf_consume(&bytes, bytes.len);
	assert_int_equal(package_write(&info, &wrong, 1, authority, &bytes), 0);
	assert_int_not_equal(licence_open(bytes.data, bytes.len, NULL, &info, &licence, &err), 0);
	assert_non_null(strstr(err.text, "/devices"));
	assert_int_equal(licence_open(bytes.data, LICENCE_MAX + 1, NULL, &info, &licence, &err),
	                 SL_ELIMIT);
	buf_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
	        cmocka_unit_test(a_device_has_its_own_entry_or_everyones),
	        cmocka_unit_test(the_day_decides),
	        cmocka_unit_test(a_restart_is_asked_for_where_it_is_allowed),
	        cmocka_unit_test(a_verdict_is_told_in_words),
	        cmocka_unit_test(a_package_is_read_by_the_authority_s_keys),
	        cmocka_unit_test(another_package_is_no_licence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
