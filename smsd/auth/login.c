/* SPDX-License-Identifier: Apache-2.0 */
/* What takes a password: logging in, and changing one's own. */
#include <openssl/crypto.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"

struct login {
	struct attempt attempt;
	const char *from;
	uint8_t cookie[SECRET_DIGEST_SIZE], csrf[SECRET_DIGEST_SIZE];
	int64_t session; /* row, made here */
};

/* Those that ended are of no use, and of those that have not the oldest go beyond the limit. */
static int drop_old_sessions(struct store_tx *tx, int64_t person, int64_t now_ms)
{
	const struct store_value ended[] = {store_integer(person),
	                                    store_integer(now_ms - AUTH_SESSION_MAX_S * 1000LL),
	                                    store_integer(now_ms - AUTH_SESSION_IDLE_S * 1000LL)};
	const struct store_value oldest[] = {store_integer(person),
	                                     store_integer(AUTH_SESSIONS_MAX)};
	int rc = store_tx_run(tx, STORE_SESSION_DROP_ENDED, ended, SL_ARRAY_LEN(ended), NULL, NULL);

	return rc ? rc : store_tx_run(tx, STORE_SESSION_DROP_OLDEST, oldest, 2, NULL, NULL);
}

static int add_session(struct login *login, struct store_tx *tx)
{
	int64_t person = login->attempt.seen->id, now_ms = login->attempt.now_ms;
	const struct store_value values[] = {
	        store_integer(person),
	        store_blob(login->cookie, sizeof(login->cookie)),
	        store_blob(login->csrf, sizeof(login->csrf)),
	        store_text(login->attempt.actor.from),
	        store_integer(now_ms),
	};
	int rc = store_tx_run(tx, STORE_SESSION_ADD, values, SL_ARRAY_LEN(values),
	                      auth_take_integer, &login->session);

	return rc ? rc : drop_old_sessions(tx, person, now_ms);
}

static int note_entered(struct store_tx *tx, const struct attempt *attempt)
{
	const struct store_value values[] = {store_integer(attempt->seen->id),
	                                     store_integer(attempt->now_ms)};

	return store_tx_run(tx, STORE_PERSON_ENTERED, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int write_login(void *arg, struct store_tx *tx)
{
	struct login *login = arg;
	struct attempt *attempt = &login->attempt;
	struct audit_line line = {.action = "login", .kind = "person", .name = attempt->seen->name};
	struct actor actor = attempt->actor;
	int rc = person_judge(tx, attempt);

	if (rc != 0 || attempt->outcome != 0)
		return rc;
	actor.person = attempt->seen->id;
	memcpy(actor.name, attempt->seen->name, sizeof(actor.name));
	rc = note_entered(tx, attempt);
	if (rc == 0)
		rc = add_session(login, tx);
	return rc ? rc : audit_add(tx, &actor, &line);
}

static int make_secrets(struct auth_session *session, struct login *login)
{
	int rc = secret_make("", session->cookie);

	if (rc == 0)
		rc = secret_make("", session->csrf);
	if (rc == 0)
		rc = secret_digest("", session->cookie, login->cookie);
	return rc ? rc : secret_digest("", session->csrf, login->csrf);
}

static int log_in(struct store *store, const struct person *person, const char *password,
                  struct login *login, struct auth_session *session, struct problem *problem)
{
	int rc = password_verify(person->id ? person->password : NULL, password);

	if (rc != 0 && rc != SL_EPERM)
		return problem_tell(problem, rc);
	login->attempt.right = rc == 0;
	rc = make_secrets(session, login);
	if (rc == 0) {
		login->attempt.now_ms = moment_now_ms();
		rc = store_write(store, write_login, login);
	}
	if (rc != 0)
		return problem_tell(problem, rc);
	return login->attempt.outcome ? person_tell(&login->attempt, "", problem) : 0;
}

int auth_login(struct store *store, const char *name, const char *password, const char *from,
               struct auth_session *ret_session, struct problem *problem)
{
	struct auth_session session = {0};
	struct person person;
	struct login login = {.attempt = {.seen = &person, .name = name, .action = "login"}};
	int rc = person_by_name(store, name, &person);

	if (rc != 0)
		return problem_tell(problem, rc);
	login.attempt.actor.via = "login";
	(void)snprintf(login.attempt.actor.from, ACTOR_FROM_MAX, "%s", from);
	rc = log_in(store, &person, password, &login, &session, problem);
	if (rc == 0) {
		person_identity(&person, from, "session", &session.identity);
		session.identity.session = login.session;
		*ret_session = session;
	}
	OPENSSL_cleanse(&session, sizeof(session));
	OPENSSL_cleanse(&person, sizeof(person));
	return rc;
}

struct change {
	struct attempt attempt;
	const char *hash; /* the new one; NULL when the old password is wrong already */
	int64_t session;  /* that stays */
};

static int write_change(void *arg, struct store_tx *tx)
{
	struct change *change = arg;
	struct attempt *attempt = &change->attempt;
	struct audit_line line = {
	        .action = "change password", .kind = "person", .name = attempt->name};
	const struct store_value values[] = {store_integer(attempt->seen->id),
	                                     store_text(change->hash)};
	const struct store_value others[] = {store_integer(attempt->seen->id),
	                                     store_integer(change->session)};
	int rc = person_judge(tx, attempt);

	if (rc != 0 || attempt->outcome != 0)
		return rc;
	rc = store_tx_run(tx, STORE_PERSON_PASSWORD, values, 2, NULL, NULL);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_SESSION_DROP_OTHERS, others, 2, NULL, NULL);
	return rc ? rc : audit_add(tx, &attempt->actor, &line);
}

static int change_password(struct store *store, struct change *change, const char *old,
                           const char *password, struct problem *problem)
{
	char hash[PASSWORD_HASH_MAX];
	int rc = password_verify(change->attempt.seen->password, old);

	change->attempt.right = rc == 0;
	if (rc == 0) {
		rc = password_hash(password, hash);
		change->hash = hash;
	}
	if (rc != 0 && rc != SL_EPERM)
		return problem_tell(problem, rc);
	change->attempt.now_ms = moment_now_ms();
	rc = store_write(store, write_change, change);
	if (rc != 0)
		return problem_tell(problem, rc);
	return change->attempt.outcome ? person_tell(&change->attempt, "/old", problem) : 0;
}

int auth_change_password(struct store *store, const struct auth_identity *identity, const char *old,
                         const char *password, struct problem *problem)
{
	struct person person;
	struct change change = {.attempt = {.seen = &person,
	                                    .name = identity->actor.name,
	                                    .action = "password change",
	                                    .actor = identity->actor},
	                        .session = identity->session};
	int rc = password_check_new(password, old, identity->actor.name, problem);

	if (rc != 0)
		return rc;
	rc = person_by_id(store, identity->actor.person, &person);
	if (rc != 0)
		return problem_tell(problem, rc);
	rc = change_password(store, &change, old, password, problem);
	OPENSSL_cleanse(&person, sizeof(person));
	return rc;
}
