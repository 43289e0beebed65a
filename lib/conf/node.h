/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document as a tree of nodes, whichever way it was written: YAML (libyaml) in files, JSON
 * (jansson) from the SMS, the CLI and the image. Each node knows where it stands, so that every
 * complaint can name the place. Bounded in size, depth and number of nodes. `control`, tpsd
 * --check, and each process once an image.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct conf_errors;
struct buf;

enum {
	CONF_DEPTH_MAX = 16,                  /* nested maps and lists */
	CONF_NODES_MAX = 500000,              /* of one document */
	CONF_DOCUMENT_MAX = 32 * 1024 * 1024, /* bytes of one document */
	CONF_SCALAR_MAX = 64 * 1024,          /* bytes of one value */
	CONF_POINTER_MAX = 512,               /* bytes of a pointer as text; longer ones are cut */
};

enum conf_kind { CONF_NULL, CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_kind kind;
	bool quoted;       /* scalar: text in quotes; else a plain word or number */
	const char *key;   /* in a map; NULL in a list and at the root */
	const char *value; /* scalar: its text, no NUL within; else "" */
	size_t index;      /* place among its parent's children, from 0 */
	const struct conf_node *parent;
	struct conf_node *child; /* first; NULL: empty */
	struct conf_node *last;  /* last child */
	struct conf_node *next;  /* sibling */
	size_t children;
	const char *file;              /* as given to the loader */
	unsigned line, column;         /* from 1 */
	unsigned key_line, key_column; /* of the key in a map */
};

struct conf_document;

/*
 * Loads YAML or JSON text (NULL: none). `file` names it in errors (copied). Anchors, aliases, tags
 * and further documents in one stream are errors, as are duplicate keys and keys that are no text.
 * Errors are added to `errs` and the call fails with the first one's code. Free with
 * conf_document_destroy.
 */
int conf_load_yaml(const char *file, const void *text, size_t len, struct conf_errors *errs,
                   struct conf_document **ret) SL_NONNULL(1, 4, 5) SL_MUST;
int conf_load_json(const char *file, const void *text, size_t len, struct conf_errors *errs,
                   struct conf_document **ret) SL_NONNULL(1, 4, 5) SL_MUST;

/* Reads a file: JSON when its name ends in ".json", else YAML. */
int conf_load_file(const char *path, struct conf_errors *errs, struct conf_document **ret)
        SL_NONNULL(1, 2, 3) SL_MUST;

void conf_document_destroy(struct conf_document *doc);

/* Valid as long as the document. */
const struct conf_node *conf_document_root(const struct conf_document *doc) SL_NONNULL(1);

/* The child of that key; NULL when there is none or `map` is none. */
const struct conf_node *conf_node_find(const struct conf_node *map, const char *key)
        SL_NONNULL(1, 2);

/* RFC 6901 pointer of a node, at most CONF_POINTER_MAX bytes; returns `text`. */
char *conf_node_pointer(const struct conf_node *node, char text[CONF_POINTER_MAX]) SL_NONNULL(1, 2);
