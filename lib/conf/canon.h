/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one spelling of a document: compact JSON, keys in the order of the schema, values in their
 * canonical form, sets in the order of their enumeration, what says nothing (null, empty lists and
 * maps, but for rows where empty says something) left out. Two documents that say the same have the
 * same text and so the same sha256.
 * Defaults are not filled in: the document is what its author said, and stays the same when an
 * upgrade changes a default. For comparing what holds, ask for CONF_CANON_DEFAULTS.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

struct buf;
struct conf_node;

enum conf_canon_flag {
	CONF_CANON_DEFAULTS = 1 << 0, /* with the defaults of what is not written */
	CONF_CANON_INDENT = 1 << 1,   /* for people: indented, the same otherwise */
};

/* `root` is of a document that config_build() takes. Adds to `out`. SL_ENOMEM, SL_ELIMIT. */
int conf_canonical(const struct conf_node *root, unsigned flags, struct buf *out)
        SL_NONNULL(1, 3) SL_MUST;

/* Of conf_canonical() without flags. SL_ENOMEM. */
int conf_canonical_sha256(const struct conf_node *root, uint8_t ret_sha256[32])
        SL_NONNULL(1, 2) SL_MUST;
