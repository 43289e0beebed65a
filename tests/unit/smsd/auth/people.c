/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/auth/people.h"

#include <argon2.h>
#include <stdio.h>

#include "smsd/base/moment.h"

#define DEAR  "$argon2id$v=19$m=65536,t=3,p=1$"
#define CHEAP "$argon2id$v=19$m=8,t=1,p=1$"

int __real_argon2id_hash_encoded(uint32_t passes, uint32_t kib, uint32_t lanes,
                                 const void *password, size_t len, const void *salt,
                                 size_t salt_len, size_t hash_len, char *text, size_t text_len);
int __wrap_argon2id_hash_encoded(uint32_t passes, uint32_t kib, uint32_t lanes,
                                 const void *password, size_t len, const void *salt,
                                 size_t salt_len, size_t hash_len, char *text, size_t text_len);
int __real_argon2id_verify(const char *text, const void *password, size_t len);
int __wrap_argon2id_verify(const char *text, const void *password, size_t len);

/* Text as it is stored, made at a cost that thirty logins of a test can pay. */
int __wrap_argon2id_hash_encoded(uint32_t passes, uint32_t kib, uint32_t lanes,
                                 const void *password, size_t len, const void *salt,
                                 size_t salt_len, size_t hash_len, char *text, size_t text_len)
{
	char cheap[PASSWORD_HASH_MAX];
	int rc = __real_argon2id_hash_encoded(1, 8, 1, password, len, salt, salt_len, hash_len,
	                                      cheap, sizeof(cheap));

	assert_memory_equal(cheap, CHEAP, strlen(CHEAP));
	(void)snprintf(text, text_len, "%s%s", DEAR, cheap + strlen(CHEAP));
	return rc;
}

int __wrap_argon2id_verify(const char *text, const void *password, size_t len)
{
	char cheap[PASSWORD_HASH_MAX];

	assert_memory_equal(text, DEAR, strlen(DEAR));
	(void)snprintf(cheap, sizeof(cheap), "%s%s", CHEAP, text + strlen(DEAR));
	return __real_argon2id_verify(cheap, password, len);
}

struct adding {
	const char *name, *hash, *role;
	bool must_change;
	int64_t id;
};

static int take_id(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

static int write_person(void *arg, struct store_tx *tx)
{
	struct adding *adding = arg;
	const struct store_value values[] = {
	        store_text(adding->name), store_text(adding->hash),
	        store_text(adding->role), store_integer(adding->must_change),
	        store_integer(0),         store_text("")};

	return store_tx_run(tx, STORE_PERSON_ADD, values, 6, take_id, &adding->id);
}

static int64_t add(struct place *place, struct adding *adding)
{
	static char hash[PASSWORD_HASH_MAX];

	if (hash[0] == '\0')
		assert_int_equal(password_hash(PEOPLE_PASSWORD, hash), 0);
	adding->hash = hash;
	assert_int_equal(store_write(place->store, write_person, adding), 0);
	return adding->id;
}

int64_t people_add(struct place *place, const char *name, bool must_change)
{
	return add(place, &(struct adding){.name = name,
	                                   .role = ROLE_ADMINISTRATOR,
	                                   .must_change = must_change});
}

int64_t people_add_role(struct place *place, const char *name, const char *role)
{
	return add(place, &(struct adding){.name = name, .role = role});
}

struct entering {
	int64_t person;
	const struct auth_session *session;
};

static int write_session(void *arg, struct store_tx *tx)
{
	const struct entering *entering = arg;
	uint8_t cookie[SECRET_DIGEST_SIZE] = {0}, csrf[SECRET_DIGEST_SIZE] = {0};
	int rc = secret_digest("", entering->session->cookie, cookie);
	const struct store_value values[] = {
	        store_integer(entering->person), store_blob(cookie, sizeof(cookie)),
	        store_blob(csrf, sizeof(csrf)), store_text("192.0.2.1"),
	        store_integer(moment_now_ms())};

	rc |= secret_digest("", entering->session->csrf, csrf);
	return rc ? rc : store_tx_run(tx, STORE_SESSION_ADD, values, 5, NULL, NULL);
}

void people_session(struct place *place, int64_t person, struct auth_session *ret_session)
{
	struct entering entering = {person, ret_session};

	assert_int_equal(secret_make("", ret_session->cookie), 0);
	assert_int_equal(secret_make("", ret_session->csrf), 0);
	assert_int_equal(store_write(place->store, write_session, &entering), 0);
	assert_int_equal(auth_by_session(place->store, ret_session->cookie, "", true, "192.0.2.1",
	                                 &ret_session->identity),
	                 0);
}
