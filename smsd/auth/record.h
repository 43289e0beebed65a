/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people keep by name, each a row with a revision and a body in JSON: servers of syslog,
 * sources of packages. What a change of one asks, and what it writes, its audit row with it. A
 * table says of which kind.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/base/actor.h"
#include "smsd/base/problem.h"
#include "smsd/store/store.h"

struct record_kind {
	const char *noun;              /* "source": in what is said */
	const char *audited;           /* "package source": in the audit log */
	unsigned max;                  /* there may be so many */
	enum store_statement all, one; /* rows of id, name, revision, body, ...; `one` by name */
	enum store_statement add;      /* name, body, more */
	enum store_statement change;   /* name, revision, body, more */
	enum store_statement drop;     /* name */
};

struct record_change {
	const struct record_kind *kind;
	const struct actor *actor;
	const char *name;
	int64_t revision; /* that was seen; 0 with a body: it is made */
	const char *body; /* compact; NULL: it goes */
	int64_t more;     /* the kind's own column */
	struct problem *problem;
};

/* In a write; a problem of an earlier run of it is forgotten. SL_EEXIST, SL_ECONFLICT, SL_ELIMIT
 * and SL_ENOENT are said, the store's codes are not. */
int record_change_tx(struct store_tx *tx, const struct record_change *change)
        SL_NONNULL(1, 2) SL_MUST;

/* In a write: what was done with one and is no change of it. */
int record_audit_tx(struct store_tx *tx, const struct record_kind *kind, const struct actor *actor,
                    const char *action, const char *name) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* SL_ENOENT, said. */
int record_missing(const struct record_kind *kind, const char *name, struct problem *problem)
        SL_NONNULL(1, 2, 3);
