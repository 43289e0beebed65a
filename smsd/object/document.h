/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document of a device, made of objects: its own settings (segments, bypass rules, limits,
 * logging, ...: every top key that is no kind), the virtual segments of its segments, and what
 * those reach. The same objects make the same bytes (lib/conf's canonical form), so the SHA-256
 * says whether a device has what it should. Pool threads. docs/internals/sms.md, "Objects that
 * become settings".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/object/blob.h"
#include "smsd/vault/vault.h"

struct problem;
struct store;
struct store_tx;
struct conf_errors;

/* For whom. */
struct document_device {
	const char *name;
	const char *files; /* directory on the device: a file is FILES/SHA256 there; absolute */
	const json_t
	        *settings; /* top keys of a document that are no kinds; `device.name` is `name` */
	uint32_t version;  /* of documents that it reads (document_version); 0: the newest */
};

struct document_file {
	uint8_t sha256[BLOB_DIGEST];
	uint64_t size;
};

/* An object that is in the document, for its status and for "what differs". */
struct document_object {
	enum object_kind kind;
	int64_t id, revision;
	char name[OBJECT_NAME_MAX];
};

struct document {
	char *text; /* canonical; its bytes are what the device gets */
	size_t len;
	uint8_t sha256[BLOB_DIGEST];
	struct document_file *files;
	size_t files_count;
	uint8_t (*keys)[VAULT_ID_SIZE]; /* of certificates in it */
	size_t keys_count;
	struct document_object *objects;
	size_t objects_count;
	json_t *notices; /* array of {pointer, text, remedy, object: {kind, name} or null} */
};

/*
 * All objects at one moment: what the documents of one distribution are made of, for one thread at
 * a time. Certificates are read when a document has them, each once: SL_EAGAIN when one was changed
 * since. document_shelf_close(NULL) is nothing.
 */
struct document_shelf;
int document_shelf_open(struct store *store, struct document_shelf **ret_shelf,
                        struct problem *problem) SL_NONNULL(1, 2, 3) SL_MUST;
void document_shelf_close(struct document_shelf *shelf);

/*
 * Makes it and checks it whole (config_build). Everything that is refused is in `problem`, each
 * place as "kind/name/pointer within" ("server proxy/shop/destinations/0", "device/box/limits":
 * no name has a slash). Certificates' chains are written as bytes by digest (blob_put) in a write
 * of its own. What has a parent comes with what it inherits. SL_EINVAL..., SL_ENOENT,
 * SL_ENOMEM. document_fini frees.
 */
int document_make_of(struct document_shelf *shelf, const struct document_device *device,
                     struct document *ret_document, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
int document_make(struct store *store, const struct document_device *device,
                  struct document *ret_document, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
void document_fini(struct document *document) SL_NONNULL(1);

/*
 * In a write, after it changed objects: would every document be right? Made for each device's
 * settings, and of all objects where no device is. Only what the object `id` takes part in is said
 * (all of it with 0). The writer's thread: no certificate is read, files by their digest alone.
 */
int document_check_tx(struct store_tx *tx, int64_t id, json_t **ret_notices,
                      struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;

/* In a write: all objects as they are now, and then what is wrong after many changes that was not
 * before. document_shelf_close. */
int document_shelf_open_tx(struct store_tx *tx, struct document_shelf **ret_shelf)
        SL_NONNULL(1, 2) SL_MUST;
int document_check_since_tx(struct store_tx *tx, struct document_shelf *before,
                            json_t **ret_notices, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* What of a device's whole document are its own settings: the top keys that are no kinds. A new
 * reference; NULL: out of memory. */
json_t *document_settings(const json_t *document) SL_NONNULL(1) SL_MUST;

/* Settings that come from a person: checked by the schema's rows, kinds are refused by name. */
int document_check_settings(const json_t *settings, struct problem *problem)
        SL_NONNULL(1, 2) SL_MUST;

/* What the device would change, of lib/conf's diff: {changes: [{kind, label, old, new, scope}],
 * scope}. `old_text` NULL: everything is new. */
int document_diff(const char *old_text, const struct document *document, json_t **ret_diff)
        SL_NONNULL(2, 3) SL_MUST;

/* Whose a pointer into a document is, as a device tells it: {kind, name, pointer}, the last within
 * the object; kind and name "" of what is the device's own. NULL: out of memory. */
json_t *document_place(const json_t *document, const char *pointer) SL_NONNULL(1, 2) SL_MUST;

/*
 * The version of documents that a device with these capabilities (lib/remote's shape) reads, R162;
 * the newest of one that did not say it. SL_EUNSUPPORTED: none that are made here, and `problem`
 * says at `pointer` what has to be brought up to date.
 */
int document_version(const json_t *capabilities, const char *pointer, uint32_t *ret_version,
                     struct problem *problem) SL_NONNULL(2, 3, 4) SL_MUST;

/* What a device with these capabilities (lib/remote's shape) lacks for it (R50, R52, R54): an array
 * of {pointer, text, remedy, refuses}, pointers into the document (document_place). Suites that it
 * has not are ignored with a notice; none left, or too many certificates, refuses. */
int document_lacks(const struct document *document, const json_t *capabilities, json_t **ret_lacks)
        SL_NONNULL(1, 2, 3) SL_MUST;
