/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one document changes against another, setting by setting, by what holds: defaults filled
 * in, values in canonical spelling. Items of lists belong together by their name. Each change says
 * when it takes effect. `control` (apply, `tps config diff`).
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"

struct buf;
struct conf_node;

enum conf_change_kind {
	CONF_ADDED,
	CONF_REMOVED,
	CONF_CHANGED,
	CONF_MOVED, /* a list has its items in another order */
};

struct conf_change {
	enum conf_change_kind kind;
	enum conf_scope scope; /* when it takes effect */
	char *pointer;         /* in the new document; of removed ones in the old */
	char *label;           /* the same by names: "segments[wan].on_failure" */
	char *old_value;       /* compact JSON; "" when added */
	char *new_value;       /* compact JSON; "" when removed */
};

struct conf_changes {
	struct conf_change *items;
	size_t count;
	size_t size;
};

/* Changes from `old_root` to `new_root`, in order of the schema. conf_changes_fini frees.
 * SL_ENOMEM. */
int conf_diff(const struct conf_node *old_root, const struct conf_node *new_root,
              struct conf_changes *ret_changes) SL_NONNULL(1, 2, 3) SL_MUST;

void conf_changes_fini(struct conf_changes *changes) SL_NONNULL(1);

/* The latest of the scopes: what it takes until all of it holds. CONF_SCOPE_LIVE for none. */
enum conf_scope conf_changes_scope(const struct conf_changes *changes) SL_NONNULL(1);

/* "added", "removed", "changed", "moved"; never NULL. */
const char *conf_change_kind_name(enum conf_change_kind kind);

/* One line a change: "~ segments[wan].on_failure: "bypass" -> "block" (live)". */
int conf_changes_print(const struct conf_changes *changes, struct buf *out)
        SL_NONNULL(1, 2) SL_MUST;
