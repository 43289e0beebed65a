/* SPDX-License-Identifier: Apache-2.0 */
/* Categories in the making: sets are shared by all names that are in the same categories. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/domain/category.h"
#include "lib/domain/category_priv.h"

enum {
	CATEGORY_BUILDER_MAGIC = 0x44434244, /* "DBCD" */
	STEPS = 4096,                        /* a power of two */
};

struct category {
	char name[CATEGORY_NAME_MAX], title[CATEGORY_TITLE_MAX];
};

/* Members in ascending order. */
struct set {
	uint16_t members[CATEGORY_SET_MAX];
	uint32_t count;
};

/* Which set a set becomes with one more category: remembered, since lists repeat themselves. */
struct step {
	uint32_t from, category, to; /* sets as number and 1 */
};

struct category_builder {
	uint32_t magic;
	struct domain_builder *names; /* value: number of a set */
	struct category *all;
	uint32_t count;
	struct set *sets;
	uint32_t sets_count, sets_size;
	struct step steps[STEPS];
};

struct category_builder *category_builder_create(void)
{
	struct category_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	MAGIC_SET(b, CATEGORY_BUILDER_MAGIC);
	b->names = domain_builder_create_trees();
	b->all = calloc(CATEGORIES_MAX, sizeof(*b->all));
	if (!b->names || !b->all) {
		category_builder_destroy(b);
		return NULL;
	}
	return b;
}

void category_builder_destroy(struct category_builder *b)
{
	if (!b)
		return;
	MAGIC_CHECK(b, CATEGORY_BUILDER_MAGIC);
	domain_builder_destroy(b->names);
	free(b->all);
	free(b->sets);
	MAGIC_CLEAR(b);
	free(b);
}

size_t category_builder_count(const struct category_builder *b)
{
	return domain_builder_count(b->names);
}

/* ---- categories -------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(name);

	return len > 0 && len < CATEGORY_NAME_MAX && strspn(name, letters) == len;
}

static bool is_title(const char *title)
{
	size_t len = strlen(title);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)title[i] < ' ' || title[i] == 0x7f)
			return false;
	return len < CATEGORY_TITLE_MAX;
}

int category_builder_category(struct category_builder *b, const char *name, const char *title,
                              uint32_t *ret_category)
{
	struct category *c;

	MAGIC_CHECK(b, CATEGORY_BUILDER_MAGIC);
	if (!is_name(name) || !is_title(title))
		return SL_EINVAL;
	for (uint32_t i = 0; i < b->count; i++)
		if (strcmp(b->all[i].name, name) == 0) {
			*ret_category = i;
			return 0;
		}
	if (b->count == CATEGORIES_MAX)
		return SL_ELIMIT;
	c = &b->all[b->count];
	memcpy(c->name, name, strlen(name) + 1);
	if (title[0] == '\0')
		title = name;
	memcpy(c->title, title, strlen(title) + 1);
	*ret_category = b->count++;
	return 0;
}

/* ---- sets -------------------------------------------------------------------------------- */

static int make_room(struct category_builder *b)
{
	uint32_t size = b->sets_size ? 2 * b->sets_size : 64;
	struct set *sets;

	if (b->sets_count < b->sets_size)
		return 0;
	if (b->sets_count == CATEGORY_SETS_MAX)
		return SL_ELIMIT;
	sets = realloc(b->sets, size * sizeof(*sets));
	if (!sets)
		return SL_ENOMEM;
	b->sets = sets;
	b->sets_size = size;
	return 0;
}

/* The number of a set, which is added when it is new. */
static int intern(struct category_builder *b, const struct set *set, uint32_t *ret_set)
{
	int rc;

	for (uint32_t i = 0; i < b->sets_count; i++)
		if (b->sets[i].count == set->count &&
		    memcmp(b->sets[i].members, set->members, 2 * set->count) == 0) {
			*ret_set = i;
			return 0;
		}
	rc = make_room(b);
	if (rc != 0)
		return rc;
	b->sets[b->sets_count] = *set;
	*ret_set = b->sets_count++;
	return 0;
}

/* `set` with one more member. */
static int insert(struct set *set, uint16_t member)
{
	uint32_t at = 0;

	while (at < set->count && set->members[at] < member)
		at++;
	if (at < set->count && set->members[at] == member)
		return 0;
	if (set->count == CATEGORY_SET_MAX)
		return SL_ELIMIT;
	memmove(&set->members[at + 1], &set->members[at], 2ul * (set->count - at));
	set->members[at] = member;
	set->count++;
	return 0;
}

/* `from`: number of a set and 1; 0: the empty one. */
static int set_with(struct category_builder *b, uint32_t from, uint32_t category, uint32_t *ret_set)
{
	struct step *step = &b->steps[(from * 31 + category) % STEPS];
	struct set set = {.count = 0};
	int rc;

	if (step->to != 0 && step->from == from && step->category == category) {
		*ret_set = step->to - 1;
		return 0;
	}
	if (from != 0)
		set = b->sets[from - 1];
	rc = insert(&set, (uint16_t)category);
	if (rc == 0)
		rc = intern(b, &set, ret_set);
	if (rc == 0)
		*step = (struct step){from, category, *ret_set + 1};
	return rc;
}

int category_builder_add(struct category_builder *b, const char *name, size_t len,
                         uint32_t category)
{
	uint32_t old, set;
	int rc;

	MAGIC_CHECK(b, CATEGORY_BUILDER_MAGIC);
	if (category >= b->count)
		return SL_EINVAL;
	rc = domain_builder_get(b->names, name, len, &old);
	rc = set_with(b, rc == 0 ? old + 1 : 0, category, &set);
	return rc == 0 ? domain_builder_add(b->names, name, len, set) : rc;
}

/* ---- the bytes --------------------------------------------------------------------------- */

static int add_number(struct buf *out, uint32_t value)
{
	uint32_t raw = htole32(value);

	return buf_add(out, &raw, sizeof(raw));
}

static int add_texts(const struct category_builder *b, struct buf *out)
{
	uint32_t at = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < b->count; i++) {
		rc = add_number(out, at);
		at += (uint32_t)strlen(b->all[i].name) + 1;
		if (rc == 0)
			rc = add_number(out, at);
		at += (uint32_t)strlen(b->all[i].title) + 1;
	}
	for (uint32_t i = 0; rc == 0 && i < b->count; i++) {
		rc = buf_add(out, b->all[i].name, strlen(b->all[i].name) + 1);
		if (rc == 0)
			rc = buf_add(out, b->all[i].title, strlen(b->all[i].title) + 1);
	}
	return rc;
}

static int add_sets(const struct category_builder *b, struct buf *out)
{
	uint32_t end = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < b->sets_count; i++)
		rc = add_number(out, end += b->sets[i].count);
	for (uint32_t i = 0; rc == 0 && i < b->sets_count; i++)
		for (uint32_t k = 0; rc == 0 && k < b->sets[i].count; k++) {
			uint16_t raw = htole16(b->sets[i].members[k]);

			rc = buf_add(out, &raw, sizeof(raw));
		}
	return rc;
}

int category_builder_finish(const struct category_builder *b, struct buf *out)
{
	struct category_header h = {.magic = CATEGORY_MAGIC,
	                            .version = CATEGORY_VERSION,
	                            .count = b->count,
	                            .sets = b->sets_count};
	int rc;

	MAGIC_CHECK(b, CATEGORY_BUILDER_MAGIC);
	for (uint32_t i = 0; i < b->count; i++)
		h.texts_len += (uint32_t)(strlen(b->all[i].name) + strlen(b->all[i].title) + 2);
	for (uint32_t i = 0; i < b->sets_count; i++)
		h.members += b->sets[i].count;
	category_header_swap(&h);
	rc = buf_add(out, &h, sizeof(h));
	if (rc == 0)
		rc = add_texts(b, out);
	if (rc == 0)
		rc = add_sets(b, out);
	return rc == 0 ? domain_builder_finish(b->names, out) : rc;
}
