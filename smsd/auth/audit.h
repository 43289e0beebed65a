/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: every write, every use of a secret, every login that failed. A row is part of the
 * write it tells of: one cannot be there without the other. Never holds a secret.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/base/actor.h"

struct store;
struct store_tx;

enum {
	AUDIT_DAYS = 366, /* how long a row is kept where nothing else is said */
	AUDIT_DAYS_MAX = 36500,
	AUDIT_ROWS = 1000000, /* and how many */
	AUDIT_ROWS_MIN = 1000,
	AUDIT_ROWS_MAX = 100000000,
};

struct audit_line {
	const char *action; /* "import", "delete", "login", "login failed", "export", ... */
	const char *kind;   /* "certificate", "person"; "" */
	const char *name;   /* of the object; "" */
	const char *before; /* compact JSON; NULL */
	const char *after;
};

/* In a write. */
int audit_add(struct store_tx *tx, const struct actor *actor, const struct audit_line *line)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Newest first, `limit` at most, those older than `before_id` (0: from the newest), as an array of
 * {id, time, who, from, via, action, kind, name, before, after}; the last two are left out when
 * there is none. */
int audit_list(struct store *store, int64_t before_id, unsigned limit, json_t **ret_list)
        SL_NONNULL(1, 4) SL_MUST;

/* How much of it is kept: rows beyond either go, the oldest first. */
struct audit_keep {
	unsigned days, rows;
};

/* Drops what is beyond it, in writes of a bounded size; each has a row that says how many. */
int audit_sweep(struct store *store, const struct audit_keep *keep, int64_t now_ms)
        SL_NONNULL(1, 2) SL_MUST;
