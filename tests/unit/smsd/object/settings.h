/* SPDX-License-Identifier: Apache-2.0 */
/* Where settings are tested: a desk with certificates "a" and "c" of servers, "sign" that signs,
 * and the CA certificate "root". Bodies are written as JSON with ' for ". */
#pragma once

#include "tests/unit/smsd/object/desk.h"

#include "smsd/object/setting.h"

int settings_setup(void **state);

/* A body; json_decref frees. */
json_t *settings_body(const char *text);

/* The call with such a body, by somebody who may all (`settings_may_locked` apart); the code. */
int settings_create(struct desk *d, enum object_kind kind, const char *text);
int settings_replace(struct desk *d, enum object_kind kind, const char *name, const char *text);
int settings_delete(struct desk *d, enum object_kind kind, const char *name);

/* The same by somebody without lock_ssl_filter. */
int settings_create_unlocked(struct desk *d, enum object_kind kind, const char *text);
int settings_replace_unlocked(struct desk *d, enum object_kind kind, const char *name,
                              const char *text);
int settings_delete_unlocked(struct desk *d, enum object_kind kind, const char *name);

/* Back to a revision, by who saw what is there now. */
int settings_rollback(struct desk *d, enum object_kind kind, const char *name, int64_t to);

/* A check alone. */
int settings_check(struct desk *d, enum object_kind kind, const char *text);

/* Its body in one line with ' for ", valid until the next call; "" when it is not there. */
const char *settings_text(struct desk *d, enum object_kind kind, const char *name);

/* 0: it is not there. */
int64_t settings_revision(struct desk *d, enum object_kind kind, const char *name);
