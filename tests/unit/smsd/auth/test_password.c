/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/auth/auth_priv.h"

#include <argon2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "tests/unit/unit.h"

int __real_argon2id_verify(const char *hash, const void *password, size_t len);
int __wrap_argon2id_verify(const char *hash, const void *password, size_t len);

static atomic_int at_once, most, calls;
static bool is_fake;
static int answer; /* the library's, of the last call */

int __wrap_argon2id_verify(const char *hash, const void *password, size_t len)
{
	int now = atomic_fetch_add(&at_once, 1) + 1;
	int seen = atomic_load(&most);

	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	atomic_fetch_add(&calls, 1);
	if (is_fake)
		(void)usleep(5000);
	else
		answer = __real_argon2id_verify(hash, password, len);
	atomic_fetch_sub(&at_once, 1);
	return is_fake ? ARGON2_VERIFY_MISMATCH : answer;
}

static int begin(void **state)
{
	at_once = most = calls = 0;
	is_fake = false;
	return 0;
}

static void a_password_is_known_again_by_its_hash_and_no_other_is(void **state)
{
	char hash[PASSWORD_HASH_MAX], again[PASSWORD_HASH_MAX];

	assert_int_equal(password_hash("correct horse battery", hash), 0);
	assert_int_equal(password_hash("correct horse battery", again), 0);
	assert_memory_equal(hash, "$argon2id$v=19$m=65536,t=3,p=1$", 31);
	assert_string_not_equal(hash, again);
	assert_int_equal(password_verify(hash, "correct horse battery"), 0);
	assert_int_equal(password_verify(hash, "correct horse batterz"), SL_EPERM);
}

static void nobodys_password_takes_the_work_of_somebodys(void **state)
{
	assert_int_equal(password_verify(NULL, "correct horse battery"), SL_EPERM);
	/* The hash was made to the end and compared: not refused for its form. */
	assert_int_equal(answer, ARGON2_VERIFY_MISMATCH);
	assert_int_equal(calls, 1);
}

static void a_hash_that_asks_for_another_cost_is_not_run(void **state)
{
	/* 4 TiB of memory; and an empty one, which a damaged row may have. */
	assert_int_equal(
	        password_verify("$argon2id$v=19$m=4294967295,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "x"),
	        SL_EPERM);
	assert_int_equal(answer, ARGON2_VERIFY_MISMATCH);
	assert_int_equal(password_verify("", ""), SL_EPERM);
	assert_int_equal(answer, ARGON2_VERIFY_MISMATCH);
}

static void *verify(void *arg)
{
	for (int i = 0; i < 4; i++)
		if (password_verify(NULL, "x") != SL_EPERM)
			return arg;
	return NULL;
}

static void no_more_than_two_hashes_run_at_once(void **state)
{
	pthread_t threads[8];
	void *failed;

	is_fake = true;
	for (size_t i = 0; i < SL_ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify, threads), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(calls, 32);
	assert_in_range(most, 1, AUTH_HASHES_AT_ONCE);
}

static void a_new_password_has_a_length_counted_in_characters_and_is_new(void **state)
{
	static const char eleven[] = "ä2345678901", twelve[] = "ä23456789012";
	char longest[AUTH_PASSWORD_MAX + 2];
	struct problem problem = {0};

	memset(longest, 'x', sizeof(longest));
	longest[AUTH_PASSWORD_MAX + 1] = '\0';
	assert_int_equal(password_check_new(eleven, "", "admin", &problem), SL_EINVAL);
	assert_string_equal(problem.items[0].pointer, "/new");
	problem_fini(&problem);
	assert_int_equal(password_check_new(longest, "", "admin", &problem), SL_EINVAL);
	problem_fini(&problem);
	longest[AUTH_PASSWORD_MAX] = '\0';
	assert_int_equal(password_check_new(longest, "", "admin", &problem), 0);
	assert_int_equal(password_check_new(twelve, "", "admin", &problem), 0);
	assert_int_equal(password_check_new(twelve, twelve, "admin", &problem), SL_EINVAL);
	problem_fini(&problem);
	assert_int_equal(password_check_new("Administrator", "", "administrator", &problem),
	                 SL_EINVAL);
	problem_fini(&problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(a_password_is_known_again_by_its_hash_and_no_other_is,
	                               begin),
	        cmocka_unit_test_setup(nobodys_password_takes_the_work_of_somebodys, begin),
	        cmocka_unit_test_setup(a_hash_that_asks_for_another_cost_is_not_run, begin),
	        cmocka_unit_test_setup(no_more_than_two_hashes_run_at_once, begin),
	        cmocka_unit_test_setup(a_new_password_has_a_length_counted_in_characters_and_is_new,
	                               begin),
	};

	return RUN_TESTS(tests);
}
