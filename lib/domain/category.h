/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Categories of names, as one immutable piece of bytes: a table of categories and a map from names
 * to sets of them. A name covers everything below it; the most specific name's set counts (R106).
 * Built by `tps categories make`, comes to the device in a package (lib/package), lies in the
 * image, is looked up by workers without a lock or an allocation. docs/internals/client.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/domain/map.h"

struct buf;
struct category_builder;

enum {
	CATEGORIES_MAX = 1024,
	CATEGORY_NAME_MAX = 64,   /* bytes, NUL included: "online-banking" */
	CATEGORY_TITLE_MAX = 128, /* bytes, NUL included: "Online banking" */
	CATEGORY_SETS_MAX = 65536,
	CATEGORY_SET_MAX = 32, /* categories of one name */
};

/* ---- making them ------------------------------------------------------------------------- */

struct category_builder *category_builder_create(void) SL_MUST;
void category_builder_destroy(struct category_builder *b);

/*
 * A category, or the one of that name that is there: then the title stays. `name`: letters in lower
 * case, digits, "-", "_" and "."; `title` without control characters, "" for the name. SL_EINVAL,
 * SL_ELIMIT, SL_ENOMEM.
 */
int category_builder_category(struct category_builder *b, const char *name, const char *title,
                              uint32_t *ret_category) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Puts a name into a category. SL_EMALFORMED (no name), SL_ELIMIT, SL_ENOMEM. */
int category_builder_add(struct category_builder *b, const char *name, size_t len,
                         uint32_t category) SL_NONNULL(1, 2) SL_MUST;

size_t category_builder_count(const struct category_builder *b) SL_NONNULL(1);

/* Adds the finished bytes to `out`. Same input in the same order, same bytes. */
int category_builder_finish(const struct category_builder *b, struct buf *out)
        SL_NONNULL(1, 2) SL_MUST;

/* ---- using them -------------------------------------------------------------------------- */

/* A view of bytes, which must outlive it. */
struct categories {
	struct domain_map map; /* name -> index of a set */
	uint32_t count, sets;
	const uint8_t *texts_at; /* two offsets a category: name, title */
	const char *texts;
	const uint8_t *ends; /* of the sets, in `members` */
	const uint8_t *members;
};

/* Checks everything once. SL_EMALFORMED. */
int categories_open(const void *bytes, size_t len, struct categories *ret) SL_NONNULL(1, 3) SL_MUST;

/* Of a category below `count`. */
const char *category_name(const struct categories *c, uint32_t category) SL_NONNULL(1);
const char *category_title(const struct categories *c, uint32_t category) SL_NONNULL(1);

/* By name. SL_ENOENT. */
int category_find(const struct categories *c, const char *name, uint32_t *ret_category)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Number of categories in a set below `sets`, and each of them. */
size_t category_set_size(const struct categories *c, uint32_t set) SL_NONNULL(1);
uint32_t category_set_member(const struct categories *c, uint32_t set, size_t i) SL_NONNULL(1);

/* The set of a name: ret->value. False when it has none. */
bool categories_lookup(const struct categories *c, const char *name, size_t len,
                       struct domain_match *ret) SL_NONNULL(1, 2, 4);
