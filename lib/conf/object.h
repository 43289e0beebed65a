/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object by its rows, outside a device's document: the bodies of requests to the SMS are
 * checked by the same code as a device's settings, with the same errors. Nothing is built of it,
 * and names in it are not looked up. Any thread.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"

struct conf_changes;
struct conf_document;
struct conf_errors;
struct conf_node;

enum {
	/* Of one text in it, and the row's own maximum: a document (CONF_DOCUMENT_MAX), which a
	 * device sends along. */
	CONF_OBJECT_TEXT_MAX = 32 * 1024 * 1024,
	/* Of JSON text that is read: that with its quotes escaped. Who serves has bounds of his
	 * own before. */
	CONF_OBJECT_MAX = 2 * CONF_OBJECT_TEXT_MAX,
};

/* A row of a body: CONF_ROW("name", NAME, "What it is called.", .max = 64). */
#define CONF_ROW(key, kind, text, ...)                                                             \
	{                                                                                          \
		.name = (key), .type = CONF_TYPE_##kind, .offset = CONF_NOWHERE, .help = (text),   \
		__VA_ARGS__                                                                        \
	}

/* The object of an array of rows: struct conf_object x = CONF_ROWS("login", rows). */
#define CONF_ROWS(title, table)                                                                    \
	{                                                                                          \
		.name = (title), .fields = (table), .count = SL_ARRAY_LEN(table)                   \
	}

/*
 * Reads JSON text and checks it, to the end: everything wrong is in `errs` with its pointer.
 * Bounded as a document is. The first error's code, else 0 and the value (json_decref frees).
 * What it copied is wiped; jansson's own memory is its allocator's to wipe.
 */
int conf_object_read(const struct conf_object *object, const void *text, size_t len,
                     struct conf_errors *errs, json_t **ret_value) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* As conf_object_read, of a value that was read already. The first error's code. */
int conf_object_check(const struct conf_object *object, const json_t *value,
                      struct conf_errors *errs) SL_NONNULL(1, 2, 3) SL_MUST;

/* The one spelling of a checked value, as canon.h has it of documents; `flags` are its. A new
 * reference. SL_ENOMEM; the first error's code for what conf_object_check refuses by its size. */
int conf_object_canonical(const struct conf_object *object, const json_t *value, unsigned flags,
                          json_t **ret_value) SL_NONNULL(1, 2, 4) SL_MUST;

/* An object as it stands in a document, YAML or JSON, checked as the document is: its one spelling,
 * which is a body. What is wrong is in `errs`, with line and column. */
int conf_object_of_node(const struct conf_object *object, const struct conf_node *node,
                        struct conf_errors *errs, json_t **ret_value)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* What differs between two checked values, as diff.h has it of documents. One of both NULL: it is
 * made, or gone; then what is written is told, without defaults. conf_changes_fini frees. */
int conf_object_diff(const struct conf_object *object, const json_t *old_value,
                     const json_t *new_value, struct conf_changes *ret_changes)
        SL_NONNULL(1, 4) SL_MUST;

/* A whole document from a value, which stays the caller's: conf_load_json of its text, without the
 * text. */
int conf_load_value(const char *file, json_t *value, struct conf_errors *errs,
                    struct conf_document **ret) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/*
 * Takes the rows that came after `version` out of a document's value, for who reads no newer one
 * (version.h). What says the same as nothing just goes; `fn` is told of the rest, by its pointer,
 * and may end the walk by what it returns.
 */
typedef int conf_later_fn(void *arg, const char *pointer, const struct conf_field *field);
int conf_leave_out_later(json_t *document, uint32_t version, conf_later_fn *fn, void *arg)
        SL_NONNULL(1, 3) SL_MUST;

/* As JSON Schema (draft 2020-12). NULL: out of memory. */
json_t *conf_object_json_schema(const struct conf_object *object) SL_NONNULL(1) SL_MUST;
