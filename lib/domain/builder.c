/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map in the making: patterns in the order of their coming, found again by an index of its own;
 * laid out at the end.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/domain/name_priv.h"

enum {
	BUILDER_MAGIC = 0x444d4244, /* "DMBD" */
	FIRST_ENTRIES = 256,
	SEEDS = 8, /* tried until one spreads the patterns; the first nearly always does */
};

/* One pattern. */
struct entry {
	uint32_t name, value;
	uint8_t len, kind;
};

struct domain_builder {
	uint32_t magic;
	bool trees;        /* all patterns are DOMAIN_TREE */
	uint64_t seed;     /* of the index: a list cannot be made to collide in it */
	struct buf names;  /* texts, one after the other */
	struct entry *all; /* half as many as the index has places */
	uint32_t *index;   /* number of an entry and 1; 0: free */
	size_t count, size;
};

static struct domain_builder *create(bool trees)
{
	struct domain_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	MAGIC_SET(b, BUILDER_MAGIC);
	b->trees = trees;
	buf_init(&b->names, UINT32_MAX);
	if (getrandom(&b->seed, sizeof(b->seed), GRND_NONBLOCK) != (ssize_t)sizeof(b->seed))
		b->seed = (uintptr_t)b;
	return b;
}

struct domain_builder *domain_builder_create(void)
{
	return create(false);
}

struct domain_builder *domain_builder_create_trees(void)
{
	return create(true);
}

void domain_builder_destroy(struct domain_builder *b)
{
	if (!b)
		return;
	MAGIC_CHECK(b, BUILDER_MAGIC);
	MAGIC_CLEAR(b);
	buf_fini(&b->names);
	free(b->all);
	free(b->index);
	free(b);
}

size_t domain_builder_count(const struct domain_builder *b)
{
	return b->count;
}

/* ---- the index --------------------------------------------------------------------------- */

static const char *text_of(const struct domain_builder *b, const struct entry *e)
{
	return (const char *)b->names.data + e->name;
}

static uint64_t hash_of(const struct domain_name *n, enum domain_cover kind, uint64_t seed)
{
	uint64_t states[DOMAIN_LABELS_MAX];

	domain_name_states(n, seed, states);
	return domain_hash(states[0], kind);
}

static bool parse(const struct domain_builder *b, struct domain_name *n,
                  enum domain_cover *ret_kind, const char *text, size_t len)
{
	if (!b->trees)
		return domain_pattern_parse(n, ret_kind, text, len);
	*ret_kind = DOMAIN_TREE;
	return domain_name_parse(n, text, len);
}

/* Of an entry, whose text is a pattern: it was one when it was added. */
static uint64_t entry_hash(const struct domain_builder *b, const struct entry *e, uint64_t seed)
{
	struct domain_name n;
	enum domain_cover kind;

	if (!parse(b, &n, &kind, text_of(b, e), e->len))
		abort();
	return hash_of(&n, kind, seed);
}

static bool entry_is(const struct domain_builder *b, const struct entry *e,
                     const struct domain_name *n, enum domain_cover kind)
{
	size_t skip = domain_skip(kind);

	return e->kind == kind && e->len == n->len + skip &&
	       memcmp(text_of(b, e) + skip, n->text, n->len) == 0;
}

/* Its place in the index, or the free one that it would take. The index has free places. */
static size_t place_of(const struct domain_builder *b, const struct domain_name *n,
                       enum domain_cover kind)
{
	size_t mask = 2 * b->size - 1;
	size_t at = hash_of(n, kind, b->seed) & mask;

	while (b->index[at] != 0 && !entry_is(b, &b->all[b->index[at] - 1], n, kind))
		at = (at + 1) & mask;
	return at;
}

static void index_entry(const struct domain_builder *b, uint32_t *index, size_t size, size_t i)
{
	size_t mask = 2 * size - 1;
	size_t at = entry_hash(b, &b->all[i], b->seed) & mask;

	while (index[at] != 0)
		at = (at + 1) & mask;
	index[at] = (uint32_t)i + 1;
}

static int make_room(struct domain_builder *b)
{
	size_t size = b->size ? 2 * b->size : FIRST_ENTRIES;
	struct entry *all;
	uint32_t *index;

	if (b->count < b->size)
		return 0;
	all = realloc(b->all, size * sizeof(*all));
	if (!all)
		return SL_ENOMEM;
	b->all = all;
	index = calloc(2 * size, sizeof(*index));
	if (!index)
		return SL_ENOMEM;
	for (size_t i = 0; i < b->count; i++)
		index_entry(b, index, size, i);
	free(b->index);
	b->index = index;
	b->size = size;
	return 0;
}

/* ---- adding ------------------------------------------------------------------------------ */

static int add_new(struct domain_builder *b, const struct domain_name *n, enum domain_cover kind,
                   size_t place, uint32_t value)
{
	size_t skip = domain_skip(kind);
	size_t at = b->names.len;
	char text[DOMAIN_NAME_MAX + DOMAIN_WILDCARD_LEN] = "*.";
	int rc;

	if (b->count == DOMAIN_PATTERNS_MAX)
		return SL_ELIMIT;
	memcpy(text + skip, n->text, n->len);
	rc = buf_add(&b->names, text, n->len + skip);
	if (rc != 0)
		return rc;
	b->all[b->count] = (struct entry){.name = (uint32_t)at,
	                                  .value = value,
	                                  .len = (uint8_t)(n->len + skip),
	                                  .kind = (uint8_t)kind};
	b->index[place] = (uint32_t)++b->count;
	return 0;
}

int domain_builder_add(struct domain_builder *b, const char *pattern, size_t len, uint32_t value)
{
	struct domain_name n;
	enum domain_cover kind;
	size_t place;
	int rc;

	MAGIC_CHECK(b, BUILDER_MAGIC);
	if (!parse(b, &n, &kind, pattern, len))
		return SL_EMALFORMED;
	rc = make_room(b);
	if (rc != 0)
		return rc;
	place = place_of(b, &n, kind);
	if (b->index[place] == 0)
		return add_new(b, &n, kind, place, value);
	b->all[b->index[place] - 1].value = value;
	return 0;
}

int domain_builder_get(const struct domain_builder *b, const char *pattern, size_t len,
                       uint32_t *ret_value)
{
	struct domain_name n;
	enum domain_cover kind;
	size_t place;

	if (b->count == 0 || !parse(b, &n, &kind, pattern, len))
		return SL_ENOENT;
	place = place_of(b, &n, kind);
	if (b->index[place] == 0)
		return SL_ENOENT;
	*ret_value = b->all[b->index[place] - 1].value;
	return 0;
}

/* ---- the layout -------------------------------------------------------------------------- */

/* An entry on its way to its slot. */
struct placed {
	uint32_t tag, entry;
};

struct layout {
	const struct domain_builder *b;
	struct placed *order;
	uint32_t homes;
};

/* By tag; by text where two are the same, so that the order of adding leaves no trace. */
static int compare_placed(const void *a, const void *b, void *arg)
{
	const struct placed *x = a, *y = b;
	const struct domain_builder *in = arg;
	const struct entry *ex = &in->all[x->entry], *ey = &in->all[y->entry];
	int order;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	order = memcmp(text_of(in, ex), text_of(in, ey), SL_MIN(ex->len, ey->len));
	return order != 0 ? order : (int)ex->len - (int)ey->len;
}

static void order_by_tag(struct layout *l, uint64_t seed)
{
	for (size_t i = 0; i < l->b->count; i++) {
		l->order[i].entry = (uint32_t)i;
		l->order[i].tag = (uint32_t)(entry_hash(l->b, &l->b->all[i], seed) >> 32);
	}
	qsort_r(l->order, l->b->count, sizeof(*l->order), compare_placed, (void *)l->b);
}

/* Where the next one goes, given the first place that is still free. */
static size_t next_place(const struct layout *l, size_t i, size_t free_from)
{
	return SL_MAX(free_from, domain_home(l->order[i].tag, l->homes));
}

static bool fits(const struct layout *l)
{
	size_t at = 0;

	for (size_t i = 0; i < l->b->count; i++) {
		at = next_place(l, i, at);
		if (at - domain_home(l->order[i].tag, l->homes) > DOMAIN_REACH)
			return false;
		at++;
	}
	return true;
}

/* The slots are zero, the names have room for all texts. */
static void write_slots(const struct layout *l, uint8_t *slots, char *names)
{
	size_t at = 0, name = 0;

	for (size_t i = 0; i < l->b->count; i++) {
		const struct entry *e = &l->b->all[l->order[i].entry];
		struct domain_slot s = {.tag = htole32(l->order[i].tag),
		                        .value = htole32(e->value),
		                        .name = htole32((uint32_t)name),
		                        .len = e->len,
		                        .kind = e->kind};

		at = next_place(l, i, at);
		memcpy(slots + at++ * sizeof(s), &s, sizeof(s));
		memcpy(names + name, text_of(l->b, e), e->len);
		name += e->len;
	}
}

static int write_map(const struct layout *l, uint32_t seed, struct buf *out)
{
	const struct domain_header h = {.magic = htole32(DOMAIN_MAGIC),
	                                .version = htole32(DOMAIN_VERSION),
	                                .trees = htole32(l->b->trees),
	                                .seed = htole32(seed),
	                                .count = htole32((uint32_t)l->b->count),
	                                .homes = htole32(l->homes),
	                                .names_len = htole32((uint32_t)l->b->names.len)};
	size_t slots_len = ((size_t)l->homes + DOMAIN_REACH) * sizeof(struct domain_slot);
	size_t len = sizeof(h) + slots_len + l->b->names.len;
	uint8_t *room;
	int rc = buf_reserve(out, len, &room);

	if (rc != 0)
		return rc;
	memcpy(room, &h, sizeof(h));
	memset(room + sizeof(h), 0, slots_len);
	write_slots(l, room + sizeof(h), (char *)room + sizeof(h) + slots_len);
	out->len += len;
	return 0;
}

int domain_builder_finish(const struct domain_builder *b, struct buf *out)
{
	/* Three quarters full: about two slots are looked at for a name. */
	struct layout l = {.b = b, .homes = (uint32_t)(b->count + b->count / 3 + 1)};
	int rc = SL_ELIMIT;

	MAGIC_CHECK(b, BUILDER_MAGIC);
	l.order = malloc((b->count + 1) * sizeof(*l.order));
	if (!l.order)
		return SL_ENOMEM;
	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		order_by_tag(&l, domain_seed(seed));
		if (fits(&l)) {
			rc = write_map(&l, seed, out);
			break;
		}
	}
	free(l.order);
	return rc;
}
