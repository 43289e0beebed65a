/* SPDX-License-Identifier: Apache-2.0 */
/* API tokens: for programs, with a part of what their person may, and with an end. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"

#define MS_PER_DAY (24LL * 3600 * 1000)

struct token {
	int64_t id;
	struct person person;
	uint64_t scopes;
	int64_t ends_ms, used_ms;
};

static int take_token(void *arg, const struct store_row *row)
{
	struct token *token = arg;

	token->id = store_row_integer(row, 0);
	token->scopes = scopes_read(store_row_text(row, 1));
	token->ends_ms = store_row_integer(row, 2);
	token->used_ms = store_row_integer(row, 3);
	person_take(row, 4, &token->person);
	return 0;
}

int token_identify(struct store *store, const char *text,
                   const struct auth_credentials *credentials, struct auth_identity *ret_identity)
{
	uint8_t digest[SECRET_DIGEST_SIZE] = {0};
	const struct store_value value = store_blob(digest, sizeof(digest));
	struct token token = {0};
	int64_t now_ms = moment_now_ms();
	int rc = secret_digest(TOKEN_PREFIX, text, digest);

	if (rc == 0)
		rc = store_read(store, STORE_TOKEN_BY_SECRET, &value, 1, take_token, &token);
	if (rc != 0)
		return rc;
	if (token.id == 0 || now_ms >= token.ends_ms)
		return SL_EPERM;
	if (!credentials->again)
		credential_note_use(store, STORE_TOKEN_USED, token.id, token.used_ms, now_ms);
	person_identity(&token.person, credentials->from, "token", ret_identity);
	ret_identity->capabilities &= token.scopes;
	return 0;
}

int auth_by_token(struct store *store, const char *token, const char *from,
                  struct auth_identity *ret_identity)
{
	const struct auth_credentials credentials = {.from = from};

	return token_identify(store, token, &credentials, ret_identity);
}

static int check_scopes(const struct auth_identity *identity, uint64_t scopes,
                        struct problem *problem)
{
	uint64_t beyond = (scopes | auth_capability_closure(scopes)) & ~identity->capabilities;
	char text[SCOPES_TEXT_MAX];

	if (scopes == 0)
		return problem_add(problem, SL_EINVAL, "/scopes", "name a capability",
		                   "a token without scopes is good for nothing");
	if (beyond == 0)
		return 0;
	scopes_write(beyond, text);
	return problem_add(problem, SL_EPERM, "/scopes", "leave them out",
	                   "you may not give what you have not: %s", text);
}

static int check_make(const struct auth_identity *identity, const char *name, uint64_t scopes,
                      unsigned days, struct problem *problem)
{
	int rc;

	/* Else whoever stole a token could make it last. */
	if (identity->session == 0)
		return problem_add(problem, SL_EPERM, "", "log in with name and password",
		                   "a token cannot make tokens");
	rc = auth_check_name("a token's name", name, AUTH_TOKEN_NAME_MAX - 1, "", problem);
	if (rc == 0 && (days < 1 || days > AUTH_TOKEN_DAYS_MAX))
		rc = problem_add(problem, SL_ERANGE, "/days", "give fewer days",
		                 "a token lasts 1 to %d days", AUTH_TOKEN_DAYS_MAX);
	return rc ? rc : check_scopes(identity, scopes, problem);
}

struct making {
	const struct auth_identity *identity;
	const char *name;
	uint8_t secret[SECRET_DIGEST_SIZE];
	char scopes[SCOPES_TEXT_MAX];
	int64_t made_ms, ends_ms;
};

static int audit_made(const struct making *making, struct store_tx *tx)
{
	char after[SCOPES_TEXT_MAX + 64], ends[MOMENT_TEXT_MAX];
	struct audit_line line = {
	        .action = "create", .kind = "token", .name = making->name, .after = after};

	(void)snprintf(after, sizeof(after), "{\"scopes\":\"%s\",\"ends\":\"%s\"}", making->scopes,
	               moment_text(making->ends_ms, ends));
	return audit_add(tx, &making->identity->actor, &line);
}

static int write_made(void *arg, struct store_tx *tx)
{
	struct making *making = arg;
	const struct store_value values[] = {
	        store_integer(making->identity->actor.person),
	        store_text(making->name),
	        store_blob(making->secret, sizeof(making->secret)),
	        store_text(making->scopes),
	        store_integer(making->made_ms),
	        store_integer(making->ends_ms),
	};
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_TOKEN_COUNT, values, 1, auth_take_integer, &count);

	if (rc == 0 && count >= AUTH_TOKENS_MAX)
		return SL_ELIMIT;
	if (rc == 0)
		rc = store_tx_run(tx, STORE_TOKEN_ADD, values, SL_ARRAY_LEN(values), NULL, NULL);
	return rc ? rc : audit_made(making, tx);
}

static int tell_make(struct problem *problem, int rc, const struct making *making)
{
	if (rc == SL_EEXIST)
		return problem_add(problem, rc, "/name", "choose another, or withdraw that one",
		                   "there is a token '%s'", making->name);
	if (rc == SL_ELIMIT)
		return problem_add(problem, rc, "", "withdraw one that is not needed",
		                   "there are %d tokens of yours", AUTH_TOKENS_MAX);
	return problem_tell(problem, rc);
}

int auth_token_make(struct store *store, const struct auth_identity *identity, const char *name,
                    uint64_t scopes, unsigned days, char ret_token[AUTH_SECRET_MAX],
                    struct problem *problem)
{
	struct making making = {.identity = identity, .name = name, .made_ms = moment_now_ms()};
	char token[AUTH_SECRET_MAX] = "";
	int rc = check_make(identity, name, scopes, days, problem);

	if (rc != 0)
		return rc;
	making.ends_ms = making.made_ms + days * MS_PER_DAY;
	scopes_write(scopes, making.scopes);
	rc = secret_make(TOKEN_PREFIX, token);
	if (rc == 0)
		rc = secret_digest(TOKEN_PREFIX, token, making.secret);
	if (rc == 0)
		rc = store_write(store, write_made, &making);
	if (rc == 0)
		memcpy(ret_token, token, sizeof(token));
	OPENSSL_cleanse(token, sizeof(token));
	return rc ? tell_make(problem, rc, &making) : 0;
}

struct dropping {
	const struct auth_identity *identity;
	const char *name;
};

static int write_drop(void *arg, struct store_tx *tx)
{
	const struct dropping *dropping = arg;
	const struct actor *actor = &dropping->identity->actor;
	const struct store_value values[] = {store_integer(actor->person),
	                                     store_text(dropping->name)};
	struct audit_line line = {.action = "delete", .kind = "token", .name = dropping->name};
	int rc = store_tx_run(tx, STORE_TOKEN_DROP, values, 2, NULL, NULL);

	if (rc == 0 && store_tx_changed(tx) == 0)
		rc = SL_ENOENT;
	return rc ? rc : audit_add(tx, actor, &line);
}

int auth_token_drop(struct store *store, const struct auth_identity *identity, const char *name,
                    struct problem *problem)
{
	struct dropping dropping = {.identity = identity, .name = name};
	int rc = store_write(store, write_drop, &dropping);

	if (rc == SL_ENOENT)
		return problem_add(problem, rc, "", "GET /api/v1/me/tokens lists them",
		                   "you have no token of this name");
	return problem_tell(problem, rc);
}

struct listing {
	auth_token_fn *fn;
	void *arg;
};

static int list_row(void *arg, const struct store_row *row)
{
	const struct listing *listing = arg;

	return listing->fn(listing->arg, store_row_text(row, 0),
	                   scopes_read(store_row_text(row, 1)), store_row_integer(row, 2),
	                   store_row_integer(row, 3), store_row_integer(row, 4));
}

int auth_token_list(struct store *store, const struct auth_identity *identity, auth_token_fn *fn,
                    void *arg)
{
	const struct store_value value = store_integer(identity->actor.person);
	struct listing listing = {.fn = fn, .arg = arg};

	return store_read(store, STORE_TOKEN_LIST, &value, 1, list_row, &listing);
}
