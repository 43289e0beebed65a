/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/vault/vault_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "tests/unit/unit.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

#define NO_HEX "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char path[64];

static int begin(void **state)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/sms-key.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd) != 0;
}

static int end(void **state)
{
	(void)unlink(path);
	return 0;
}

static void write_file(const void *bytes, size_t len, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int read_key(uint8_t *key, struct problem *problem)
{
	return source_key(&(struct vault_source){.key_file = path}, NULL, key, problem);
}

static void a_key_file_has_32_bytes_or_64_digits(void **state)
{
	uint8_t raw[VAULT_KEY_SIZE], key[VAULT_KEY_SIZE];
	struct problem problem = {0};

	for (unsigned i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)i;
	write_file(raw, sizeof(raw), 0600);
	assert_int_equal(read_key(key, &problem), 0);
	assert_memory_equal(key, raw, sizeof(raw));
	for (int with_end = 0; with_end < 2; with_end++) {
		memset(key, 0xff, sizeof(key));
		write_file(HEX "\n", 64 + (size_t)with_end, 0400);
		assert_int_equal(read_key(key, &problem), 0);
		assert_memory_equal(key, raw, sizeof(raw));
	}
}

static void anything_else_is_no_key_file(void **state)
{
	static const char *const texts[] = {"", "\n", "x", HEX "0", HEX "\n\n", NO_HEX};
	uint8_t key[VAULT_KEY_SIZE];
	struct problem problem = {0};

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		write_file(texts[i], strlen(texts[i]), 0600);
		assert_int_equal(read_key(key, &problem), SL_EMALFORMED);
		assert_non_null(strstr(problem.items[0].text, path));
		assert_null(strstr(problem.items[0].text, "0102"));
		problem_fini(&problem);
	}
}

static void a_key_file_that_others_can_read_is_refused_with_what_to_do(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601};
	uint8_t key[VAULT_KEY_SIZE];
	struct problem problem = {0};

	for (size_t i = 0; i < SL_ARRAY_LEN(modes); i++) {
		write_file(HEX, 64, modes[i]);
		assert_int_equal(read_key(key, &problem), SL_EPERM);
		assert_non_null(strstr(problem.items[0].remedy, "chmod 0600"));
		problem_fini(&problem);
	}
}

static void a_key_file_of_another_user_is_refused(void **state)
{
	uint8_t key[VAULT_KEY_SIZE];
	struct problem problem = {0};

	/* Only root can give a file away; tests run as root. */
	write_file(HEX, 64, 0600);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(read_key(key, &problem), SL_EPERM);
	problem_fini(&problem);
}

static void a_key_file_that_is_not_there_is_named(void **state)
{
	uint8_t key[VAULT_KEY_SIZE];
	struct problem problem = {0};

	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_key(key, &problem), SL_ENOENT);
	assert_non_null(strstr(problem.items[0].text, path));
	problem_fini(&problem);
}

static void one_source_is_named_not_none_and_not_both(void **state)
{
	const struct vault_source none = {0},
	                          both = {.key_file = path, .passphrase = "twelve bytes"};
	uint8_t key[VAULT_KEY_SIZE], salt[VAULT_SALT_SIZE] = {0};
	struct problem problem = {0};

	assert_int_equal(source_key(&none, salt, key, &problem), SL_EINVAL);
	problem_fini(&problem);
	assert_int_equal(source_key(&both, salt, key, &problem), SL_EINVAL);
	problem_fini(&problem);
}

static void a_passphrase_and_its_salt_make_the_key(void **state)
{
	const struct vault_source source = {.passphrase = "a passphrase of words"};
	uint8_t one[VAULT_KEY_SIZE], same[VAULT_KEY_SIZE], other[VAULT_KEY_SIZE];
	uint8_t salt[VAULT_SALT_SIZE] = "salt";
	struct problem problem = {0};

	assert_int_equal(source_key(&source, salt, one, &problem), 0);
	assert_int_equal(source_key(&source, salt, same, &problem), 0);
	salt[15]++;
	assert_int_equal(source_key(&source, salt, other, &problem), 0);
	assert_memory_equal(one, same, sizeof(one));
	assert_memory_not_equal(one, other, sizeof(one));
}

static void a_short_passphrase_is_refused_and_not_repeated(void **state)
{
	const struct vault_source source = {.passphrase = "eleven-char"};
	uint8_t key[VAULT_KEY_SIZE], salt[VAULT_SALT_SIZE] = {0};
	struct problem problem = {0};

	assert_int_equal(source_key(&source, salt, key, &problem), SL_EINVAL);
	assert_null(strstr(problem.items[0].text, "eleven"));
	problem_fini(&problem);
}

static void a_new_key_file_is_its_owners_alone_and_opens(void **state)
{
	uint8_t key[VAULT_KEY_SIZE], other[VAULT_KEY_SIZE];
	struct problem problem = {0};
	struct stat st;

	assert_int_equal(unlink(path), 0);
	assert_int_equal(vault_key_file_make(path, &problem), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(read_key(key, &problem), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vault_key_file_make(path, &problem), 0);
	assert_int_equal(read_key(other, &problem), 0);
	assert_memory_not_equal(key, other, sizeof(key));
}

static void a_key_file_that_is_there_stays(void **state)
{
	uint8_t key[VAULT_KEY_SIZE];
	struct problem problem = {0};

	write_file(HEX, 64, 0600);
	assert_int_equal(vault_key_file_make(path, &problem), SL_EEXIST);
	problem_fini(&problem);
	assert_int_equal(read_key(key, &problem), 0);
	assert_int_equal(key[31], 0x1f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	        TEST(a_key_file_has_32_bytes_or_64_digits),
	        TEST(anything_else_is_no_key_file),
	        TEST(a_key_file_that_others_can_read_is_refused_with_what_to_do),
	        TEST(a_key_file_of_another_user_is_refused),
	        TEST(a_key_file_that_is_not_there_is_named),
	        TEST(one_source_is_named_not_none_and_not_both),
	        TEST(a_passphrase_and_its_salt_make_the_key),
	        TEST(a_short_passphrase_is_refused_and_not_repeated),
	        TEST(a_new_key_file_is_its_owners_alone_and_opens),
	        TEST(a_key_file_that_is_there_stays),
	};

	return RUN_TESTS(tests);
}
