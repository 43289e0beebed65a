/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile or broken SMS answers, and what of it goes through. */
#include "tpsd/link/answer.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct answer read_one(enum remote_call_id id, long http, const char *body)
{
	struct answer answer;

	answer_read(id, http, body, strlen(body), &answer);
	return answer;
}

static void what_is_no_answer_of_the_call_is_none(void **state)
{
	static const struct {
		enum remote_call_id id;
		long http;
		const char *body;
		int status;
	} rows[] = {
	        {REMOTE_WANTED, 200, "{\"revision\": 3, \"sha256\": \"" DIGITS "\", \"size\": 9}",
	         0},
	        {REMOTE_WANTED, 200, "", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "[]", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "{\"revision\": \"3\"}", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "{\"revision\": -3}", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "{\"revision\": 4294967296}", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "{\"sha256\": \"\"}", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "{\"revision\": 3, \"size\": 99999999999}", SL_EMALFORMED},
	        {REMOTE_WANTED, 200, "{\"revision\": 0, \"panic\": {\"steps\": []}}",
	         SL_EMALFORMED},
	        {REMOTE_WANTED, 200,
	         "{\"revision\": 0, \"panic\": {\"number\": 1, \"steps\": [{\"id\": 1, \"step\": "
	         "4}]}}",
	         SL_EMALFORMED},
	        {REMOTE_KEYS, 200, "{\"keys\": [{\"encapsulated\": \"\"}]}", SL_EMALFORMED},
	        {REMOTE_FILES, 200, "{\"files\": 7}", SL_EMALFORMED},
	        {REMOTE_STATUS, 200, "whatever it says", 0}, /* nothing is read of it */
	        {REMOTE_WANTED, 404, "no", SL_ENOENT},
	        {REMOTE_WANTED, 500, "", SL_EAGAIN},
	        {REMOTE_WANTED, 429, "", SL_EAGAIN},
	        {REMOTE_WANTED, 302, "", SL_EREFUSED},
	        {REMOTE_WANTED, 0, "", SL_EREFUSED},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		struct answer a = read_one(rows[i].id, rows[i].http, rows[i].body);

		if (a.status != rows[i].status)
			fail_msg("row %zu: %d, not %d", i, a.status, rows[i].status);
		assert_true(a.status == 0 || a.text[0]);
		assert_false(a.revoked);
		answer_fini(&a);
	}
}

/* Everything else takes nothing from a device. */
static void revoked_is_a_403_of_that_type_alone(void **state)
{
	static const struct {
		long http;
		const char *body;
		bool revoked;
	} rows[] = {
	        {403, "{\"type\": \"urn:sluice:revoked\", \"title\": \"revoked\"}", true},
	        {401, "{\"type\": \"urn:sluice:revoked\"}", false},
	        {200, "{\"type\": \"urn:sluice:revoked\"}", false},
	        {403, "{\"type\": \"urn:sluice:perm\"}", false},
	        {403, "{\"type\": \"revoked-not\"}", false},
	        {403, "{\"title\": \"urn:sluice:revoked\"}", false},
	        {403, "urn:sluice:revoked", false},
	        {403, "", false},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		struct answer a = read_one(REMOTE_WANTED, rows[i].http, rows[i].body);

		assert_int_equal(a.revoked, rows[i].revoked);
		assert_int_not_equal(a.status, 0);
		answer_fini(&a);
	}
}

static void what_is_said_of_a_refusal_has_no_control_characters(void **state)
{
	struct answer a =
	        read_one(REMOTE_ENROL, 403, "{\"detail\": \"no\\u001b[2J such\\ntoken\"}");

	assert_non_null(strstr(a.text, "no [2J such token"));
	answer_fini(&a);
}

static int wanted_of(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);
	struct wanted w;
	int rc = answer_wanted(value, &w);

	json_decref(value);
	return rc;
}

static void a_revision_has_a_digest_and_a_length(void **state)
{
	assert_int_equal(wanted_of("{\"revision\": 0}"), 0);
	assert_int_equal(wanted_of("{\"revision\": 1, \"size\": 1, \"sha256\": \"" DIGITS "\"}"),
	                 0);
	assert_int_equal(wanted_of("{\"revision\": 1, \"size\": 0, \"sha256\": \"" DIGITS "\"}"),
	                 SL_EMALFORMED);
	assert_int_equal(wanted_of("{\"revision\": 1, \"size\": 1, \"sha256\": \"" DIGITS "0\"}"),
	                 SL_EMALFORMED);
	assert_int_equal(wanted_of("{\"revision\": 1, \"size\": 1}"), SL_EMALFORMED);
}

static void panic_mode_is_by_the_clock_of_the_device(void **state)
{
	static const struct {
		const char *wanted, *steps;
		unsigned number;
	} rows[] = {
	        {"{\"revision\": 0}", "[]", 0}, /* an SMS that does not know of it */
	        {"{\"revision\": 0, \"panic\": {\"number\": 7, \"steps\": []}}", "[]", 7},
	        {"{\"revision\": 0, \"panic\": {\"number\": 8, \"steps\": [{\"id\": 3, \"step\": "
	         "2}]}}",
	         "[{\"step\":2,\"what\":\"\",\"value\":\"\",\"until_us\":0}]", 8},
	        {"{\"revision\": 0, \"panic\": {\"number\": 9, \"steps\": [{\"id\": 3, \"step\": 1,"
	         "\"what\": \"client\", \"value\": \"10.0.0.7\", \"left_ms\": 2000}]}}",
	         "[{\"step\":1,\"what\":\"client\",\"value\":\"10.0.0.7\",\"until_us\":3000000}]",
	         9},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		struct answer a = read_one(REMOTE_WANTED, 200, rows[i].wanted);
		uint64_t number;
		char *steps;

		assert_int_equal(a.status, 0);
		assert_int_equal(answer_panic(a.value, 1000000, &number, &steps), 0);
		assert_int_equal(number, rows[i].number);
		assert_string_equal(steps, rows[i].steps);
		free(steps);
		answer_fini(&a);
	}
}

static void a_name_of_a_file_is_a_digest_and_nothing_else(void **state)
{
	static const char *const bad[] = {
	        "{\"files\": [{\"sha256\": \"../../../../etc/cron.d/x\", \"size\": 1}]}",
	        "{\"files\": [{\"sha256\": \"" DIGITS "\", \"size\": 268435457}]}",
	        "{\"files\": [{\"size\": 1}]}",
	};
	struct wanted_file *files;
	size_t count;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		json_t *value = json_loads(bad[i], 0, NULL);

		assert_int_equal(answer_files(value, &files, &count), SL_EMALFORMED);
		json_decref(value);
	}
}

static void a_sealed_key_is_base64_of_the_right_lengths(void **state)
{
#define ENC       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY(more) "{\"keys\": [{\"id\": \"" DIGITS "\"" more "}]}"
	static const struct {
		const char *text;
		int status;
		size_t len;
	} rows[] = {
	        {KEY(", \"encapsulated\": \"" ENC "\", \"sealed\": \"AAEC\""), 0, 3},
	        {KEY(", \"refused\": \"no\""), 0, 0},
	        {KEY(""), SL_EMALFORMED, 0},
	        {KEY(", \"encapsulated\": \"AAEC\", \"sealed\": \"AAEC\""), SL_EMALFORMED, 0},
	        {KEY(", \"encapsulated\": \"" ENC "\", \"sealed\": \"AAE\""), SL_EMALFORMED, 0},
	        {KEY(", \"encapsulated\": \"" ENC "\", \"sealed\": \"====\""), SL_EMALFORMED, 0},
	        {KEY(", \"encapsulated\": \"" ENC "\", \"sealed\": \"A-_B\""), SL_EMALFORMED, 0},
	};
	struct sealed s;

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		json_t *value = json_loads(rows[i].text, 0, NULL);

		if (answer_key(value, 0, &s) != rows[i].status)
			fail_msg("row %zu", i);
		if (rows[i].status == 0)
			assert_int_equal(s.len, rows[i].len);
		assert_int_equal(answer_key(value, 1, &s), SL_ENOENT);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_no_answer_of_the_call_is_none),
	        cmocka_unit_test(revoked_is_a_403_of_that_type_alone),
	        cmocka_unit_test(what_is_said_of_a_refusal_has_no_control_characters),
	        cmocka_unit_test(a_revision_has_a_digest_and_a_length),
	        cmocka_unit_test(panic_mode_is_by_the_clock_of_the_device),
	        cmocka_unit_test(a_name_of_a_file_is_a_digest_and_nothing_else),
	        cmocka_unit_test(a_sealed_key_is_base64_of_the_right_lengths),
	};

	return RUN_TESTS(tests);
}
