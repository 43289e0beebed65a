/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base64.h"

#include "lib/base/err.h"
#include "tests/unit/unit.h"

/* RFC 4648, section 10; and two bytes of the characters in which the alphabets differ. */
static const struct {
	const char *bytes, *text, *url;
} known[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff", "+/8=", "-_8"},
};

static void what_is_known_is_written_and_read(void **state)
{
	char text[16], bytes[16];
	size_t read;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(known); i++) {
		size_t len = strlen(known[i].bytes), chars = strlen(known[i].text);

		assert_int_equal(base64_encode(known[i].bytes, len, text), chars);
		assert_int_equal(BASE64_CHARS(len), chars);
		assert_string_equal(text, known[i].text);
		assert_int_equal(base64_decode(text, chars, bytes, len, &read), 0);
		assert_int_equal(read, len);
		assert_memory_equal(bytes, known[i].bytes, len);

		chars = strlen(known[i].url);
		assert_int_equal(base64url_encode(known[i].bytes, len, text), chars);
		assert_int_equal(BASE64URL_CHARS(len), chars);
		assert_string_equal(text, known[i].url);
		memset(bytes, 0, sizeof(bytes));
		assert_int_equal(base64url_decode(text, chars, bytes, len), 0);
		assert_memory_equal(bytes, known[i].bytes, len);
	}
}

/* Each pair of bytes at each place of a group. */
static void what_is_written_is_read(void **state)
{
	uint8_t bytes[5] = {0}, read[5];
	char text[BASE64_CHARS(sizeof(bytes)) + 1];
	size_t len, chars;

	(void)state;
	for (unsigned pair = 0; pair <= 0xffff; pair++) {
		size_t at = pair % 4;

		memset(bytes, (int)(pair % 251), sizeof(bytes));
		bytes[at] = (uint8_t)(pair >> 8);
		bytes[at + 1] = (uint8_t)pair;
		chars = base64_encode(bytes, sizeof(bytes), text);
		assert_int_equal(base64_decode(text, chars, read, sizeof(read), &len), 0);
		assert_int_equal(len, sizeof(bytes));
		assert_memory_equal(read, bytes, len);
		chars = base64url_encode(bytes, sizeof(bytes), text);
		assert_int_equal(base64url_decode(text, chars, read, sizeof(read)), 0);
		assert_memory_equal(read, bytes, len);
	}
}

static void what_is_no_base64_is_refused(void **state)
{
	static const char *const texts[] = {
	        "Z",        "Zg",       "Zg=",      "=",        "==",         "===",
	        "====",     "Z===",     "Z=g=",     "=Zg=",     "Zg==Zg==",   "Zm8=Zm8=",
	        "Zm9v====", "Zm9v=",    "Zm9v\n",   "Zm 9",     " Zm9",       "Zm9 ",
	        "Zm\n9",    "Zm9v\r\n", "-_8=",     "Zh==",     "Zm9=",       "Zm9*",
	        "Zm9\xc3",  "Zm9\x80",  "Zm9\x01x", "Zm9vYmF=", "Zm9v\nYmFy", "\tZm9vYm\n",
	};
	size_t len = 77;
	char bytes[16];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		if (base64_decode(texts[i], strlen(texts[i]), bytes, sizeof(bytes), &len) !=
		    SL_EMALFORMED)
			fail_msg("%s", texts[i]);
	assert_int_equal(base64_decode("Zm\0v", 4, bytes, sizeof(bytes), &len), SL_EMALFORMED);
	assert_int_equal(len, 77);
}

static void no_more_is_written_than_there_is_room(void **state)
{
	char bytes[4] = "xxx";
	size_t len = 77;

	(void)state;
	assert_int_equal(base64_decode("Zm9v", 4, bytes, 2, &len), SL_ELIMIT);
	assert_int_equal(base64_decode("Zg==", 4, bytes, 0, &len), SL_ELIMIT);
	assert_int_equal(len, 77);
	assert_string_equal(bytes, "xxx");
	assert_int_equal(base64_decode("Zm8=", 4, bytes, 2, &len), 0);
	assert_string_equal(bytes, "fox");
}

static void what_is_no_base64url_of_that_many_bytes_is_refused(void **state)
{
	static const char *const texts[] = {
	        "",    "Z",    "Zm",  "Zm8=", "Zm9v", "Zm9",    "Z 8",
	        "+/8", "Zm\n", "Z=8", " m8",  "Zm+",  "Zm\xc3", "Zm8\n",
	};
	char bytes[3] = "";

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		if (base64url_decode(texts[i], strlen(texts[i]), bytes, 2) != SL_EMALFORMED)
			fail_msg("%s", texts[i]);
	assert_int_equal(base64url_decode("Z\0"
	                                  "8",
	                                  3, bytes, 2),
	                 SL_EMALFORMED);
	assert_int_equal(base64url_decode("Zm8", 3, bytes, 2), 0);
	assert_string_equal(bytes, "fo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_known_is_written_and_read),
	        cmocka_unit_test(what_is_written_is_read),
	        cmocka_unit_test(what_is_no_base64_is_refused),
	        cmocka_unit_test(no_more_is_written_than_there_is_room),
	        cmocka_unit_test(what_is_no_base64url_of_that_many_bytes_is_refused),
	};

	return RUN_TESTS(tests);
}
