/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups: of which devices, profiles, proxies and decryption rules somebody has any (R136). Of each
 * kind a group has all, future ones too, but for single ones that were deselected; or it has single
 * ones alone. Who is in several has what any of them gives; who is in none has what "Everyone" has,
 * which is all. An Administrator has all, whatever his groups (R134). Pool threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/auth/auth.h"

struct problem;
struct store;

enum auth_item {
#define ITEM(NAME, kind, collection, key, ref, help) AUTH_ITEM_##NAME,
#include "smsd/auth/item.def"
#undef ITEM
	AUTH_ITEM_END
};

/* Every kind's bit. */
#define AUTH_ITEMS_ALL ((1U << AUTH_ITEM_END) - 1)

enum {
	GROUP_NAME_MAX = 65,
	GROUPS_MAX = 100,
	GROUP_ITEMS_MAX = 1000, /* single ones of one kind of one group */
};

#define GROUP_EVERYONE "Everyone"

/* "server proxy", "server-proxies", "server_proxies". */
const char *auth_item_kind(enum auth_item item);
const char *auth_item_collection(enum auth_item item);
const char *auth_item_key(enum auth_item item);

/* ---- who may what ------------------------------------------------------------------------ */

/* The kinds of which he has all, future ones too, by bits. The store's codes. */
int auth_items_whole(struct store *store, const struct auth_identity *identity, unsigned *ret_whole)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* SL_EPERM: not this one. What there is not is his when all of its kind are. The store's codes. */
int auth_may_item(struct store *store, const struct auth_identity *identity, enum auth_item item,
                  const char *name) SL_NONNULL(1, 2, 4) SL_MUST;

/* All devices of a distribution. SL_EPERM, the store's codes. */
int auth_may_distribution(struct store *store, const struct auth_identity *identity, int64_t id)
        SL_NONNULL(1, 2) SL_MUST;

/* ---- managed by whoever has `people` and sees every item --------------------------------- */

/* An array, "Everyone" first: {name, default, comment, people: [names], revision, and by each
 * kind's key {all, items: [names]}}. `items` are those it has; with `all`, those it has not. */
int group_list(struct store *store, json_t **ret_list, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
int group_show(struct store *store, const char *name, json_t **ret_shown, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* `body`: {comment, and by each kind's key {all, items}}, as its shape has checked it. A kind that
 * is left out stays as it is: of a new group all, future ones too. */
int group_create(struct store *store, const struct auth_identity *by, const char *name,
                 const json_t *body, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
int group_change(struct store *store, const struct auth_identity *by, const char *name,
                 int64_t revision, const json_t *body, struct problem *problem)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;
/* SL_EBUSY: somebody is in it, who would have all without it. */
int group_delete(struct store *store, const struct auth_identity *by, const char *name,
                 int64_t revision, struct problem *problem) SL_NONNULL(1, 2, 3, 5) SL_MUST;
