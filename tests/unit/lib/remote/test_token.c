/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/remote/token.h"

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct remote_token example(void)
{
	struct remote_token token;

	for (size_t i = 0; i < sizeof(token.id); i++)
		token.id[i] = (uint8_t)(7 * i + 1);
	for (size_t i = 0; i < sizeof(token.secret); i++)
		token.secret[i] = (uint8_t)(251 * i + 3);
	for (size_t i = 0; i < sizeof(token.pin); i++)
		token.pin[i] = (uint8_t)(131 * i + 250);
	return token;
}

static bool equal(const struct remote_token *a, const struct remote_token *b)
{
	return memcmp(a->id, b->id, sizeof(a->id)) == 0 &&
	       memcmp(a->secret, b->secret, sizeof(a->secret)) == 0 &&
	       memcmp(a->pin, b->pin, sizeof(a->pin)) == 0;
}

static void test_what_is_written_is_read(void **state)
{
	struct remote_token token = example(), read;
	char text[REMOTE_TOKEN_MAX], padded[REMOTE_TOKEN_MAX + 8];

	remote_token_format(&token, text);
	assert_int_equal(strncmp(text, "slt1.", 5), 0);
	/* 9, 32 and 32 bytes: 12, 43 and 43 characters. */
	assert_int_equal(strlen(text), 4 + 1 + 12 + 1 + 43 + 1 + 43);
	assert_int_equal(remote_token_parse(text, &read), 0);
	assert_true(equal(&token, &read));
	(void)snprintf(padded, sizeof(padded), " \t%s\r\n", text);
	assert_int_equal(remote_token_parse(padded, &read), 0);
	assert_true(equal(&token, &read));
}

static void test_all_zeros_and_all_ones(void **state)
{
	for (int byte = 0; byte <= 0xff; byte += 0xff) {
		struct remote_token token, read;
		char text[REMOTE_TOKEN_MAX];

		memset(&token, byte, sizeof(token));
		remote_token_format(&token, text);
		assert_int_equal(remote_token_parse(text, &read), 0);
		assert_true(equal(&token, &read));
	}
}

/* A changed character makes no token, or another one; never the same: it has one spelling. */
static void test_each_character_counts(void **state)
{
	struct remote_token token = example(), read;
	char text[REMOTE_TOKEN_MAX];
	size_t len, refused = 0, others = 0;

	remote_token_format(&token, text);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		for (int c = 1; c <= 0xff; c++) {
			bool edge = (i == 0 || i == len - 1) && strchr(" \t\n\v\f\r", c);

			if ((char)c == was || edge)
				continue;
			text[i] = (char)c;
			if (remote_token_parse(text, &read) != 0) {
				refused++;
				continue;
			}
			assert_non_null(strchr(alphabet, c));
			assert_false(equal(&token, &read));
			others++;
		}
		text[i] = was;
	}
	assert_true(refused > 0);
	assert_true(others > 0);
}

static void test_each_length_is_refused(void **state)
{
	struct remote_token token = example(), read = {.id = {1}}, before = read;
	char text[REMOTE_TOKEN_MAX], cut[REMOTE_TOKEN_MAX + 1];
	size_t len;

	remote_token_format(&token, text);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		memcpy(cut, text, i);
		cut[i] = '\0';
		assert_int_equal(remote_token_parse(cut, &read), SL_EMALFORMED);
	}
	for (size_t i = 0; i <= len; i++) {
		(void)snprintf(cut, sizeof(cut), "%.*sA%s", (int)i, text, text + i);
		assert_int_equal(remote_token_parse(cut, &read), SL_EMALFORMED);
	}
	assert_true(equal(&read, &before));
}

static void test_what_is_no_token(void **state)
{
	static const char *const texts[] = {
	        "", " ", ".", "...", "slt1", "slt1.", "slt1...", "slt2.AQ.AQ.AQ", "slt1.AQ.AQ.AQ",
	};
	struct remote_token read;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(remote_token_parse(texts[i], &read), SL_EMALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_is_written_is_read),
	        cmocka_unit_test(test_all_zeros_and_all_ones),
	        cmocka_unit_test(test_each_character_counts),
	        cmocka_unit_test(test_each_length_is_refused),
	        cmocka_unit_test(test_what_is_no_token),
	};

	return RUN_TESTS(tests);
}
