/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices need a distribution: found out by the clock, once for all that are alike. */
#include "tests/unit/smsd/push/field.h"

#include <stdio.h>
#include <stdlib.h>

#include "smsd/base/moment.h"
#include "smsd/object/blob.h"

#define SETTINGS "{\"version\":1,\"limits\":{}}"

/* "no"; `ret_since` NULL, or when that began, freed by the caller ("" it is not said). */
static void needs(struct field *f, const char *name, const char *expected, char **ret_since)
{
	json_t *all, *one;
	const char *since;

	assert_int_equal(push_needs(f->place->store, &all), 0);
	one = json_object_get(all, name);
	assert_string_equal(json_string_value(json_object_get(one, "needs_distribution")),
	                    expected);
	since = json_string_value(json_object_get(one, "needs_since"));
	assert_int_equal(since != NULL, strcmp(expected, "yes") == 0);
	if (ret_since)
		*ret_since = strdup(since ? since : "");
	json_decref(all);
}

/* The objects are others than before. */
static void change(struct field *f, const char *proxy)
{
	char sql[512];

	field_documents.proxy = proxy;
	(void)snprintf(sql, sizeof(sql),
	               "INSERT INTO change (time_ms, person, who, kind, object_id, name, revision,"
	               " action) VALUES (%lld, 0, 'x', 'profile', 1, 'p', 1, 'change')",
	               (long long)moment_now_ms());
	field_sql(f, sql);
}

/* Some time after a change. */
static void quiet(struct field *f)
{
	static int64_t s;

	s += 3;
	place_wait(s);
	field_tick(f);
}

/* A distribution, to its end. */
static void give(struct field *f, int64_t device, int64_t revision)
{
	char sha256[BLOB_HEX_MAX];

	(void)field_begin(f, 0, NULL);
	assert_int_equal(field_wanted(f, device, revision - 1, sha256), revision);
	assert_int_equal(field_say(f, device, revision, "in force", sha256, NULL), 0);
	assert_int_equal(field_say(f, device, revision, "confirmed", sha256, NULL), 0);
}

static void test_from_a_change_to_the_distribution(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);
	char *first, *second;

	needs(f, "box", "unknown", NULL); /* it did not say what it has */
	field_tick(f);
	needs(f, "box", "unknown", NULL);
	give(f, box, 1);
	needs(f, "box", "checking", NULL);
	quiet(f);
	needs(f, "box", "no", NULL);
	change(f, "another");
	needs(f, "box", "checking", NULL);
	field_tick(f);
	needs(f, "box", "checking", NULL); /* more may come */
	quiet(f);
	needs(f, "box", "yes", &first);
	change(f, "a third");
	quiet(f);
	needs(f, "box", "yes", &second);
	assert_string_equal(first, second);
	free(first);
	free(second);
	give(f, box, 2);
	quiet(f);
	needs(f, "box", "no", NULL);
	/* A change that changes nothing of this device, and one back to what it has. */
	change(f, "a third");
	quiet(f);
	needs(f, "box", "no", NULL);
}

static void test_what_people_change_of_a_device(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);

	give(f, box, 1);
	quiet(f);
	needs(f, "box", "no", NULL);
	field_sql(f, "UPDATE device SET revision = revision + 1, settings ="
	             " '{\"version\":1,\"limits\":{\"sessions\":7}}'");
	needs(f, "box", "checking", NULL);
	field_tick(f);
	needs(f, "box", "yes", NULL);
	field_sql(f, "UPDATE device SET state = 'revoked'");
	needs(f, "box", "unknown", NULL);
}

/* What somebody brought into force at the box is not what the objects make. */
static void test_what_a_device_changes_itself(void **state)
{
	static const char other[] = "00000000000000000000000000000000"
	                            "00000000000000000000000000000000";
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);

	give(f, box, 1);
	quiet(f);
	assert_int_equal(field_say(f, box, 0, "", other, NULL), 0);
	quiet(f);
	needs(f, "box", "yes", NULL);
}

static void test_none_can_be_made(void **state)
{
	struct field *f = *state;
	int64_t box = field_add_device(f, "box", SETTINGS);

	give(f, box, 1);
	field_documents.refused = "it cannot be";
	change(f, "x");
	quiet(f);
	needs(f, "box", "yes", NULL);
}

/* A hundred that are alike are one document; nothing is made where nothing changed. */
static void test_once_for_all_that_are_alike(void **state)
{
	struct field *f = *state;
	char name[16];
	unsigned made;

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "box%u", i);
		(void)field_add_device(f, name, SETTINGS);
	}
	field_sql(f, "UPDATE device SET document_sha256 = x'00112233445566778899aabbccddeeff"
	             "00112233445566778899aabbccddeeff'");
	change(f, "x");
	made = field_documents.made;
	for (unsigned i = 0; i < 20; i++)
		quiet(f);
	needs(f, "box0", "yes", NULL);
	needs(f, "box99", "yes", NULL);
	assert_in_range(field_documents.made - made, 1, 20);
	made = field_documents.made;
	for (unsigned i = 0; i < 5; i++)
		quiet(f);
	assert_int_equal(field_documents.made, made);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, field_setup, field_teardown)
	const struct CMUnitTest tests[] = {
	        T(test_from_a_change_to_the_distribution), T(test_what_people_change_of_a_device),
	        T(test_what_a_device_changes_itself),      T(test_none_can_be_made),
	        T(test_once_for_all_that_are_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
