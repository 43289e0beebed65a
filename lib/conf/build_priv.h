/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration being built; nothing outside lib/conf includes this. */
#pragma once

#include "lib/conf/arena.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/conf/schema.h"

/* A name that was read and is yet to be looked up: names may be used before they are defined. */
struct build_ref {
	const struct conf_node *node;
	enum conf_collection collection;
	const void **slot; /* gets the item; NULL: checked only */
};

struct build {
	struct arena *arena;
	struct conf_errors *errs;
	struct config *config; /* NULL: an object is only checked */
	bool is_body;          /* JSON that is used as it is: texts are in quotes, numbers not */
	uint32_t version;      /* of the document: rows that came later are refused */
	const char *page;      /* for errors: which lists the keys */
	struct build_ref *refs;
	size_t refs_count;
	size_t refs_size;
};

/* What a list is in every struct: where, and how many. */
struct build_list {
	const void *items;
	size_t count;
};

/*
 * Reads `node` as the value of `field` into the struct at `base` (NULL: checked, not kept). Errors
 * go to b->errs and leave zero behind.
 */
void build_read_value(struct build *b, const struct conf_field *field, const struct conf_node *node,
                      void *base) SL_NONNULL(1, 2, 3);

/* The value of a row that the document does not write. */
void build_read_fallback(struct build *b, const struct conf_field *field, void *base)
        SL_NONNULL(1, 2);

/* Reads a map (NULL: not written, all defaults) by the rows of `object` into `base`. */
void build_read_object(struct build *b, const struct conf_object *object,
                       const struct conf_node *node, void *base) SL_NONNULL(1, 2);

/* Memory of the config, zeroed; NULL when there is none, which has been added to b->errs. */
void *build_alloc(struct build *b, size_t count, size_t size) SL_NONNULL(1) SL_MUST;

/* Looks up all names; unknown ones are errors. */
void build_resolve(struct build *b) SL_NONNULL(1);

/* Fills in what presets and other settings decide (not what the schema's defaults do). */
void build_derive(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);

/* Everything that one row cannot see. */
void build_check(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);

/* Rows that refer to a missing item: the closest of the names there are, or NULL. */
const char *build_suggest(const char *word, const char *const *words, size_t count) SL_NONNULL(1);
