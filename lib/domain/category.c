/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/domain/category.h"

#include <endian.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/domain/category_priv.h"

static uint32_t number_at(const uint8_t *numbers, size_t i)
{
	uint32_t v;

	memcpy(&v, numbers + i * sizeof(v), sizeof(v));
	return le32toh(v);
}

/* ---- opening ----------------------------------------------------------------------------- */

/* Where the parts lie. */
static bool parts_are_right(const struct category_header *h, const uint8_t *bytes, size_t len,
                            struct categories *c, size_t *ret_map)
{
	uint64_t texts_at = sizeof(*h);
	uint64_t texts = texts_at + 8ull * h->count;
	uint64_t ends = texts + h->texts_len;
	uint64_t members = ends + 4ull * h->sets;
	uint64_t map = members + 2ull * h->members;

	if (h->count > CATEGORIES_MAX || h->sets > CATEGORY_SETS_MAX || map > len)
		return false;
	c->count = h->count;
	c->sets = h->sets;
	c->texts_at = bytes + texts_at;
	c->texts = (const char *)bytes + texts;
	c->ends = bytes + ends;
	c->members = bytes + members;
	*ret_map = map;
	return true;
}

static bool text_is_right(const char *text, size_t room, size_t max)
{
	size_t len = strnlen(text, room);

	if (len == room || len >= max)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static bool texts_are_right(const struct categories *c, size_t texts_len)
{
	static const size_t max[2] = {CATEGORY_NAME_MAX, CATEGORY_TITLE_MAX};

	for (size_t i = 0; i < 2u * c->count; i++) {
		uint32_t at = number_at(c->texts_at, i);

		if (at >= texts_len || !text_is_right(c->texts + at, texts_len - at, max[i % 2]))
			return false;
	}
	return true;
}

static bool sets_are_right(const struct categories *c, uint32_t members)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < c->sets; i++) {
		uint32_t end = number_at(c->ends, i);

		if (end < last || end > members || end - last > CATEGORY_SET_MAX)
			return false;
		for (size_t k = 0; k < end - last; k++)
			if (category_set_member(c, i, k) >= c->count)
				return false;
		last = end;
	}
	return true;
}

static bool values_are_right(const struct categories *c)
{
	struct domain_match m;
	size_t at = 0;

	while (domain_map_next(&c->map, &at, &m))
		if (m.value >= c->sets)
			return false;
	return true;
}

int categories_open(const void *bytes, size_t len, struct categories *ret)
{
	struct category_header h;
	struct categories c;
	size_t map;

	if (len < sizeof(h))
		return SL_EMALFORMED;
	memcpy(&h, bytes, sizeof(h));
	category_header_swap(&h);
	if (h.magic != CATEGORY_MAGIC || h.version != CATEGORY_VERSION ||
	    !parts_are_right(&h, bytes, len, &c, &map) || !texts_are_right(&c, h.texts_len) ||
	    !sets_are_right(&c, h.members) ||
	    domain_map_open((const uint8_t *)bytes + map, len - map, &c.map) != 0 || !c.map.trees ||
	    !values_are_right(&c))
		return SL_EMALFORMED;
	*ret = c;
	return 0;
}

/* ---- looking up -------------------------------------------------------------------------- */

const char *category_name(const struct categories *c, uint32_t category)
{
	return c->texts + number_at(c->texts_at, 2ul * category);
}

const char *category_title(const struct categories *c, uint32_t category)
{
	return c->texts + number_at(c->texts_at, 2ul * category + 1);
}

int category_find(const struct categories *c, const char *name, uint32_t *ret_category)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (strcmp(category_name(c, i), name) == 0) {
			*ret_category = i;
			return 0;
		}
	return SL_ENOENT;
}

static uint32_t set_begin(const struct categories *c, uint32_t set)
{
	return set == 0 ? 0 : number_at(c->ends, set - 1);
}

size_t category_set_size(const struct categories *c, uint32_t set)
{
	return number_at(c->ends, set) - set_begin(c, set);
}

uint32_t category_set_member(const struct categories *c, uint32_t set, size_t i)
{
	uint16_t v;

	memcpy(&v, c->members + (set_begin(c, set) + i) * sizeof(v), sizeof(v));
	return le16toh(v);
}

bool categories_lookup(const struct categories *c, const char *name, size_t len,
                       struct domain_match *ret)
{
	return domain_map_find(&c->map, name, len, ret);
}
