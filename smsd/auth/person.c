/* SPDX-License-Identifier: Apache-2.0 */
/* Persons as the store has them, and how a try of their password is judged. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"

static int take_person(void *arg, const struct store_row *row)
{
	struct person *person = arg;

	person->id = store_row_integer(row, 0);
	(void)snprintf(person->name, sizeof(person->name), "%s", store_row_text(row, 1));
	(void)snprintf(person->password, sizeof(person->password), "%s", store_row_text(row, 2));
	(void)snprintf(person->role, sizeof(person->role), "%s", store_row_text(row, 3));
	person->must_change = store_row_integer(row, 4) != 0;
	person->failures = store_row_integer(row, 5);
	person->locked_until_ms = store_row_integer(row, 6);
	person->disabled = store_row_integer(row, 7) != 0;
	(void)snprintf(person->comment, sizeof(person->comment), "%s", store_row_text(row, 8));
	person->revision = store_row_integer(row, 9);
	person->may = role_may(person->role, store_row_text(row, 10));
	return 0;
}

void person_take(const struct store_row *row, unsigned column, struct person *ret_person)
{
	ret_person->id = store_row_integer(row, column);
	(void)snprintf(ret_person->name, ACTOR_NAME_MAX, "%s", store_row_text(row, column + 1));
	(void)snprintf(ret_person->role, ROLE_NAME_MAX, "%s", store_row_text(row, column + 2));
	ret_person->must_change = store_row_integer(row, column + 3) != 0;
	ret_person->may = role_may(ret_person->role, store_row_text(row, column + 4));
}

int person_by_name(struct store *store, const char *name, struct person *ret_person)
{
	const struct store_value value = store_text(name);

	*ret_person = (struct person){0};
	/* Longer than any: it would be looked for, but not be kept whole. */
	if (strlen(name) >= ACTOR_NAME_MAX)
		return 0;
	return store_read(store, STORE_PERSON_BY_NAME, &value, 1, take_person, ret_person);
}

int person_by_name_tx(struct store_tx *tx, const char *name, struct person *ret_person)
{
	const struct store_value value = store_text(name);

	*ret_person = (struct person){0};
	if (strlen(name) >= ACTOR_NAME_MAX)
		return 0;
	return store_tx_run(tx, STORE_PERSON_BY_NAME, &value, 1, take_person, ret_person);
}

int person_by_id(struct store *store, int64_t id, struct person *ret_person)
{
	const struct store_value value = store_integer(id);

	*ret_person = (struct person){0};
	return store_read(store, STORE_PERSON_BY_ID, &value, 1, take_person, ret_person);
}

/* A name as someone typed it: cut where a character begins. */
static void cut_name(const char *name, char text[ACTOR_NAME_MAX])
{
	size_t len = strnlen(name, ACTOR_NAME_MAX);

	if (len == ACTOR_NAME_MAX) {
		len--;
		while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(text, name, len);
	text[len] = '\0';
}

static int audit_attempt(struct store_tx *tx, const struct attempt *attempt, const char *how)
{
	char action[64], name[ACTOR_NAME_MAX];
	struct audit_line line = {.action = action, .kind = "person", .name = name};

	(void)snprintf(action, sizeof(action), "%s %s", attempt->action, how);
	cut_name(attempt->name, name);
	return audit_add(tx, &attempt->actor, &line);
}

static int count_failure(struct store_tx *tx, const struct attempt *attempt,
                         const struct person *now)
{
	bool locks = now->failures + 1 >= AUTH_FAILURES_MAX;
	const struct store_value values[] = {
	        store_integer(now->id), store_integer(locks ? 0 : now->failures + 1),
	        store_integer(locks ? attempt->now_ms + AUTH_LOCKOUT_S * 1000LL : 0)};

	return store_tx_run(tx, STORE_PERSON_TRIED, values, SL_ARRAY_LEN(values), NULL, NULL);
}

/* Tries that were verified side by side before the tenth was counted are refused by the same. */
int person_judge(struct store_tx *tx, struct attempt *attempt)
{
	const struct store_value id = store_integer(attempt->seen->id);
	struct person now = {0};
	int rc = store_tx_run(tx, STORE_PERSON_BY_ID, &id, 1, take_person, &now);

	if (rc != 0)
		return rc;
	if (now.id && now.locked_until_ms > attempt->now_ms) {
		attempt->outcome = SL_EAGAIN;
		attempt->wait_ms = now.locked_until_ms - attempt->now_ms;
		return audit_attempt(tx, attempt, "refused");
	}
	/* As a wrong password, which it is for this account: nothing tells that there is one. */
	if (now.id && now.disabled) {
		attempt->outcome = SL_EPERM;
		return audit_attempt(tx, attempt, "refused");
	}
	if (now.id && attempt->right && strcmp(now.password, attempt->seen->password) == 0) {
		attempt->outcome = 0;
		return 0;
	}
	attempt->outcome = SL_EPERM;
	if (now.id)
		rc = count_failure(tx, attempt, &now);
	return rc ? rc : audit_attempt(tx, attempt, "failed");
}

int person_tell(const struct attempt *attempt, const char *pointer, struct problem *problem)
{
	if (attempt->outcome == SL_EAGAIN) {
		problem->retry_s = (unsigned)((attempt->wait_ms + 999) / 1000);
		return problem_add(problem, SL_EAGAIN, "", "come again then",
		                   "after %d wrong passwords in a row this account waits, %u s yet",
		                   AUTH_FAILURES_MAX, problem->retry_s);
	}
	return problem_add(problem, SL_EPERM, pointer, "check both",
	                   "the name or the password is wrong");
}

void person_identity(const struct person *person, const char *from, const char *via,
                     struct auth_identity *ret_identity)
{
	*ret_identity = (struct auth_identity){
	        .actor = {.person = person->id, .via = via},
	        .must_change = person->must_change,
	        .all_items = strcmp(person->role, ROLE_ADMINISTRATOR) == 0,
	        .capabilities = person->must_change ? 0 : person->may,
	};
	(void)snprintf(ret_identity->actor.name, ACTOR_NAME_MAX, "%s", person->name);
	(void)snprintf(ret_identity->actor.from, ACTOR_FROM_MAX, "%s", from);
}

struct first {
	const char *hash;
	bool made;
};

static int add_first(void *arg, struct store_tx *tx)
{
	struct first *first = arg;
	const struct store_value values[] = {
	        store_text(AUTH_FIRST_PERSON),  store_text(first->hash),
	        store_text(ROLE_ADMINISTRATOR), store_integer(1),
	        store_integer(moment_now_ms()), store_text(""),
	};
	int64_t id = 0;
	struct audit_line line = {.action = "create", .kind = "person", .name = AUTH_FIRST_PERSON};
	int64_t persons = 0;
	int rc = store_tx_run(tx, STORE_PERSON_COUNT, NULL, 0, auth_take_integer, &persons);

	first->made = rc == 0 && persons == 0;
	if (!first->made)
		return rc;
	rc = store_tx_run(tx, STORE_PERSON_ADD, values, SL_ARRAY_LEN(values), auth_take_integer,
	                  &id);
	return rc ? rc : audit_add(tx, &actor_smsd, &line);
}

static int make_first(struct store *store, auth_keep_fn *keep, void *arg, bool *ret_made)
{
	char password[AUTH_SECRET_MAX], hash[PASSWORD_HASH_MAX];
	struct first first = {.hash = hash};
	int rc = secret_make("", password);

	if (rc == 0)
		rc = password_hash(password, hash);
	if (rc == 0)
		rc = keep(arg, password);
	OPENSSL_cleanse(password, sizeof(password));
	if (rc == 0)
		rc = store_write(store, add_first, &first);
	if (rc == 0)
		*ret_made = first.made;
	return rc;
}

int auth_first_person(struct store *store, auth_keep_fn *keep, void *arg, bool *ret_made)
{
	int64_t persons = 0;
	int rc = store_read(store, STORE_PERSON_COUNT, NULL, 0, auth_take_integer, &persons);

	if (rc != 0)
		return rc;
	if (persons == 0)
		return make_first(store, keep, arg, ret_made);
	*ret_made = false;
	return 0;
}
