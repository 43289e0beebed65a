/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a document: adding nodes within the bounds, finding them, naming their place. */
#include "lib/conf/node_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/conf/error.h"

enum {
	DOCUMENT_MAGIC = 0x444f4331,
	/* What a document's tree may take: nodes, plus all text with its padding. */
	TREE_BYTES_MAX = CONF_NODES_MAX * 256 + 4 * CONF_DOCUMENT_MAX,
};

struct conf_document *conf_document_create(const char *file)
{
	struct conf_document *doc = calloc(1, sizeof(*doc));

	if (!doc)
		return NULL;
	MAGIC_SET(doc, DOCUMENT_MAGIC);
	arena_init(&doc->arena, TREE_BYTES_MAX);
	doc->file = arena_text(&doc->arena, file, strlen(file));
	if (!doc->file) {
		conf_document_destroy(doc);
		return NULL;
	}
	return doc;
}

void conf_document_destroy(struct conf_document *doc)
{
	if (!doc)
		return;
	MAGIC_CHECK(doc, DOCUMENT_MAGIC);
	arena_fini(&doc->arena);
	MAGIC_CLEAR(doc);
	free(doc);
}

const struct conf_node *conf_document_root(const struct conf_document *doc)
{
	MAGIC_CHECK(doc, DOCUMENT_MAGIC);
	return doc->root;
}

static size_t depth_of(const struct conf_node *node)
{
	size_t depth = 0;

	while (node) {
		node = node->parent;
		depth++;
	}
	return depth;
}

static struct conf_node *node_refuse(struct conf_errors *errs, const struct conf_node *at, int code,
                                     const char *remedy, const char *text)
{
	(void)conf_errors_add(errs, at, code, remedy, "%s", text);
	return NULL;
}

struct conf_node *conf_node_add(struct conf_document *doc, struct conf_node *parent,
                                const struct conf_node *what, struct conf_errors *errs)
{
	struct conf_node *node;

	if (++doc->nodes > CONF_NODES_MAX)
		return node_refuse(errs, parent, SL_ELIMIT,
		                   "put long lists into files that the document names",
		                   "the document has too many values");
	if (depth_of(parent) >= CONF_DEPTH_MAX)
		return node_refuse(errs, parent, SL_ELIMIT, "see docs/configuration.md",
		                   "maps and lists are nested too deeply");
	node = arena_alloc(&doc->arena, 1, sizeof(*node));
	if (!node)
		return node_refuse(errs, parent, SL_ENOMEM, "", "out of memory");
	*node = *what;
	node->file = doc->file;
	node->parent = parent;
	node->value = what->value ? what->value : "";
	if (!parent) {
		doc->root = node;
		return node;
	}
	node->index = parent->children++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->child = node;
	parent->last = node;
	return node;
}

int conf_node_check_key(const struct conf_node *map, const struct conf_node *entry,
                        struct conf_errors *errs)
{
	const struct conf_node *other = conf_node_find(map, entry->key);

	if (map->children >= CONF_MAP_MAX)
		return conf_errors_add(errs, map, SL_ELIMIT, "see docs/configuration.md",
		                       "more than %d keys in one map", CONF_MAP_MAX);
	if (!other)
		return 0;
	if (other->key_line)
		(void)conf_errors_add(errs, entry, SL_EEXIST, "keep one of the two",
		                      "the key \"%s\" stands in line %u already", entry->key,
		                      other->key_line);
	else
		(void)conf_errors_add(errs, entry, SL_EEXIST, "keep one of the two",
		                      "the key \"%s\" is there twice", entry->key);
	return 0;
}

const struct conf_node *conf_node_find(const struct conf_node *map, const char *key)
{
	if (map->kind != CONF_MAP)
		return NULL;
	for (const struct conf_node *n = map->child; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

/* One token, with '~' and '/' escaped as RFC 6901 section 3 says; returns the new end. */
static size_t put_token(char *text, size_t at, const char *token)
{
	for (; *token && at + 3 < CONF_POINTER_MAX; token++) {
		if (*token == '~' || *token == '/') {
			text[at++] = '~';
			text[at++] = *token == '~' ? '0' : '1';
		} else {
			text[at++] = *token;
		}
	}
	text[at] = '\0';
	return at;
}

char *conf_node_pointer(const struct conf_node *node, char text[CONF_POINTER_MAX])
{
	const struct conf_node *path[CONF_DEPTH_MAX + 1];
	size_t depth = 0;
	size_t at = 0;

	text[0] = '\0';
	for (; node->parent && depth <= CONF_DEPTH_MAX; node = node->parent)
		path[depth++] = node;
	while (depth-- > 0) {
		char number[24];

		(void)snprintf(number, sizeof(number), "%zu", path[depth]->index);
		if (at + 1 < CONF_POINTER_MAX)
			text[at++] = '/';
		at = put_token(text, at, path[depth]->key ? path[depth]->key : number);
	}
	return text;
}
