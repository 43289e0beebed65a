/* SPDX-License-Identifier: Apache-2.0 */
/* What people do with devices, and what they see. */
#include <stdio.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/device/kit.h"

static int create(struct kit *kit, const char *name)
{
	char token[REMOTE_TOKEN_MAX];
	int rc = device_create(kit->store, &place_actor, name, "", token, kit->problem);

	assert_int_equal(kit->problem->code, rc);
	problem_fini(kit->problem);
	return rc;
}

static json_t *shown(struct kit *kit, const char *name)
{
	struct device device;
	json_t *value;

	assert_int_equal(device_get(kit->store, name, &device, kit->problem), 0);
	assert_int_equal(device_show(&device, moment_now_ms(), &value), 0);
	device_fini(&device);
	return value;
}

static bool is(struct kit *kit, const char *name, const char *key)
{
	json_t *value = shown(kit, name);
	bool yes = json_is_true(json_object_get(value, key));

	json_decref(value);
	return yes;
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", " a", "a ", "a/b", "a\"b", "\xc3\xa4", "a\nb"};
	struct kit *kit = *state;
	char name[CONF_NAME_SHORT + 2];

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_int_equal(create(kit, bad[i]), SL_EINVAL);
	memset(name, 'n', sizeof(name));
	name[CONF_NAME_SHORT + 1] = '\0';
	assert_int_equal(create(kit, name), SL_EINVAL);
	name[CONF_NAME_SHORT] = '\0';
	assert_int_equal(create(kit, name), 0);
	assert_int_equal(create(kit, name), SL_EEXIST);
	assert_int_equal(place_audited(kit->place, "create", name), 1);
}

static int count_device(void *arg, const struct device *device)
{
	int *count = arg;
	char want[8];

	(void)snprintf(want, sizeof(want), "d%d", *count);
	assert_string_equal(device->name, want);
	assert_int_equal(device->state, DEVICE_NEW);
	++*count;
	return 0;
}

static void test_pages(void **state)
{
	struct kit *kit = *state;
	int count = 0;

	for (int i = 0; i < 5; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(create(kit, name), 0);
	}
	assert_int_equal(device_list(kit->store, "", 3, count_device, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(device_list(kit->store, "d2", 100, count_device, &count), 0);
	assert_int_equal(count, 5);
}

static void test_a_change_is_of_what_was_seen(void **state)
{
	struct kit *kit = *state;
	json_t *settings = json_pack("{s:{s:s}}", "device", "contact", "the hall"), *value;
	json_t *wrong = json_pack("{s:{s:s}}", "device", "contract", "the hall");

	assert_int_equal(create(kit, "north"), 0);
	assert_int_equal(
	        device_change(kit->store, &place_actor, "north", 1, wrong, NULL, kit->problem),
	        SL_EINVAL);
	assert_string_equal(kit->problem->items[0].pointer, "/settings/device/contract");
	problem_fini(kit->problem);
	json_decref(wrong);
	assert_int_equal(
	        device_change(kit->store, &place_actor, "north", 1, settings, NULL, kit->problem),
	        0);
	assert_int_equal(
	        device_change(kit->store, &place_actor, "north", 1, NULL, "hall 3", kit->problem),
	        SL_ECONFLICT);
	problem_fini(kit->problem);
	assert_int_equal(
	        device_change(kit->store, &place_actor, "north", 2, NULL, "hall 3", kit->problem),
	        0);
	value = shown(kit, "north");
	assert_int_equal(json_integer_value(json_object_get(value, "revision")), 3);
	assert_string_equal(json_string_value(json_object_get(value, "comment")), "hall 3");
	assert_true(json_equal(json_object_get(value, "settings"), settings));
	json_decref(value);
	json_decref(settings);
	assert_int_equal(
	        device_change(kit->store, &place_actor, "south", 1, NULL, "", kit->problem),
	        SL_ENOENT);
	assert_int_equal(place_audited(kit->place, "change", "north"), 2);
}

static void test_online_is_who_was_heard_of(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	X509 *cert;

	assert_int_equal(create(kit, "south"), 0);
	assert_false(is(kit, "south", "online"));
	cert = kit_device(kit, "north", key);
	assert_true(is(kit, "north", "online"));
	place_wait(DEVICE_SILENT_S + 1);
	assert_false(is(kit, "north", "online"));
	assert_int_equal(kit_identify(kit, cert, NULL), 0);
	assert_true(is(kit, "north", "online"));
	assert_int_equal(device_revoke(kit->store, &place_actor, "north", kit->problem), 0);
	assert_false(is(kit, "north", "online"));
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* A call a minute at most is a write. */
static void test_seen_is_kept_to_the_minute(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	X509 *cert = kit_device(kit, "north", key);
	struct device device;
	int64_t first;

	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), 0);
	first = device.seen_ms;
	device_fini(&device);
	place_wait(DEVICE_SEEN_STEP_S - 10);
	assert_int_equal(device_identify(kit->store, cert, &device), 0);
	assert_int_equal(device.seen_ms, first);
	device_fini(&device);
	place_wait(11);
	assert_int_equal(device_identify(kit->store, cert, &device), 0);
	assert_true(device.seen_ms > first);
	device_fini(&device);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void test_who_is_enrolled_is_not_deleted(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	X509 *cert = kit_device(kit, "north", key);
	struct device device;

	assert_int_equal(device_delete(kit->store, &place_actor, "north", kit->problem), SL_EBUSY);
	problem_fini(kit->problem);
	assert_int_equal(kit_identify(kit, cert, NULL), 0);
	assert_int_equal(device_revoke(kit->store, &place_actor, "north", kit->problem), 0);
	assert_int_equal(device_delete(kit->store, &place_actor, "north", kit->problem), 0);
	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), SL_ENOENT);
	problem_fini(kit->problem);
	assert_int_equal(device_delete(kit->store, &place_actor, "north", kit->problem), SL_ENOENT);
	assert_int_equal(place_audited(kit->place, "revoke", "north"), 1);
	assert_int_equal(place_audited(kit->place, "delete", "north"), 1);
	assert_int_equal(kit_identify(kit, cert, NULL), SL_EREVOKED);
	X509_free(cert);
	EVP_PKEY_free(key);
}

#define DOCUMENT        "{\"a\":1}"
#define DOCUMENT_SHA256 "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
#define OTHER_SHA256    "115abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"

static int tell(struct kit *kit, X509 *cert, json_t *status)
{
	struct device device;
	int rc;

	assert_int_equal(device_identify(kit->store, cert, &device), 0);
	rc = device_told(kit->store, &device, status, kit->problem);
	problem_fini(kit->problem);
	device_fini(&device);
	json_decref(status);
	return rc;
}

static void test_what_a_device_tells(void **state)
{
	struct kit *kit = *state;
	EVP_PKEY *key = kit_key();
	X509 *cert = kit_device(kit, "north", key);
	struct device device;
	json_t *value;

	assert_int_equal(tell(kit, cert,
	                      json_pack("{s:s, s:s, s:{s:i}}", "sha256", DOCUMENT_SHA256,
	                                "document", DOCUMENT, "health", "sessions", 7)),
	                 0);
	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), 0);
	assert_string_equal(device.document, DOCUMENT);
	device_fini(&device);
	value = shown(kit, "north");
	assert_int_equal(
	        json_integer_value(json_object_get(json_object_get(value, "health"), "sessions")),
	        7);
	json_decref(value);
	/* The same one, without its text: that stays. */
	assert_int_equal(tell(kit, cert, json_pack("{s:s}", "sha256", DOCUMENT_SHA256)), 0);
	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), 0);
	assert_string_equal(device.document, DOCUMENT);
	device_fini(&device);
	assert_int_equal(tell(kit, cert, json_pack("{s:s}", "sha256", OTHER_SHA256)), 0);
	assert_int_equal(device_get(kit->store, "north", &device, kit->problem), 0);
	assert_null(device.document);
	assert_int_equal(device.document_sha256[0], 0x11);
	device_fini(&device);
	assert_int_equal(
	        tell(kit, cert,
	             json_pack("{s:s, s:s}", "sha256", OTHER_SHA256, "document", DOCUMENT)),
	        SL_EINVAL);
	assert_int_equal(tell(kit, cert, json_pack("{s:s}", "sha256", "0x12")), SL_EINVAL);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	        TEST(test_names),
	        TEST(test_pages),
	        TEST(test_a_change_is_of_what_was_seen),
	        TEST(test_online_is_who_was_heard_of),
	        TEST(test_seen_is_kept_to_the_minute),
	        TEST(test_who_is_enrolled_is_not_deleted),
	        TEST(test_what_a_device_tells),
#undef TEST
	};

	return RUN_TESTS(tests);
}
