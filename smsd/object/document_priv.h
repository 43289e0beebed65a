/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of making documents: the shelf (all objects at one moment), what a device's settings
 * reach of it, the document as JSON with the place of each object in it. Inside smsd/object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/conf/error.h"
#include "lib/conf/schema.h"
#include "smsd/base/problem.h"
#include "smsd/object/document.h"
#include "smsd/object/installed.h"
#include "smsd/object/object.h"

struct config;
struct store;
struct store_tx;

/* ---- the shelf --------------------------------------------------------------------------- */

struct shelf_object {
	enum object_kind kind;
	int64_t id, revision;
	char name[OBJECT_NAME_MAX];
	json_t *own;     /* as it is stored; NULL of certificates: read when a document has them */
	json_t *body;    /* what a document has of it: with what it inherits */
	json_t *origins; /* of what has a parent: whose its items are (inherit.h) */
	struct shelf_object *parent; /* NULL: none */
	int64_t place;               /* among those of its kind that documents have in order */
	uint8_t key_id[VAULT_ID_SIZE];
	bool has_key; /* of certificates: the vault has it */
	bool hidden;  /* as if it was not there */
	/* What a certificate is in documents, once it was asked for (document_chain.c). */
	bool laid_down;
	uint8_t sha256[BLOB_DIGEST];
	uint64_t size;
	bool root_known;
	struct shelf_object
	        *root; /* CA certificate that its chain ends in; NULL: itself, or none */
};

/* By kind and name; requests are not on it. The recommended decryption policy of the installed
 * package is on it with id 0, unless an object has its name (R105). */
struct document_shelf {
	struct store *store; /* NULL within a write */
	struct shelf_object *items;
	size_t count, size;
	struct installed_packages packages;
};

int shelf_load(struct store *store, struct document_shelf *ret_shelf) SL_NONNULL(1, 2) SL_MUST;
int shelf_load_tx(struct store_tx *tx, struct document_shelf *ret_shelf) SL_NONNULL(1, 2) SL_MUST;
void shelf_fini(struct document_shelf *shelf) SL_NONNULL(1);

/* Makes `body` of `own`, of all: after a change of one. */
int shelf_resolve(struct document_shelf *shelf) SL_NONNULL(1) SL_MUST;

/* NULL: none, or hidden. */
struct shelf_object *shelf_find(const struct document_shelf *shelf, enum object_kind kind,
                                const char *name) SL_NONNULL(1, 3);
struct shelf_object *shelf_find_id(const struct document_shelf *shelf, int64_t id) SL_NONNULL(1);

/* ---- walking a body by its rows ---------------------------------------------------------- */

/* One text of a body that names something: an item (REF, REFS) or a file (PATH, PATHS). */
struct document_text {
	const struct conf_field *field;
	json_t *holder;      /* the map that the setting is in */
	json_t *text;        /* a string, which may be set */
	const char *pointer; /* from where the walk began */
};

/* 0: go on; anything else ends the walk. */
typedef int document_text_fn(void *arg, const struct document_text *at);
int document_walk(const struct conf_object *shape, json_t *body, document_text_fn *fn, void *arg)
        SL_NONNULL(1, 3) SL_MUST;

/* The kind of what a row refers to; OBJECT_KIND_END: segments, which are the device's. */
enum object_kind document_kind_of(enum conf_collection collection);

/* The schema's row of a kind's list in a document, certificates' too; NULL of files. */
const struct conf_field *document_list_of(enum object_kind kind);

/* The top key is a list of a kind. */
bool document_is_kind(const struct conf_field *top) SL_NONNULL(1);

/* ---- what a device gets ------------------------------------------------------------------ */

/* Objects of a document: by their place on the shelf. */
struct reach {
	enum {
		REACH_NOT,
		REACH_BEHIND, /* not in it, but an ancestor of one that is */
		REACH_IN,
	} *
	        taken; /* one an object of the shelf */
};

int reach_init(struct reach *reach, const struct document_shelf *shelf) SL_NONNULL(1, 2) SL_MUST;
void reach_fini(struct reach *reach) SL_NONNULL(1);

/* Takes `object` and all that it names, however far. */
int reach_add(struct reach *reach, const struct document_shelf *shelf, struct shelf_object *object)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The virtual segments of the segments of `settings`, and what those reach. */
int reach_of_settings(struct reach *reach, const struct document_shelf *shelf,
                      const json_t *settings) SL_NONNULL(1, 2) SL_MUST;

/* In it, or behind what is. */
bool reach_has(const struct reach *reach, const struct document_shelf *shelf,
               const struct shelf_object *object) SL_NONNULL(1, 2, 3);

/* Lays down the certificates that are reached (and the roots of those that sign, which are reached
 * then): their files are blobs afterwards. */
int chains_lay_down(struct document_shelf *shelf, struct reach *reach, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* ---- the document ------------------------------------------------------------------------ */

struct draft_place {
	const char *key; /* top key */
	size_t index;    /* in its list */
	const struct shelf_object *object;
	json_t *origins; /* of what it inherits, as it was then */
};

/* A document as JSON, and which object is where. */
struct draft {
	const struct document_shelf *shelf;
	json_t *root;
	struct draft_place *places;
	size_t places_count, places_size;
	struct document_file *files; /* with repeats */
	size_t files_count, files_size;
};

/* What documents have of installed packages: the files of R87 and R106, where the device's own
 * settings name no others, and what is missing as a notice (R107). */
int draft_add_packages(const struct document_shelf *shelf, const struct document_device *device,
                       struct conf_errors *errs, struct draft *draft)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
int draft_add_file(struct draft *draft, const uint8_t sha256[BLOB_DIGEST], uint64_t size)
        SL_NONNULL(1, 2) SL_MUST;

/* Names of files that are not there are errors in `errs`, at their pointers. SL_ENOMEM. */
int draft_make(const struct document_shelf *shelf, struct reach *reach,
               const struct document_device *device, struct conf_errors *errs,
               struct draft *ret_draft) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
void draft_fini(struct draft *draft) SL_NONNULL(1);

/* Checks it whole; the config is the caller's to put (NULL: errors are in `errs`), and canonical
 * text is added to `text` when that is not NULL. */
struct buf;
int draft_build(const struct draft *draft, struct conf_errors *errs, struct config **ret_config,
                struct buf *text) SL_NONNULL(1, 2, 3) SL_MUST;

/* "/key/7/rest" in parts; false: there is no number behind the key. */
struct document_pointer {
	const char *key;
	size_t key_len, index;
	const char *rest;
};
bool document_split(const char *pointer, struct document_pointer *ret_parts) SL_NONNULL(1, 2);

/* Where a pointer into the document lies. */
struct draft_spot {
	const struct shelf_object *object; /* NULL: in the device's settings */
	const struct shelf_object
	        *heir; /* that has it of `object`, an ancestor; NULL: it is its own */
	char within[PROBLEM_POINTER_MAX]; /* in the body of `object` */
};
struct draft_spot draft_spot(const struct draft *draft, const char *pointer) SL_NONNULL(1, 2);

/* "kind/name/pointer within", or "device/name/pointer". */
const char *draft_where(const struct draft *draft, const char *device, const char *pointer,
                        char where[PROBLEM_POINTER_MAX]) SL_NONNULL(1, 2, 3, 4);

/* {pointer, text, remedy, object}, appended. SL_ENOMEM. */
int draft_add_notice(const struct draft *draft, const struct conf_error *error, json_t *notices)
        SL_NONNULL(1, 2, 3) SL_MUST;
