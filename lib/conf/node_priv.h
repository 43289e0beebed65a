/* SPDX-License-Identifier: Apache-2.0 */
/* How the two loaders make a document; nothing outside lib/conf includes this. */
#pragma once

#include <stdint.h>

#include "lib/conf/arena.h"
#include "lib/conf/node.h"

enum { CONF_MAP_MAX = 256 /* keys of one map; keeps the look for duplicates cheap */ };

struct conf_document {
	uint32_t magic;
	struct arena arena;
	char *file;
	struct conf_node *root;
	size_t nodes;
};

/* NULL: out of memory. */
struct conf_document *conf_document_create(const char *file) SL_NONNULL(1) SL_MUST;

/*
 * Appends a copy of `what` (its texts must be in the arena) below `parent` (NULL: as the root).
 * NULL when a bound is passed, which has been added to `errs`.
 */
struct conf_node *conf_node_add(struct conf_document *doc, struct conf_node *parent,
                                const struct conf_node *what, struct conf_errors *errs)
        SL_NONNULL(1, 3, 4) SL_MUST;

/*
 * Before an entry is added: its key should be new in `map`. `entry` carries key, place and parent.
 * A duplicate is added to `errs` and loading goes on, so that all of them are found; SL_ELIMIT
 * when the map is full.
 */
int conf_node_check_key(const struct conf_node *map, const struct conf_node *entry,
                        struct conf_errors *errs) SL_NONNULL(1, 2, 3) SL_MUST;
