/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: found by the hash of their cookie, ended by the clock or by whoever has them. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/base/moment.h"

struct session {
	int64_t id;
	struct person person;
	uint8_t csrf[SECRET_DIGEST_SIZE];
	bool has_csrf;
	int64_t made_ms, used_ms;
};

static int take_session(void *arg, const struct store_row *row)
{
	struct session *session = arg;
	size_t len;
	const void *csrf = store_row_blob(row, 1, &len);

	session->id = store_row_integer(row, 0);
	session->has_csrf = len == sizeof(session->csrf);
	if (session->has_csrf)
		memcpy(session->csrf, csrf, len);
	session->made_ms = store_row_integer(row, 2);
	session->used_ms = store_row_integer(row, 3);
	person_take(row, 4, &session->person);
	return 0;
}

static bool has_ended(const struct session *session, int64_t now_ms)
{
	return now_ms - session->made_ms >= AUTH_SESSION_MAX_S * 1000LL ||
	       now_ms - session->used_ms >= AUTH_SESSION_IDLE_S * 1000LL;
}

static int check_csrf(const struct session *session, const char *csrf)
{
	uint8_t digest[SECRET_DIGEST_SIZE] = {0};

	if (!session->has_csrf || secret_digest("", csrf, digest) != 0 ||
	    CRYPTO_memcmp(digest, session->csrf, sizeof(digest)) != 0)
		return SL_EREFUSED;
	return 0;
}

int session_identify(struct store *store, const char *cookie,
                     const struct auth_credentials *credentials, struct auth_identity *ret_identity)
{
	uint8_t digest[SECRET_DIGEST_SIZE] = {0};
	const struct store_value value = store_blob(digest, sizeof(digest));
	struct session session = {0};
	int64_t now_ms = moment_now_ms();
	int rc = secret_digest("", cookie, digest);

	if (rc == 0)
		rc = store_read(store, STORE_SESSION_BY_SECRET, &value, 1, take_session, &session);
	if (rc != 0)
		return rc;
	if (session.id == 0 || has_ended(&session, now_ms))
		return SL_EPERM;
	if (!credentials->safe)
		rc = check_csrf(&session, credentials->csrf);
	if (rc != 0)
		return rc;
	if (!credentials->again)
		credential_note_use(store, STORE_SESSION_USED, session.id, session.used_ms, now_ms);
	person_identity(&session.person, credentials->from, "session", ret_identity);
	ret_identity->session = session.id;
	return 0;
}

int auth_by_session(struct store *store, const char *cookie, const char *csrf, bool safe,
                    const char *from, struct auth_identity *ret_identity)
{
	const struct auth_credentials credentials = {.csrf = csrf, .safe = safe, .from = from};

	return session_identify(store, cookie, &credentials, ret_identity);
}

static int write_logout(void *arg, struct store_tx *tx)
{
	const struct auth_identity *identity = arg;
	const struct store_value value = store_integer(identity->session);
	struct audit_line line = {
	        .action = "logout", .kind = "person", .name = identity->actor.name};
	int rc = store_tx_run(tx, STORE_SESSION_DROP, &value, 1, NULL, NULL);

	return rc ? rc : audit_add(tx, &identity->actor, &line);
}

int auth_logout(struct store *store, const struct auth_identity *identity)
{
	struct auth_identity copy = *identity;

	/* A token stays until it ends or is withdrawn. */
	return identity->session ? store_write(store, write_logout, &copy) : 0;
}
