/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same of migrations whatever database is brought forward. Inside smsd/store only. */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct problem;
struct store_schema;

enum { MIGRATION_TEXT_MAX = 1024 * 1024 };

/* How a database spells what the files leave open: @ID@, @INT@, @BYTES@. */
struct migration_words {
	const char *id, *integer, *bytes;
};

/* SL_ELIMIT, SL_ENOMEM. */
int migration_spell(const char *text, const struct migration_words *words, struct buf *out)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The database has had migration `version`. SL_EREFUSED: which this smsd does not know. */
int migration_check_version(int64_t version, const struct store_schema *schema,
                            struct problem *problem) SL_NONNULL(2, 3) SL_MUST;
