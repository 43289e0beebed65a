/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that are not what they were at a moment: what a rollback of everything has to do. Inside
 * smsd/object. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/object/object.h"
#include "smsd/object/setting.h"

struct problem;
struct store_tx;

struct touched {
	enum object_kind kind;
	int64_t id;
	struct object now; /* body NULL: it is not there */
	json_t *then;      /* NULL: it was not there */
	size_t ancestors;  /* of what it becomes */
};

struct touched_list {
	struct touched *items;
	size_t count, size;
};

void touched_fini(struct touched_list *list) SL_NONNULL(1);

/* The name that it was, or is, known by. */
const char *touched_name(const struct touched *t) SL_NONNULL(1);

/* Those that were changed since and are not the same again. touched_fini frees, after errors too.
 */
int touched_find(struct store_tx *tx, const struct setting_moment *to,
                 struct touched_list *ret_list, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
