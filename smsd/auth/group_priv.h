/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of groups. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smsd/auth/group.h"
#include "smsd/auth/people.h"
#include "smsd/store/store.h"

struct group {
	int64_t id; /* 0: there is none */
	char name[GROUP_NAME_MAX];
	int64_t revision;
	unsigned everything; /* kinds of which it has all */
	char comment[PEOPLE_COMMENT_MAX + 1];
};

/* A read inside a write or outside of one: what is shown and what is written down are the same. */
struct group_source {
	struct store *store; /* NULL: tx */
	struct store_tx *tx;
};

bool group_is_everyone(const char *name) SL_NONNULL(1);

/* revision 0 when there is none; "Everyone" has no row. */
int group_read(const struct group_source *from, const char *name, struct group *ret_group)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* What it has: {comment, KEY: {all, items}}. NULL with a code in *ret_rc. */
json_t *group_access(const struct group_source *from, const struct group *group, int *ret_rc)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* SL_ENOENT, said. */
int group_unknown(struct problem *problem, const char *name) SL_NONNULL(1, 2);
