/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/domain/map.h"

#include "lib/base/err.h"
#include "lib/domain/name_priv.h"

/* `i` is below map->slots_count. */
static struct domain_slot slot_at(const struct domain_map *map, size_t i)
{
	struct domain_slot s;

	memcpy(&s, map->slots + i * sizeof(s), sizeof(s));
	s.tag = le32toh(s.tag);
	s.value = le32toh(s.value);
	s.name = le32toh(s.name);
	return s;
}

/* ---- opening ----------------------------------------------------------------------------- */

static bool slot_is_empty(const struct domain_slot *s)
{
	return s->len == 0;
}

static bool text_is_right(const struct domain_map *map, const struct domain_slot *s)
{
	return (s->kind == DOMAIN_TREE) == map->trees && s->kind <= DOMAIN_TREE &&
	       s->len > domain_skip((enum domain_cover)s->kind) && s->len <= DOMAIN_NAME_MAX &&
	       s->name <= map->names_len && s->len <= map->names_len - s->name;
}

/* At its home, or behind it without a gap and not far. */
static bool place_is_right(const struct domain_map *map, const struct domain_slot *s, size_t i,
                           bool gap_before)
{
	size_t home = domain_home(s->tag, map->homes);

	return i == home || (i > home && i - home <= DOMAIN_REACH && !gap_before);
}

/* In the order of tags, so that the bounds of a look-up hold. */
static bool slots_are_right(const struct domain_map *map)
{
	size_t count = 0;
	uint32_t last_tag = 0;
	bool gap = true;

	for (size_t i = 0; i < map->slots_count; i++) {
		struct domain_slot s = slot_at(map, i);

		if (!slot_is_empty(&s)) {
			if (s.tag < last_tag || !text_is_right(map, &s) ||
			    !place_is_right(map, &s, i, gap))
				return false;
			last_tag = s.tag;
			count++;
		}
		gap = slot_is_empty(&s);
	}
	return count == map->count;
}

int domain_map_open(const void *bytes, size_t len, struct domain_map *ret)
{
	struct domain_header h;
	struct domain_map map = {.bytes = bytes, .len = len};
	size_t slots_len;

	if (len < sizeof(h))
		return SL_EMALFORMED;
	memcpy(&h, bytes, sizeof(h));
	if (le32toh(h.magic) != DOMAIN_MAGIC || le32toh(h.version) != DOMAIN_VERSION)
		return SL_EMALFORMED;
	map.trees = le32toh(h.trees) == 1;
	map.seed = domain_seed(le32toh(h.seed));
	map.count = le32toh(h.count);
	map.homes = le32toh(h.homes);
	map.names_len = le32toh(h.names_len);
	map.slots_count = (size_t)map.homes + DOMAIN_REACH;
	slots_len = map.slots_count * sizeof(struct domain_slot);
	if (le32toh(h.trees) > 1 || map.homes == 0 || slots_len > len - sizeof(h) ||
	    map.names_len != len - sizeof(h) - slots_len)
		return SL_EMALFORMED;
	map.slots = map.bytes + sizeof(h);
	map.names = (const char *)map.slots + slots_len;
	if (!slots_are_right(&map))
		return SL_EMALFORMED;
	*ret = map;
	return 0;
}

/* ---- looking up -------------------------------------------------------------------------- */

static bool slot_is_for(const struct domain_map *map, const struct domain_slot *s,
                        enum domain_cover kind, const char *suffix, size_t len)
{
	size_t skip = domain_skip(kind);

	return s->kind == kind && s->len == len + skip &&
	       memcmp(map->names + s->name + skip, suffix, len) == 0;
}

static struct domain_match match_of(const struct domain_map *map, const struct domain_slot *s)
{
	return (struct domain_match){
	        .value = s->value, .pattern = map->names + s->name, .pattern_len = s->len};
}

/* At most DOMAIN_REACH + 1 steps: open has seen to that. */
static bool find_one(const struct domain_map *map, uint32_t tag, enum domain_cover kind,
                     const char *suffix, size_t len, struct domain_match *ret)
{
	for (size_t i = domain_home(tag, map->homes); i < map->slots_count; i++) {
		struct domain_slot s = slot_at(map, i);

		if (slot_is_empty(&s) || s.tag > tag)
			return false;
		if (s.tag == tag && slot_is_for(map, &s, kind, suffix, len)) {
			*ret = match_of(map, &s);
			return true;
		}
	}
	return false;
}

/* What can cover a name by its suffix that begins with label `i`. */
static enum domain_cover cover_of(const struct domain_map *map, size_t i)
{
	if (map->trees)
		return DOMAIN_TREE;
	return i == 0 ? DOMAIN_EXACT : DOMAIN_BELOW;
}

/* Tags of the patterns that may cover a name, the most specific first: itself, then what is below
 * each of its suffixes. All their slots are on the way from memory before the first is looked at.
 */
static void tags_of(const struct domain_map *map, const struct domain_name *n, uint32_t *ret_tags)
{
	uint64_t states[DOMAIN_LABELS_MAX];

	domain_name_states(n, map->seed, states);
	for (size_t i = 0; i < n->labels; i++) {
		uint64_t hash = domain_hash(states[i], cover_of(map, i));

		ret_tags[i] = (uint32_t)(hash >> 32);
		__builtin_prefetch(map->slots + domain_home(ret_tags[i], map->homes) *
		                                        sizeof(struct domain_slot));
	}
}

bool domain_map_find(const struct domain_map *map, const char *name, size_t len,
                     struct domain_match *ret)
{
	struct domain_name n;
	uint32_t tags[DOMAIN_LABELS_MAX];

	if (map->count == 0 || !domain_name_parse(&n, name, len))
		return false;
	tags_of(map, &n, tags);
	for (size_t i = 0; i < n.labels; i++)
		if (find_one(map, tags[i], cover_of(map, i), n.text + n.starts[i],
		             n.len - (size_t)n.starts[i], ret))
			return true;
	return false;
}

bool domain_map_next(const struct domain_map *map, size_t *at, struct domain_match *ret)
{
	while (*at < map->slots_count) {
		struct domain_slot s = slot_at(map, (*at)++);

		if (!slot_is_empty(&s)) {
			*ret = match_of(map, &s);
			return true;
		}
	}
	return false;
}
