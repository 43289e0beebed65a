/* SPDX-License-Identifier: Apache-2.0 */
/* Inside smsd/auth: hashes, secrets, persons. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smsd/auth/auth.h"
#include "smsd/store/store.h"

enum {
	PASSWORD_HASH_MAX = 128, /* argon2id in its own encoding, NUL included */
	SECRET_BYTES = 32,
	SECRET_CHARS = 43, /* of them in base64url */
	SECRET_DIGEST_SIZE = 32,
	ROLE_NAME_MAX = 65,
	SCOPES_TEXT_MAX = 2048,
};

#define TOKEN_PREFIX "slp1_"

/* password.c. Each of the two waits for one of AUTH_HASHES_AT_ONCE places. SL_ENOMEM, SL_ECRYPTO.
 */
int password_hash(const char *password, char ret_hash[PASSWORD_HASH_MAX]) SL_NONNULL(1, 2) SL_MUST;

/* SL_EPERM: not this password, or no hash of ours; `hash` NULL (nobody has that name) takes the
 * same time and is SL_EPERM. SL_ENOMEM. */
int password_verify(const char *hash, const char *password) SL_NONNULL(2) SL_MUST;

/* SL_EINVAL. */
int password_check_new(const char *password, const char *old, const char *name,
                       struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* secret.c. PREFIX and 32 random bytes in base64url. SL_ECRYPTO. */
int secret_make(const char *prefix, char ret_text[AUTH_SECRET_MAX]) SL_NONNULL(1, 2) SL_MUST;

/* SHA-256 of a secret's text, which is all that the store has. SL_EPERM: it cannot be one. */
int secret_digest(const char *prefix, const char *text, uint8_t ret_digest[SECRET_DIGEST_SIZE])
        SL_NONNULL(1, 2, 3) SL_MUST;

/* credential.c. Which secret the headers have; wipe it. SL_EPERM: none, or malformed. */
struct credential {
	bool is_token; /* else a session's cookie */
	char text[AUTH_SECRET_MAX];
};
int credential_read(const char *authorization, const char *cookie,
                    struct credential *ret_credential) SL_NONNULL(1, 2, 3) SL_MUST;

/* capability.c. Bits of all that there is, of a role by its name (0: no such role), and scopes as
 * the store has them: names with a space between. Names it does not know are passed over. */
uint64_t capability_all(void);
/* With VIEW_CONFIGURATION where one of the capabilities is of no use without looking: the one rule
 * of it, which auth_identify applies to whatever a role, a group or a token's scopes have left. */
uint64_t capability_with_view(uint64_t capabilities);
uint64_t role_capabilities(const char *name) SL_NONNULL(1);
void scopes_write(uint64_t scopes, char ret_text[SCOPES_TEXT_MAX]) SL_NONNULL(2);
uint64_t scopes_read(const char *text) SL_NONNULL(1);

/* person.c. A row of `person`. */
struct person {
	int64_t id; /* 0: there is none */
	char name[ACTOR_NAME_MAX];
	char password[PASSWORD_HASH_MAX];
	char role[ROLE_NAME_MAX];
	bool must_change;
	int64_t failures, locked_until_ms;
};

/* id 0 when there is none. */
int person_by_name(struct store *store, const char *name, struct person *ret_person)
        SL_NONNULL(1, 2, 3) SL_MUST;
int person_by_id(struct store *store, int64_t id, struct person *ret_person)
        SL_NONNULL(1, 3) SL_MUST;

/*
 * One try of a password, judged in a write: what was verified outside of it counts only if the
 * person still has that hash and does not wait. Sets `outcome`: 0, SL_EPERM, SL_EAGAIN; those two
 * are counted, and an audit row, here.
 */
struct attempt {
	const struct person *seen; /* id 0: nobody */
	const char *name;          /* as it was given, for the audit log */
	const char *action;        /* "login": "login failed", "login refused" */
	struct actor actor;
	bool right; /* the password */
	int64_t now_ms;
	int outcome;
	int64_t wait_ms; /* with SL_EAGAIN */
};
int person_judge(struct store_tx *tx, struct attempt *attempt) SL_NONNULL(1, 2) SL_MUST;

/* What is told of an outcome that is no 0; returns it. */
int person_tell(const struct attempt *attempt, const char *pointer, struct problem *problem)
        SL_NONNULL(1, 2, 3);

/* Of a session's or a token's row: what stands in four columns from `column` on, id, name, role and
 * whether the password must be changed. */
void person_take(const struct store_row *row, unsigned column, struct person *ret_person)
        SL_NONNULL(1, 3);

/*
 * credential.c. A session or token (row `id`) was used, by `statement`: written when the last time
 * is AUTH_USED_STEP_S past, since a write a request would cost more than the request. A full disk
 * ends nothing: what is asked for may be just what makes room.
 */
void credential_note_use(struct store *store, enum store_statement statement, int64_t id,
                         int64_t used_ms, int64_t now_ms) SL_NONNULL(1);

/* What of `person` an identity has, with the capabilities of the role. */
void person_identity(const struct person *person, const char *from, const char *via,
                     struct auth_identity *ret_identity) SL_NONNULL(1, 2, 3, 4);
