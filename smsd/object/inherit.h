/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles that have a parent. A device knows no inheritance: what a child is comes of its own
 * body laid over what its parent comes to. By the schema's rows: items of a list are the same by
 * the first row of their object (a policy's name, a filter's rules), variables by their name, and
 * what an item of the child is the same as, it takes the place of as a whole. Its other items come
 * before those that it inherits, since the first that matches counts. Inside smsd/object.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"
#include "smsd/object/object.h"

struct problem;
struct store_tx;

/* A profile and its ancestors: beyond some levels nobody can say any more where a policy comes
 * from; and the bound of each walk along them. */
enum { INHERIT_LEVELS_MAX = 8 };

/* ---- bodies ------------------------------------------------------------------------------ */

/* Whether a kind's objects can have a parent; the name of a body's parent, NULL: it has none. */
bool inherit_is_kind(enum object_kind kind);
const char *inherit_parent(const json_t *body);

/* What a parent comes to. */
struct inherited {
	const char *name;
	size_t number;         /* the caller's, of the parent: */
	const json_t *body;    /* its items are of it, */
	const json_t *origins; /* unless these say otherwise; NULL: they do not */
};

/*
 * `own` over `parent`, without the rows that a document has not. `ret_origins`: by list, for each
 * item {object, index}: whose it is (`number`, or the caller's of a parent), and the how many-th in
 * that one's body. Policies that are an ancestor's, or in the place of one, are `inherited_from`
 * him. SL_ENOMEM.
 */
int inherit_resolve(const struct conf_object *shape, const json_t *own, size_t number,
                    const struct inherited *parent, json_t **ret_body, json_t **ret_origins)
        SL_NONNULL(1, 2, 4, 5, 6) SL_MUST;

/* A body without the rows that a document has not; a new reference. NULL: out of memory. */
json_t *inherit_strip(const struct conf_object *shape, json_t *own) SL_NONNULL(1, 2) SL_MUST;

/* ---- families, in a write ---------------------------------------------------------------- */

struct relative {
	int64_t id;
	char name[OBJECT_NAME_MAX];
	json_t *body;
	unsigned level; /* of a descendant: 1 is a child */
};

struct relatives {
	struct relative *items;
	size_t count, size;
};

void relatives_fini(struct relatives *relatives) SL_NONNULL(1);

/* Ancestors of the object `id` (0: not made yet) with that body (NULL: none), the parent first.
 * SL_EINVAL, SL_ERANGE at /parent: it would be its own, or there are too many. A parent that is not
 * there ends them: that is said where references are. relatives_fini frees, after errors too. */
int inherit_ancestors(struct store_tx *tx, enum object_kind kind, int64_t id, const json_t *body,
                      struct relatives *ret_ancestors, struct problem *problem)
        SL_NONNULL(1, 5, 6) SL_MUST;

/* Who has it as an ancestor: children, then theirs. SL_ERANGE at /parent: with `above` ancestors of
 * its own there would be too many levels. */
int inherit_descendants(struct store_tx *tx, enum object_kind kind, int64_t id, size_t above,
                        struct relatives *ret_descendants, struct problem *problem)
        SL_NONNULL(1, 5, 6) SL_MUST;
