/* SPDX-License-Identifier: Apache-2.0 */
/* People for tests, and hashes that cost next to nothing: test_password.c has the real ones. */
#pragma once

#include "smsd/auth/auth_priv.h"
#include "tests/unit/smsd/place.h"

#define PEOPLE_PASSWORD "correct horse battery"

/* An administrator; the row. */
int64_t people_add(struct place *place, const char *name, bool must_change);

/* Somebody of a role. */
int64_t people_add_role(struct place *place, const char *name, const char *role);

/* A session made without a password. */
void people_session(struct place *place, int64_t person, struct auth_session *ret_session);
