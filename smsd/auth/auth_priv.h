/* SPDX-License-Identifier: Apache-2.0 */
/* Inside smsd/auth: hashes, secrets, persons. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smsd/auth/auth.h"
#include "smsd/auth/people.h"
#include "smsd/store/store.h"

enum {
	PASSWORD_HASH_MAX = 128, /* argon2id in its own encoding, NUL included */
	SECRET_BYTES = 32,
	SECRET_CHARS = 43, /* of them in base64url */
	SECRET_DIGEST_SIZE = 32,
	ROLE_NAME_MAX = 65,
	ITEMS_TEXT_MAX = 256,
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

/* A row function: the first column into *(int64_t *)arg. */
int auth_take_integer(void *arg, const struct store_row *row) SL_NONNULL(1, 2);

/* A name of 1 to `max` letters, digits, "_", "-", ".", spaces within, or characters of `more`.
 * SL_EINVAL at /name; `what` is "a token's name". */
int auth_check_name(const char *what, const char *name, size_t max, const char *more,
                    struct problem *problem) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* people_check.c. What every change of people, roles and groups asks: `may` within what who does it
 * may (SL_EPERM), the revision that was seen (SL_ECONFLICT), the length of a comment or NULL. */
int people_check_within(const struct auth_identity *by, uint64_t may, const char *pointer,
                        struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;
int people_check_seen(const char *what, const char *name, int64_t seen, int64_t revision,
                      struct problem *problem) SL_NONNULL(1, 2, 5) SL_MUST;
int people_check_comment(const char *comment, struct problem *problem) SL_NONNULL(2) SL_MUST;
/* SL_ENOENT, said. */
int people_unknown(struct problem *problem, const char *name) SL_NONNULL(1, 2);

/* item.c. Kinds of items as the store has them, commas between; in a write what auth_items_whole
 * says. */
unsigned items_read(const char *text) SL_NONNULL(1);
void items_write(unsigned bits, char ret_text[ITEMS_TEXT_MAX]) SL_NONNULL(2);
int items_whole_tx(struct store_tx *tx, const struct auth_identity *identity, unsigned *ret_whole)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* group.c. Who gives people, groups or what they have has to have every item himself: SL_EPERM. */
int group_check_manager(struct store_tx *tx, const struct auth_identity *by,
                        struct problem *problem) SL_NONNULL(1, 2, 3) SL_MUST;

/* The names of a person's groups, an array; by the store or, NULL, in a write. */
int group_names(struct store *store, struct store_tx *tx, int64_t person, json_t **ret_names)
        SL_NONNULL(4) SL_MUST;

/* In a write: into these groups and no others. SL_EINVAL at /groups. */
int group_put_person(struct store_tx *tx, int64_t person, const json_t *names,
                     struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;

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

/* capability.c. Bits of all that there is, and scopes as the store has them: names with a space
 * between. Names it does not know are passed over; what is read is closed. */
uint64_t capability_all(void);
void scopes_write(uint64_t scopes, char ret_text[SCOPES_TEXT_MAX]) SL_NONNULL(2);
uint64_t scopes_read(const char *text) SL_NONNULL(1);

#define ROLE_ADMINISTRATOR "Administrator"

/* role.c. What the role `name` may: of the default ones by our table, of one that was made here by
 * `text`, its capabilities as the store has them ("": there is no such role, and it may nothing).
 */
uint64_t role_may(const char *name, const char *text) SL_NONNULL(1, 2);

/* In a write: the same of a role by its name. SL_ENOENT. */
int role_find(struct store_tx *tx, const char *name, uint64_t *ret_may) SL_NONNULL(1, 2, 3) SL_MUST;

/* person.c. A row of `person`. */
struct person {
	int64_t id; /* 0: there is none */
	char name[ACTOR_NAME_MAX];
	char password[PASSWORD_HASH_MAX];
	char role[ROLE_NAME_MAX];
	uint64_t may; /* what the role does */
	bool must_change;
	bool disabled; /* in person_take's: never */
	int64_t failures, locked_until_ms;
	char comment[PEOPLE_COMMENT_MAX + 1];
	int64_t revision;
};

/* id 0 when there is none. */
int person_by_name(struct store *store, const char *name, struct person *ret_person)
        SL_NONNULL(1, 2, 3) SL_MUST;
int person_by_id(struct store *store, int64_t id, struct person *ret_person)
        SL_NONNULL(1, 3) SL_MUST;
int person_by_name_tx(struct store_tx *tx, const char *name, struct person *ret_person)
        SL_NONNULL(1, 2, 3) SL_MUST;

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

/* Of a session's or a token's row: what stands in five columns from `column` on, id, name, role,
 * whether the password must be changed, and the role's capabilities. */
void person_take(const struct store_row *row, unsigned column, struct person *ret_person)
        SL_NONNULL(1, 3);

/*
 * credential.c. A session or token (row `id`) was used, by `statement`: written when the last time
 * is AUTH_USED_STEP_S past, since a write a request would cost more than the request. A full disk
 * ends nothing: what is asked for may be just what makes room.
 */
void credential_note_use(struct store *store, enum store_statement statement, int64_t id,
                         int64_t used_ms, int64_t now_ms) SL_NONNULL(1);

/* As auth_by_session and auth_by_token, by all that came with it. */
int session_identify(struct store *store, const char *cookie,
                     const struct auth_credentials *credentials, struct auth_identity *ret_identity)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
int token_identify(struct store *store, const char *token,
                   const struct auth_credentials *credentials, struct auth_identity *ret_identity)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* What of `person` an identity has, with the capabilities of the role. */
void person_identity(const struct person *person, const char *from, const char *via,
                     struct auth_identity *ret_identity) SL_NONNULL(1, 2, 3, 4);
