/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a rule set in the making: bytes, sets, patterns, lists. What a rule becomes is in
 * plan.c, the databases in database.c.
 */
#include "tse/match/builder.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "tse/match/database.h"
#include "tse/match/table.h"

static uint32_t hash_bytes(uint32_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

#define HASH_START 0x811c9dc5u

int builder_init(struct builder *b, builder_warn_fn *warn, void *warn_arg)
{
	struct rs_set any = {0};
	uint32_t place;
	void *p;
	int rc;

	*b = (struct builder){.warn = warn, .warn_arg = warn_arg};
	b->set = calloc(1, sizeof(*b->set));
	if (!b->set)
		return SL_ENOMEM;
	MAGIC_SET(b->set, RS_MAGIC);
	rc = builder_add_bytes(b, "", 1, &place); /* place 0: the empty text */
	p = NULL;
	if (rc == 0)
		rc = table_grow(&p, 0, &b->cap_addr_sets, sizeof(any), 1);
	b->set->addr_sets = p;
	p = NULL;
	if (rc == 0)
		rc = table_grow(&p, 0, &b->cap_port_sets, sizeof(any), 1);
	b->set->port_sets = p;
	p = NULL;
	if (rc == 0)
		rc = table_grow(&p, 0, &b->cap_groups, sizeof(*b->set->groups), RS_GROUPS);
	b->set->groups = p;
	if (rc != 0) {
		builder_fini(b);
		return rc;
	}
	memset(b->set->groups, 0, RS_GROUPS * sizeof(*b->set->groups));
	b->set->ngroups = RS_GROUPS;
	b->set->addr_sets[b->set->naddr_sets++] = any;
	b->set->port_sets[b->set->nport_sets++] = any;
	return 0;
}

void builder_fini(struct builder *b)
{
	tse_ruleset_destroy(b->set);
	free(b->patterns);
	free(b->pattern_index);
	free(b->refs);
	free(b->addr_names);
	free(b->port_names);
	for (size_t i = 0; i < RS_LISTS; i++)
		free(b->list[i]);
	memset(b, 0, sizeof(*b));
}

int builder_add_bytes(struct builder *b, const void *data, size_t len, uint32_t *ret_place)
{
	void *p = b->set->bytes;
	int rc;

	if (len > UINT32_MAX / 2)
		return SL_ELIMIT;
	rc = table_grow(&p, b->set->nbytes, &b->cap_bytes, 1, (uint32_t)len);
	if (rc != 0)
		return rc;
	b->set->bytes = p;
	memcpy(b->set->bytes + b->set->nbytes, data, len);
	*ret_place = b->set->nbytes;
	b->set->nbytes += (uint32_t)len;
	return 0;
}

static bool find_name(const struct builder *b, const struct builder_set_name *names, uint32_t n,
                      const char *name, uint32_t *ret_number)
{
	uint32_t hash = hash_bytes(HASH_START, name, strlen(name));

	for (uint32_t i = 0; i < n; i++) {
		if (names[i].hash == hash && strcmp(rs_text(b->set, names[i].text), name) == 0) {
			*ret_number = names[i].number;
			return true;
		}
	}
	return false;
}

static int add_name(struct builder *b, struct builder_set_name **names, uint32_t *n, uint32_t *cap,
                    const char *name, uint32_t number)
{
	void *p = *names;
	uint32_t place;
	int rc = table_grow(&p, *n, cap, sizeof(**names), 1);

	if (rc != 0)
		return rc;
	*names = p;
	rc = builder_add_bytes(b, name, strlen(name) + 1, &place);
	if (rc != 0)
		return rc;
	(*names)[(*n)++] =
	        (struct builder_set_name){.hash = hash_bytes(HASH_START, name, strlen(name)),
	                                  .text = place,
	                                  .number = number};
	return 0;
}

bool builder_find_addr_set(const struct builder *b, const char *name, uint32_t *ret_number)
{
	return find_name(b, b->addr_names, b->naddr_names, name, ret_number);
}

bool builder_find_port_set(const struct builder *b, const char *name, uint32_t *ret_number)
{
	return find_name(b, b->port_names, b->nport_names, name, ret_number);
}

/* Ranges and the set that names them, in the two tables of its kind. */
#define ADD_SET(b, kind, ranges, n, ret)                                                           \
	do {                                                                                       \
		void *r_ = (b)->set->kind##_ranges;                                                \
		void *s_ = (b)->set->kind##_sets;                                                  \
		(ret) = table_grow(&r_, (b)->set->n##kind##_ranges, &(b)->cap_##kind##_ranges,     \
		                   sizeof(*(ranges)), (n));                                        \
		if ((ret) != 0)                                                                    \
			break;                                                                     \
		(b)->set->kind##_ranges = r_;                                                      \
		(ret) = table_grow(&s_, (b)->set->n##kind##_sets, &(b)->cap_##kind##_sets,         \
		                   sizeof(struct rs_set), 1);                                      \
		if ((ret) != 0)                                                                    \
			break;                                                                     \
		(b)->set->kind##_sets = s_;                                                        \
		memcpy((b)->set->kind##_ranges + (b)->set->n##kind##_ranges, (ranges),             \
		       (size_t)(n) * sizeof(*(ranges)));                                           \
		(b)->set->kind##_sets[(b)->set->n##kind##_sets++] =                                \
		        (struct rs_set){(b)->set->n##kind##_ranges, (n)};                          \
		(b)->set->n##kind##_ranges += (n);                                                 \
	} while (0)

int builder_add_addr_set(struct builder *b, const char *name, const struct rs_addr_range *ranges,
                         uint32_t n, uint32_t *ret_number)
{
	int rc;

	ADD_SET(b, addr, ranges, n, rc);
	if (rc == 0)
		rc = add_name(b, &b->addr_names, &b->naddr_names, &b->cap_addr_names, name,
		              b->set->naddr_sets - 1);
	if (rc == 0)
		*ret_number = b->set->naddr_sets - 1;
	return rc;
}

int builder_add_port_set(struct builder *b, const char *name, const struct rs_port_range *ranges,
                         uint32_t n, uint32_t *ret_number)
{
	int rc;

	ADD_SET(b, port, ranges, n, rc);
	if (rc == 0)
		rc = add_name(b, &b->port_names, &b->nport_names, &b->cap_port_names, name,
		              b->set->nport_sets - 1);
	if (rc == 0)
		*ret_number = b->set->nport_sets - 1;
	return rc;
}

int builder_add_to_list(struct builder *b, unsigned list, uint32_t rule)
{
	void *p = b->list[list];
	int rc = table_grow(&p, b->nlist[list], &b->cap_list[list], sizeof(uint32_t), 1);

	if (rc != 0)
		return rc;
	b->list[list] = p;
	b->list[list][b->nlist[list]++] = rule;
	return 0;
}

/* ---- patterns ---- */

static int grow_index(struct builder *b)
{
	uint32_t size = b->pattern_index_size ? b->pattern_index_size * 2 : 1024;
	uint32_t *index;

	if (b->npatterns * 2 < b->pattern_index_size)
		return 0;
	index = calloc(size, sizeof(*index));
	if (!index)
		return SL_ENOMEM;
	for (uint32_t i = 0; i < b->npatterns; i++) {
		uint32_t at = b->patterns[i].hash & (size - 1);

		while (index[at])
			at = (at + 1) & (size - 1);
		index[at] = i + 1;
	}
	free(b->pattern_index);
	b->pattern_index = index;
	b->pattern_index_size = size;
	return 0;
}

static bool same_pattern(const struct builder *b, const struct builder_pattern *p,
                         const struct builder_pattern *q, const void *data)
{
	return p->hash == q->hash && p->group == q->group && p->nocase == q->nocase &&
	       p->expression == q->expression && p->flags == q->flags && p->len == q->len &&
	       memcmp(b->set->bytes + p->data, data, q->len) == 0;
}

/* Finds or adds the pattern `want` (its data field not set yet). */
static int intern_pattern(struct builder *b, const struct builder_pattern *want, const void *data,
                          struct builder_pattern **ret_pattern)
{
	void *p = b->patterns;
	uint32_t at;
	int rc = grow_index(b);

	if (rc != 0)
		return rc;
	for (at = want->hash & (b->pattern_index_size - 1); b->pattern_index[at];
	     at = (at + 1) & (b->pattern_index_size - 1)) {
		struct builder_pattern *have = &b->patterns[b->pattern_index[at] - 1];

		if (same_pattern(b, have, want, data)) {
			have->single = have->single && want->single;
			*ret_pattern = have;
			return 0;
		}
	}
	rc = table_grow(&p, b->npatterns, &b->cap_bpatterns, sizeof(*b->patterns), 1);
	if (rc != 0)
		return rc;
	b->patterns = p;
	b->patterns[b->npatterns] = *want;
	rc = builder_add_bytes(b, data, want->len, &b->patterns[b->npatterns].data);
	if (rc != 0)
		return rc;
	b->pattern_index[at] = ++b->npatterns;
	*ret_pattern = &b->patterns[b->npatterns - 1];
	return 0;
}

static int add_pattern(struct builder *b, const struct builder_pattern *want, const void *data,
                       uint32_t target)
{
	struct builder_pattern *pattern;
	void *p = b->refs;
	int rc = table_grow(&p, b->nrefs, &b->cap_brefs, sizeof(*b->refs), 1);

	if (rc != 0)
		return rc;
	b->refs = p;
	rc = intern_pattern(b, want, data, &pattern);
	if (rc != 0)
		return rc;
	b->refs[b->nrefs] = (struct builder_ref){.target = target, .next = pattern->first_ref};
	pattern->first_ref = ++b->nrefs;
	pattern->nrefs++;
	return 0;
}

int builder_add_literal(struct builder *b, unsigned group, const uint8_t *data, uint32_t len,
                        bool nocase, bool single, uint32_t target)
{
	struct builder_pattern want = {
	        .group = (uint8_t)group, .nocase = nocase, .single = single, .len = len};

	want.hash = hash_bytes(hash_bytes(HASH_START + group * 2 + nocase, "", 1), data, len);
	return add_pattern(b, &want, data, target);
}

int builder_add_expression(struct builder *b, unsigned group, const char *expression,
                           uint32_t flags, uint32_t target)
{
	struct builder_pattern want = {.group = (uint8_t)group,
	                               .expression = true,
	                               .flags = flags,
	                               .len = (uint32_t)strlen(expression) + 1};

	want.hash = hash_bytes(HASH_START + group + flags, expression, want.len);
	return add_pattern(b, &want, expression, target);
}

static int flatten_lists(struct builder *b)
{
	struct tse_ruleset *set = b->set;
	uint32_t total = 0;

	for (size_t i = 0; i < RS_LISTS; i++)
		total += b->nlist[i];
	set->lists = calloc(RS_LISTS, sizeof(*set->lists));
	set->list_items = calloc(total + 1, sizeof(*set->list_items));
	if (!set->lists || !set->list_items)
		return SL_ENOMEM;
	set->nlists = RS_LISTS;
	for (size_t i = 0; i < RS_LISTS; i++) {
		set->lists[i] = (struct rs_set){set->nlist_items, b->nlist[i]};
		for (uint32_t k = 0; k < b->nlist[i]; k++)
			set->list_items[set->nlist_items++] = b->list[i][k];
	}
	return 0;
}

int builder_finish(struct builder *b, struct tse_ruleset **ret_set)
{
	uint32_t end;
	int rc = builder_add_bytes(b, "", 1, &end); /* every text ends within the pool */

	if (rc == 0)
		rc = flatten_lists(b);

	if (rc == 0)
		rc = database_compile(b);
	if (rc != 0)
		return rc;
	*ret_set = b->set;
	b->set = NULL;
	return 0;
}
