/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: people, their passwords (argon2id), sessions of the page and of `sms`, and API tokens.
 * The store has hashes of secrets only. Pool threads: password hashes take 64 MiB and their time,
 * no more than AUTH_HASHES_AT_ONCE run at once, the others wait.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/base/actor.h"

struct problem;
struct store;

enum auth_capability {
#define X(NAME, name, source, help) AUTH_##NAME,
#include "smsd/auth/capability.def"
#undef X
	AUTH_CAPABILITY_END
};

enum {
	AUTH_HASHES_AT_ONCE = 2,
	AUTH_PASSWORD_MIN = 12, /* characters; no rule of composition (NIST SP 800-63B) */
	AUTH_PASSWORD_MAX = 256,
	AUTH_FAILURES_MAX = 10, /* in a row, and the account waits */
	AUTH_LOCKOUT_S = 15 * 60,
	AUTH_SESSION_IDLE_S = 30 * 60,
	AUTH_SESSION_MAX_S = 12 * 3600,
	AUTH_SESSIONS_MAX = 16, /* of one person; the oldest goes */
	AUTH_TOKENS_MAX = 32,   /* of one person */
	AUTH_TOKEN_NAME_MAX = 65,
	AUTH_TOKEN_DAYS = 90, /* where nothing else is asked for */
	AUTH_TOKEN_DAYS_MAX = 366,
	AUTH_USED_STEP_S = 60, /* how exactly it is kept when a session or token was used last */
	AUTH_SECRET_MAX = 96,  /* text of a session's or token's secret, NUL included */
	AUTH_SET_COOKIE_MAX = 192,
};

#define AUTH_COOKIE       "sluice_session"
#define AUTH_FIRST_PERSON "admin"

/* Who a request is from. */
struct auth_identity {
	struct actor actor;
	/* Bits of enum auth_capability: those of the role, a token's cut to its scopes; none as
	 * long as must_change. */
	uint64_t capabilities;
	bool must_change; /* the password, before anything else is served */
	bool all_items;   /* an Administrator, whatever his groups (group.h) */
	int64_t session;  /* row; 0: it came with a token */
};

/* What a login gives; both are shown once. The cookie alone changes nothing: every request that is
 * no GET has to bring the CSRF token in a header too, which another site's page cannot read. */
struct auth_session {
	char cookie[AUTH_SECRET_MAX];
	char csrf[AUTH_SECRET_MAX];
	struct auth_identity identity;
};

/* In sets of capabilities. */
#define AUTH_BIT(NAME) (UINT64_C(1) << AUTH_##NAME)

/* The set with what it implies: who may write configuration may look at it. Every identity, role
 * and token has a set that was closed by this. */
uint64_t auth_capability_closure(uint64_t capabilities);

/* An array of names; NULL: out of memory. */
json_t *auth_capability_list(uint64_t capabilities) SL_MUST;

/* "device_certificates"; NULL past the end. */
const char *auth_capability_name(enum auth_capability capability);

/* SL_ENOENT for a name that is none. */
int auth_capability_parse(const char *name, enum auth_capability *ret_capability)
        SL_NONNULL(1, 2) SL_MUST;

/* What a request brings to say whom it is from: its headers as they came; "" for none. */
struct auth_credentials {
	const char *authorization; /* "Bearer slp1_..." comes before the cookie */
	const char *cookie;        /* all of the header, AUTH_COOKIE somewhere in it */
	const char *csrf;          /* X-Sluice-CSRF */
	bool safe;                 /* the request is a GET */
	bool again;       /* it was asked before, and goes on: no new use of the session or token */
	const char *from; /* the peer's address */
};

/*
 * Whom a request is from, by whichever of the two it brings: the one call for api. SL_EPERM:
 * neither, malformed, none such, ended or withdrawn. SL_EREFUSED: the CSRF token.
 */
int auth_identify(struct store *store, const struct auth_credentials *credentials,
                  struct auth_identity *ret_identity) SL_NONNULL(1, 2, 3) SL_MUST;

/* The header Set-Cookie's value for a session; NULL: one that takes the cookie away. */
void auth_set_cookie(const struct auth_session *session, char ret_text[AUTH_SET_COOKIE_MAX])
        SL_NONNULL(2);

/* Puts a password where its person finds it. 0, or why it could not be kept. */
typedef int auth_keep_fn(void *arg, const char *password);

/*
 * Makes "admin" with a random password, to be changed at the first login, when there is nobody yet;
 * *ret_made tells. `keep` gets the password before the person is there: whoever dies in between
 * leaves a password of nobody, and never somebody without a password. Its code ends the call.
 */
int auth_first_person(struct store *store, auth_keep_fn *keep, void *arg, bool *ret_made)
        SL_NONNULL(1, 2, 4) SL_MUST;

/*
 * SL_EPERM: name or password is wrong, without saying which, in the same time; SL_EAGAIN: locked
 * out (problem->retry_s), whatever the password. Both are audit rows, a login is one. Tokens and
 * sessions that there are go on while the account waits.
 */
int auth_login(struct store *store, const char *name, const char *password, const char *from,
               struct auth_session *ret_session, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5, 6) SL_MUST;

/* Ends the session; nothing for who came with a token. */
int auth_logout(struct store *store, const struct auth_identity *identity) SL_NONNULL(1, 2) SL_MUST;

/* By the session's cookie value; `csrf` must be its token unless `safe` (a GET). SL_EPERM: none
 * such, or ended. SL_EREFUSED: the CSRF token is missing or another's. Moves the idle time on. */
int auth_by_session(struct store *store, const char *cookie, const char *csrf, bool safe,
                    const char *from, struct auth_identity *ret_identity)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;

/* By "slp1_...". SL_EPERM: none such, ended or withdrawn. */
int auth_by_token(struct store *store, const char *token, const char *from,
                  struct auth_identity *ret_identity) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Own password. SL_EPERM: `old` is wrong (counts as a failed login); SL_EAGAIN as
 * with a login; SL_EINVAL: the new one breaks a rule (length, equal to the name or the old one).
 * Ends the person's other sessions. */
int auth_change_password(struct store *store, const struct auth_identity *identity, const char *old,
                         const char *password, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* A token of the caller's own, with a name that no other of theirs has (SL_EEXIST). `scopes`:
 * capabilities, none that it has not (SL_EPERM); `days` 1 to AUTH_TOKEN_DAYS_MAX (SL_ERANGE).
 * SL_EPERM too when the caller came with a token: whoever stole one could make it last. SL_ELIMIT:
 * there are AUTH_TOKENS_MAX. Withdrawing is for both; a new password withdraws none. */
int auth_token_make(struct store *store, const struct auth_identity *identity, const char *name,
                    uint64_t scopes, unsigned days, char ret_token[AUTH_SECRET_MAX],
                    struct problem *problem) SL_NONNULL(1, 2, 3, 6, 7) SL_MUST;
int auth_token_drop(struct store *store, const struct auth_identity *identity, const char *name,
                    struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* By name; as a store_row_fn it calls no function of the store. */
typedef int auth_token_fn(void *arg, const char *name, uint64_t scopes, int64_t made_ms,
                          int64_t ends_ms, int64_t used_ms);
int auth_token_list(struct store *store, const struct auth_identity *identity, auth_token_fn *fn,
                    void *arg) SL_NONNULL(1, 2, 3) SL_MUST;
