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
	        {REMOTE_STATUS, 200, "whatever it says", 0}, /* nothing is read of it */
	        {REMOTE_KEYS, 200, "bytes", 0},              /* answer_key reads them */
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

static void files_are_whole_rows_of_a_size_that_may_be(void **state)
{
	struct buf rows;
	struct wanted_file *files;
	uint8_t sha256[32] = {9};
	size_t count;

	buf_init(&rows, 4096);
	assert_int_equal(answer_files((const uint8_t *)"", 0, &files, &count), 0);
	assert_int_equal(count, 0);
	free(files);
	assert_int_equal(remote_file_put(&rows, sha256, REMOTE_FILE_MAX), 0);
	sha256[0] = 7;
	assert_int_equal(remote_file_put(&rows, sha256, 0), 0);
	assert_int_equal(answer_files(rows.data, rows.len, &files, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(files[0].sha256[0], 7);
	assert_int_equal(files[1].sha256[0], 9);
	assert_int_equal(files[1].size, REMOTE_FILE_MAX);
	free(files);
	for (size_t cut = 1; cut < REMOTE_FILE_ROW; cut++)
		assert_int_equal(answer_files(rows.data, rows.len - cut, &files, &count),
		                 SL_EMALFORMED);
	rows.len = 0;
	assert_int_equal(remote_file_put(&rows, sha256, REMOTE_FILE_MAX + 1), 0);
	assert_int_equal(answer_files(rows.data, rows.len, &files, &count), SL_EMALFORMED);
	buf_fini(&rows);
}

static void more_files_than_a_document_may_name_are_none(void **state)
{
	const size_t len = (size_t)(REMOTE_FILES_MAX + 1) * REMOTE_FILE_ROW;
	uint8_t *rows = calloc(1, len);
	struct wanted_file *files;
	size_t count;

	assert_int_equal(answer_files(rows, len, &files, &count), SL_EMALFORMED);
	assert_int_equal(answer_files(rows, len - REMOTE_FILE_ROW, &files, &count), 0);
	assert_int_equal(count, REMOTE_FILES_MAX);
	free(files);
	free(rows);
}

static void a_sealed_key_is_no_longer_than_any_key(void **state)
{
	struct remote_keys keys;
	struct answer_key key;
	struct buf bytes;
	uint8_t *room;

	buf_init(&bytes, 64 * 1024);
	assert_int_equal(buf_reserve(&bytes, REMOTE_ENCAPSULATED, &room), 0);
	memset(room, 1, REMOTE_ENCAPSULATED);
	bytes.len = REMOTE_ENCAPSULATED;
	assert_int_equal(remote_key_put(&bytes, REMOTE_KEY_SEALED, REMOTE_SEALED_MAX, &room), 0);
	memset(room, 2, REMOTE_SEALED_MAX);
	assert_int_equal(remote_key_put(&bytes, REMOTE_KEY_SEALED, REMOTE_SEALED_MAX + 1, &room),
	                 0);
	memset(room, 2, REMOTE_SEALED_MAX + 1);
	assert_int_equal(remote_keys_begin(bytes.data, bytes.len, &keys), 0);
	assert_int_equal(answer_key(&keys, &key), 0);
	assert_int_equal(key.encapsulated[0], 1);
	assert_int_equal(key.key.len, REMOTE_SEALED_MAX);
	assert_int_equal(answer_key(&keys, &key), SL_EMALFORMED);
	buf_fini(&bytes);
}

static void what_is_said_of_a_key_is_fit_for_a_log(void **state)
{
	static const char said[] = "no\x1b[2J such\nkey \xc3\xa4\xff";
	char text[ANSWER_TEXT_MAX], *much;

	answer_words(said, sizeof(said) - 1, text);
	assert_string_equal(text, "no [2J such key ???");
	answer_words(said, 2, text);
	assert_string_equal(text, "no");
	much = malloc(2 * ANSWER_TEXT_MAX);
	memset(much, 'x', 2 * ANSWER_TEXT_MAX);
	answer_words(much, 2 * ANSWER_TEXT_MAX, text);
	assert_int_equal(strlen(text), ANSWER_TEXT_MAX - 1);
	free(much);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_no_answer_of_the_call_is_none),
	        cmocka_unit_test(revoked_is_a_403_of_that_type_alone),
	        cmocka_unit_test(what_is_said_of_a_refusal_has_no_control_characters),
	        cmocka_unit_test(a_revision_has_a_digest_and_a_length),
	        cmocka_unit_test(panic_mode_is_by_the_clock_of_the_device),
	        cmocka_unit_test(files_are_whole_rows_of_a_size_that_may_be),
	        cmocka_unit_test(more_files_than_a_document_may_name_are_none),
	        cmocka_unit_test(a_sealed_key_is_no_longer_than_any_key),
	        cmocka_unit_test(what_is_said_of_a_key_is_fit_for_a_log),
	};

	return RUN_TESTS(tests);
}
