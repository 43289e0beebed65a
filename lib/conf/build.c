/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document into a struct config: the walk along the schema, the look-up of names, and the order
 * of the checks. Every step runs even after errors in an earlier one, so that all are found.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/conf/build_priv.h"
#include "lib/conf/canon.h"
#include "lib/conf/config_priv.h"
#include "lib/conf/value.h"
#include "lib/conf/version.h"

void *build_alloc(struct build *b, size_t count, size_t size)
{
	void *at = arena_alloc(b->arena, count ? count : 1, size);

	if (!at)
		(void)conf_errors_add(b->errs, NULL, SL_ENOMEM, "", "out of memory");
	return at;
}

const char *build_suggest(const char *word, const char *const *words, size_t count)
{
	enum { FARTHEST = 2 };
	size_t nearest = FARTHEST + 1;
	const char *best = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = value_edit_distance(word, words[i], FARTHEST);

		if (distance < nearest && distance < strlen(words[i])) {
			nearest = distance;
			best = words[i];
		}
	}
	return best;
}

/* ---- maps -------------------------------------------------------------------------------- */

static void unknown_key(struct build *b, const struct conf_object *object,
                        const struct conf_node *node)
{
	enum { FIELDS_MAX = 64 };
	const char *names[FIELDS_MAX];
	const char *best;
	char remedy[256];
	size_t count = SL_MIN(object->count, (size_t)FIELDS_MAX);

	for (size_t i = 0; i < count; i++)
		names[i] = object->fields[i].name;
	best = build_suggest(node->key, names, count);
	if (best)
		(void)snprintf(remedy, sizeof(remedy), "did you mean \"%s\"?", best);
	else
		(void)snprintf(remedy, sizeof(remedy), "%s lists the keys of %s", b->page,
		               object->name);
	(void)conf_errors_add(b->errs, node, SL_ENOENT, remedy, "there is no key \"%.64s\" here",
	                      node->key);
}

static bool says_something(const struct conf_field *f, const struct conf_node *node)
{
	if (node->kind == CONF_SCALAR)
		return strcmp(node->value, f->fallback ? f->fallback : "") != 0;
	return node->children > 0;
}

/* A setting whose place is prepared: refused with the reason, and not looked into any further. */
static bool check_available(struct build *b, const struct conf_field *f,
                            const struct conf_node *node)
{
	const struct conf_node *items = f->type == CONF_TYPE_OBJECTS ? node->child : node;

	if (!(f->flags & CONF_UNAVAILABLE) || !says_something(f, node))
		return true;
	if (f->type != CONF_TYPE_OBJECTS || node->kind != CONF_LIST) {
		(void)conf_errors_add(b->errs, node, SL_EUNSUPPORTED, "leave it out", "%s: %s",
		                      f->name, f->unavailable);
		return false;
	}
	for (; items; items = items->next) {
		const struct conf_node *name = conf_node_find(items, "name");

		(void)conf_errors_add(b->errs, items, SL_EUNSUPPORTED, "leave it out",
		                      "%s \"%.64s\": %s", f->object->name, name ? name->value : "",
		                      f->unavailable);
	}
	return false;
}

/* What objects of the SMS have and documents have not, or the other way round. */
static bool check_side(struct build *b, const struct conf_field *f, const struct conf_node *node)
{
	bool is_object = !b->config;

	if (f->flags & CONF_SMS_ONLY && !is_object) {
		(void)conf_errors_add(b->errs, node, SL_EUNSUPPORTED, f->remedy, "%s: %s", f->name,
		                      f->unavailable);
		return false;
	}
	if (f->flags & CONF_SMS_MADE && is_object) {
		(void)conf_errors_add(b->errs, node, SL_EUNSUPPORTED, "leave it out",
		                      "%s is in documents that the management system makes, and in "
		                      "no object",
		                      f->name);
		return false;
	}
	return true;
}

static bool check_since(struct build *b, const struct conf_field *f, const struct conf_node *node)
{
	char remedy[64];

	if (conf_since(f) <= b->version)
		return true;
	(void)snprintf(remedy, sizeof(remedy), "set \"version: %" PRIu32 "\"", conf_since(f));
	(void)conf_errors_add(b->errs, node, SL_EUNSUPPORTED, remedy,
	                      "%s came with version %" PRIu32
	                      " of the document, and this one is of version %" PRIu32,
	                      f->name, conf_since(f), b->version);
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct conf_node *const *x = a;
	const struct conf_node *const *y = b;
	int order = strcmp((*x)->value, (*y)->value);

	if (order != 0)
		return order;
	return (*x)->parent->index < (*y)->parent->index ? -1 : 1;
}

static void check_unique(struct build *b, const struct conf_field *f, const struct conf_node *list)
{
	const struct conf_node **names;
	size_t count = 0;

	if (!(f->flags & CONF_UNIQUE) || list->kind != CONF_LIST || list->children == 0)
		return;
	names = reallocarray(NULL, list->children, sizeof(struct conf_node *));
	if (!names) {
		(void)conf_errors_add(b->errs, list, SL_ENOMEM, "", "out of memory");
		return;
	}
	for (const struct conf_node *item = list->child; item; item = item->next) {
		const struct conf_node *name = conf_node_find(item, "name");

		if (!name || name->kind != CONF_SCALAR)
			continue;
		names[count++] = name;
	}
	qsort(names, count, sizeof(struct conf_node *), by_name);
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i - 1]->value, names[i]->value) == 0)
			(void)conf_errors_add(b->errs, names[i], SL_EEXIST, "choose another name",
			                      "the name \"%.64s\" is taken by another %s",
			                      names[i]->value, f->object->name);
	free(names);
}

static void read_field(struct build *b, const struct conf_object *object,
                       const struct conf_field *f, const struct conf_node *map, void *base)
{
	const struct conf_node *node = map ? conf_node_find(map, f->name) : NULL;

	if (node && node->kind != CONF_NULL) {
		if (!check_available(b, f, node) || !check_side(b, f, node) ||
		    !check_since(b, f, node))
			return;
		check_unique(b, f, node);
		build_read_value(b, f, node, base);
		return;
	}
	if (map && (f->flags & CONF_REQUIRED))
		(void)conf_errors_add(b->errs, map, SL_ENOENT, f->help, "%s has no \"%s\"",
		                      object->name, f->name);
	build_read_fallback(b, f, base);
}

void build_read_object(struct build *b, const struct conf_object *object,
                       const struct conf_node *node, void *base)
{
	for (const struct conf_node *n = node ? node->child : NULL; n; n = n->next)
		if (!conf_object_field(object, n->key))
			unknown_key(b, object, n);
	for (size_t i = 0; i < object->count; i++)
		read_field(b, object, &object->fields[i], node, base);
}

/* ---- names ------------------------------------------------------------------------------- */

struct named {
	const char *name;
	const void *item;
};

static int by_named(const void *a, const void *b)
{
	const struct named *x = a;
	const struct named *y = b;

	return strcmp(x->name, y->name);
}

/* The document's item of a built-in one's name stands behind it, and takes its place. */
static int by_named_last_first(const void *a, const void *b)
{
	const struct named *x = a;
	const struct named *y = b;
	int order = by_named(a, b);

	return order ? order : (x->item < y->item) - (x->item > y->item);
}

static size_t drop_repeated(struct named *items, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || by_named(&items[kept - 1], &items[i]) != 0)
			items[kept++] = items[i];
	return kept;
}

/* Items of a collection in order of their names; freed by the caller. NULL and 0: none. */
static struct named *sorted_items(struct build *b, enum conf_collection collection,
                                  size_t *ret_count)
{
	*ret_count = 0;
	for (size_t i = 0; i < conf_schema.count; i++) {
		const struct conf_field *f = &conf_schema.fields[i];
		struct build_list list;
		struct named *items;
		const char *at;

		if (f->collection != collection || f->type != CONF_TYPE_OBJECTS)
			continue;
		memcpy(&list, (const char *)b->config + f->offset, sizeof(list));
		items = reallocarray(NULL, list.count ? list.count : 1, sizeof(*items));
		if (!items)
			return NULL;
		at = list.items;
		for (size_t n = 0; n < list.count; n++, at += f->object->size) {
			const char *name = *(const char *const *)(const void *)at;

			if (name)
				items[(*ret_count)++] = (struct named){name, at};
		}
		qsort(items, *ret_count, sizeof(*items), by_named_last_first);
		*ret_count = drop_repeated(items, *ret_count);
		return items;
	}
	return NULL;
}

static void unknown_name(struct build *b, const struct build_ref *ref, const struct named *items,
                         size_t count)
{
	enum { COMPARED = 2000 };
	const char *what = conf_collection_name(ref->collection);
	const char *best = NULL;
	char remedy[256];

	for (size_t i = 0; i < SL_MIN(count, (size_t)COMPARED) && !best; i++)
		best = build_suggest(ref->node->value, &items[i].name, 1);
	if (best)
		(void)snprintf(remedy, sizeof(remedy), "did you mean \"%s\"?", best);
	else
		(void)snprintf(remedy, sizeof(remedy), "define it, or name another");
	(void)conf_errors_add(b->errs, ref->node, SL_ENOENT, remedy, "there is no %s \"%.128s\"",
	                      what, ref->node->value);
}

static void resolve_collection(struct build *b, enum conf_collection collection)
{
	size_t count;
	struct named *items = sorted_items(b, collection, &count);

	for (size_t i = 0; i < b->refs_count; i++) {
		struct build_ref *ref = &b->refs[i];
		struct named key = {.name = ref->node->value};
		const struct named *found = NULL;

		if (ref->collection != collection)
			continue;
		if (count > 0)
			found = bsearch(&key, items, count, sizeof(*items), by_named);
		if (!found)
			unknown_name(b, ref, items, count);
		else if (ref->slot)
			*ref->slot = found->item;
	}
	free(items);
}

void build_resolve(struct build *b)
{
	for (int c = CONF_NO_COLLECTION + 1; c < CONF_COLLECTIONS; c++)
		resolve_collection(b, (enum conf_collection)c);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void build_all(struct build *b, const struct conf_node *root)
{
	if (root->kind != CONF_MAP) {
		(void)conf_errors_add(b->errs, root, SL_EINVAL,
		                      "start from packaging/tpsd.example.yaml",
		                      "the document is no map of settings");
		return;
	}
	/* Of another version more than its number is wrong, which says nothing more. */
	if (conf_version_of(root, b->errs, &b->version) != 0)
		return;
	build_read_object(b, &conf_schema, root, b->config);
	build_resolve(b);
	build_derive(b, root);
	build_check(b, root);
	if (conf_canonical_sha256(root, b->config->sha256) != 0)
		(void)conf_errors_add(b->errs, NULL, SL_ENOMEM, "", "out of memory");
}

int config_build(const struct conf_node *root, struct conf_errors *errs, struct config **ret)
{
	struct config *c = config_create();
	struct build b = {.errs = errs, .config = c, .page = "docs/configuration.md"};
	size_t refusals = errs->refusals;

	if (!c)
		return conf_errors_add(errs, NULL, SL_ENOMEM, "", "out of memory");
	b.arena = config_arena(c);
	build_all(&b, root);
	free(b.refs);
	conf_errors_sort(errs);
	if (errs->refusals > refusals) {
		config_put(c);
		return conf_errors_code(errs);
	}
	*ret = c;
	return 0;
}
