/* SPDX-License-Identifier: Apache-2.0 */
/* Which items somebody has by his groups: asked of the store each time, so that a change counts. */
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/auth/group.h"

static const struct {
	const char *kind, *collection, *key;
} items[] = {
#define ITEM(NAME, kind, collection, key, ref, help) {kind, collection, key},
#include "smsd/auth/item.def"
#undef ITEM
};

const char *auth_item_kind(enum auth_item item)
{
	return items[item].kind;
}

const char *auth_item_collection(enum auth_item item)
{
	return items[item].collection;
}

const char *auth_item_key(enum auth_item item)
{
	return items[item].key;
}

static unsigned bit_of(const char *kind, size_t len)
{
	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if (strlen(items[i].kind) == len && memcmp(items[i].kind, kind, len) == 0)
			return 1U << i;
	return 0;
}

unsigned items_read(const char *text)
{
	unsigned bits = 0;

	while (*text) {
		size_t len = strcspn(text, ",");

		bits |= bit_of(text, len);
		text += len;
		text += strspn(text, ",");
	}
	return bits;
}

void items_write(unsigned bits, char ret_text[ITEMS_TEXT_MAX])
{
	ret_text[0] = '\0';
	for (unsigned i = 0; i < AUTH_ITEM_END; i++) {
		if (!(bits >> i & 1))
			continue;
		if (ret_text[0])
			(void)strcat(ret_text, ",");
		(void)strcat(ret_text, items[i].kind);
	}
}

/* ---- all of a kind ----------------------------------------------------------------------- */

/* Rows come by group: each kind with single ones is a row, a group without any is one. */
struct whole {
	bool grouped;
	int64_t group;
	unsigned of_group; /* what the group has whole, as far as its rows have come */
	unsigned whole;    /* of the groups before */
};

static int take_group(void *arg, const struct store_row *row)
{
	struct whole *w = arg;
	int64_t group = store_row_integer(row, 0);
	const char *kind = store_row_text(row, 2);

	if (!w->grouped || group != w->group) {
		w->whole |= w->of_group;
		w->of_group = items_read(store_row_text(row, 1));
	}
	w->grouped = true;
	w->group = group;
	w->of_group &= ~bit_of(kind, strlen(kind));
	return 0;
}

static unsigned whole_of(const struct whole *w)
{
	return w->grouped ? w->whole | w->of_group : AUTH_ITEMS_ALL;
}

int auth_items_whole(struct store *store, const struct auth_identity *identity, unsigned *ret_whole)
{
	const struct store_value value = store_integer(identity->actor.person);
	struct whole w = {0};
	int rc = 0;

	if (!identity->all_items)
		rc = store_read(store, STORE_ACCESS_GROUPS, &value, 1, take_group, &w);
	if (rc == 0)
		*ret_whole = whole_of(&w);
	return rc;
}

int items_whole_tx(struct store_tx *tx, const struct auth_identity *identity, unsigned *ret_whole)
{
	const struct store_value value = store_integer(identity->actor.person);
	struct whole w = {0};
	int rc = 0;

	if (!identity->all_items)
		rc = store_tx_run(tx, STORE_ACCESS_GROUPS, &value, 1, take_group, &w);
	if (rc == 0)
		*ret_whole = whole_of(&w);
	return rc;
}

/* ---- one --------------------------------------------------------------------------------- */

struct one {
	unsigned bit;
	bool grouped, may;
};

/* A group with all of the kind has it unless it is a single one, any other only then. */
static int take_one(void *arg, const struct store_row *row)
{
	struct one *one = arg;
	bool all = items_read(store_row_text(row, 0)) & one->bit;
	bool single = store_row_integer(row, 1) != 0;

	one->grouped = true;
	one->may = one->may || all != single;
	return 0;
}

int auth_may_item(struct store *store, const struct auth_identity *identity, enum auth_item item,
                  const char *name)
{
	const struct store_value values[] = {store_integer(identity->actor.person),
	                                     store_text(items[item].kind), store_text(name)};
	struct one one = {.bit = 1U << item};
	int rc;

	if (identity->all_items)
		return 0;
	rc = store_read(store, STORE_ACCESS_ITEM, values, 3, take_one, &one);
	if (rc != 0)
		return rc;
	return one.may || !one.grouped ? 0 : SL_EPERM;
}

/* Rows of ACCESS_DISTRIBUTION: a device, and each group of the person with it. */
struct devices {
	bool any, may;
	int64_t device;
	bool all_may;
};

static int take_device(void *arg, const struct store_row *row)
{
	struct devices *d = arg;
	int64_t device = store_row_integer(row, 0);
	bool all = items_read(store_row_text(row, 1)) & 1U << AUTH_ITEM_DEVICE;

	if (d->any && device != d->device) {
		d->all_may = d->all_may && d->may;
		d->may = false;
	}
	d->any = true;
	d->device = device;
	d->may = d->may || all != (store_row_integer(row, 2) != 0);
	return 0;
}

int auth_may_distribution(struct store *store, const struct auth_identity *identity, int64_t id)
{
	const struct store_value values[] = {store_integer(identity->actor.person),
	                                     store_integer(id)};
	struct devices d = {.all_may = true};
	int rc;

	if (identity->all_items)
		return 0;
	rc = store_read(store, STORE_ACCESS_DISTRIBUTION, values, 2, take_device, &d);
	if (rc != 0)
		return rc;
	return d.all_may && (d.may || !d.any) ? 0 : SL_EPERM;
}
