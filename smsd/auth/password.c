/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: argon2id in its own encoding, as RFC 9106's second choice of cost with one lane. */
#include "smsd/auth/auth_priv.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"

enum { PASSES = 3, KIB = 64 * 1024, LANES = 1, SALT_SIZE = 16, HASH_SIZE = 32 };

/* What each of our hashes begins with: a row that asks for another cost is not ours, and could ask
 * for all of the memory. */
#define HASH_HEAD "$argon2id$v=19$m=65536,t=3,p=1$"

/* A hash of random bytes by a random salt: nobody's password. */
#define NOBODY HASH_HEAD "Tm9ib2R5IGhhcyB0aGlz$9m0r3sXyV5kq0bqfO8v1dE6gJr2Zt4wYc7uLhA3nPiE"

/* The places are the process's, as the memory is that they bound. */
static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t places_freed = PTHREAD_COND_INITIALIZER;
static unsigned places_taken;

static void place_take(void)
{
	(void)pthread_mutex_lock(&places_lock);
	while (places_taken == AUTH_HASHES_AT_ONCE)
		(void)pthread_cond_wait(&places_freed, &places_lock);
	places_taken++;
	(void)pthread_mutex_unlock(&places_lock);
}

static void place_give(void)
{
	(void)pthread_mutex_lock(&places_lock);
	places_taken--;
	(void)pthread_cond_signal(&places_freed);
	(void)pthread_mutex_unlock(&places_lock);
}

int password_hash(const char *password, char ret_hash[PASSWORD_HASH_MAX])
{
	uint8_t salt[SALT_SIZE];
	int rc;

	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return SL_ECRYPTO;
	place_take();
	rc = argon2id_hash_encoded(PASSES, KIB, LANES, password, strlen(password), salt,
	                           sizeof(salt), HASH_SIZE, ret_hash, PASSWORD_HASH_MAX);
	place_give();
	return rc == ARGON2_OK ? 0 : SL_ENOMEM;
}

int password_verify(const char *hash, const char *password)
{
	bool ours = hash && strncmp(hash, HASH_HEAD, strlen(HASH_HEAD)) == 0;
	int rc;

	place_take();
	rc = argon2id_verify(ours ? hash : NOBODY, password, strlen(password));
	place_give();
	if (rc == ARGON2_MEMORY_ALLOCATION_ERROR)
		return SL_ENOMEM;
	return rc == ARGON2_OK && ours ? 0 : SL_EPERM;
}

/* Of UTF-8, which the request's JSON is. */
static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

int password_check_new(const char *password, const char *old, const char *name,
                       struct problem *problem)
{
	size_t len = characters(password);

	if (len < AUTH_PASSWORD_MIN || len > AUTH_PASSWORD_MAX)
		return problem_add(problem, SL_EINVAL, "/new", "use several words",
		                   "a password has %d to %d characters", AUTH_PASSWORD_MIN,
		                   AUTH_PASSWORD_MAX);
	if (strcasecmp(password, name) == 0)
		return problem_add(problem, SL_EINVAL, "/new", "choose another",
		                   "a password is not the name of whom it is for");
	if (strcmp(password, old) == 0)
		return problem_add(problem, SL_EINVAL, "/new", "choose another",
		                   "this is the password that there is");
	return 0;
}
