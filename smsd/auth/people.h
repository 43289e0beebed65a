/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People and roles, for whoever has the capability `people`: what api/people.c and api/role.c ask.
 * Nobody gives what he has not: roles beyond one's own capabilities are neither made, nor given,
 * nor are people touched who have such a role; and who does not see every item (group.h) manages
 * nobody. The last enabled Administrator stays, and nobody takes himself away. Every write is an
 * audit row with before and after. Pool threads. Codes: SL_ENOENT, SL_EEXIST, SL_EINVAL, SL_ELIMIT,
 * SL_EPERM, SL_EBUSY, SL_ECONFLICT (another revision is there), and the store's; in `problem`.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/auth/auth.h"

struct problem;
struct store;

enum {
	PEOPLE_MAX = 1000,
	ROLES_MAX = 100,          /* that were made here */
	PEOPLE_COMMENT_MAX = 256, /* bytes */
};

/* ---- people ------------------------------------------------------------------------------ */

/* What is said of a person; what is NULL stays as it is. */
struct people_change {
	const char *role;
	const char *comment;
	const json_t *disabled; /* true, false */
	const json_t *groups;   /* names; none: he has what "Everyone" has */
};

/* A page by name, those behind `after`: {items, next}. Of one: {name, role, groups, comment,
 * disabled, must_change, made, entered (of the last login; may be missing), locked_until (only
 * while it is so), sessions, tokens, revision}. */
int people_list(struct store *store, const char *after, unsigned limit, json_t **ret_page,
                struct problem *problem) SL_NONNULL(1, 2, 4, 5) SL_MUST;
int people_show(struct store *store, const char *name, json_t **ret_shown, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* With a random password, shown once and to be changed at the first login. `what->role` is needed.
 */
int people_create(struct store *store, const struct auth_identity *by, const char *name,
                  const struct people_change *what, char ret_password[AUTH_SECRET_MAX],
                  struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5, 6) SL_MUST;

/* Who is disabled has no sessions any more; his tokens wait. */
int people_change(struct store *store, const struct auth_identity *by, const char *name,
                  int64_t revision, const struct people_change *what, struct problem *problem)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;
int people_delete(struct store *store, const struct auth_identity *by, const char *name,
                  int64_t revision, struct problem *problem) SL_NONNULL(1, 2, 3, 5) SL_MUST;

/* Another random password, as with people_create; sessions end. Not of oneself: whoever stole a
 * session would have an account. */
int people_reset_password(struct store *store, const struct auth_identity *by, const char *name,
                          char ret_password[AUTH_SECRET_MAX], struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* Ends the wait after too many wrong passwords. */
int people_unlock(struct store *store, const struct auth_identity *by, const char *name,
                  struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int people_end_sessions(struct store *store, const struct auth_identity *by, const char *name,
                        struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Tokens of somebody. */
int people_tokens(struct store *store, const char *name, auth_token_fn *fn, void *arg,
                  struct problem *problem) SL_NONNULL(1, 2, 3, 5) SL_MUST;
int people_drop_token(struct store *store, const struct auth_identity *by, const char *name,
                      const char *token, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* ---- roles ------------------------------------------------------------------------------- */

/* An array, the default ones first: {name, default, from ("" of those), comment, capabilities,
 * revision (1 of those)}. */
int role_list(struct store *store, json_t **ret_list, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
int role_show(struct store *store, const char *name, json_t **ret_shown, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* What is said of a role; NULL stays as it is. */
struct role_change {
	const uint64_t *capabilities;
	const char *comment;
};

/* A new one is `from`, with other capabilities if they are given (R134). */
int role_create(struct store *store, const struct auth_identity *by, const char *name,
                const char *from, const struct role_change *what, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5, 6) SL_MUST;

/* For who has the role it counts from the next request on. SL_EPERM: a default one. */
int role_change(struct store *store, const struct auth_identity *by, const char *name,
                int64_t revision, const struct role_change *what, struct problem *problem)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;
/* SL_EBUSY: somebody has it. */
int role_delete(struct store *store, const struct auth_identity *by, const char *name,
                int64_t revision, struct problem *problem) SL_NONNULL(1, 2, 3, 5) SL_MUST;
