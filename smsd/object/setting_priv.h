/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the settings' room: what is asked of a body, what it refers to. Inside smsd/object.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"
#include "smsd/object/setting.h"

struct problem;
struct store;
struct store_tx;

/* ---- writing: one write of a setting ----------------------------------------------------- */

struct writing {
	const struct setting_change *how;
	const char *action;
	enum object_kind kind;
	const char *name; /* of what is there; NULL: it is made */
	int64_t revision; /* that was seen */
	int64_t gone;     /* id of what was deleted and is made again; 0: none */
	json_t *body;     /* canonical, made by writing_do; NULL: it is deleted */
	json_t *notices;
	struct problem *problem;
};

/* Undoes the write of a check alone; no code of the store's. */
enum { WRITING_CHECKED = 1 };

/* Checks `body`, before the writer has any work of it, and writes it. */
int writing_do(struct store *store, struct writing *w, const json_t *body, json_t **ret_notices)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* After a conflict: adds what differs between the revision that was seen and the one that is
 * there. */
void writing_tell_conflict(struct store *store, const struct writing *w) SL_NONNULL(1, 2);

/* ---- check: a body by itself ----------------------------------------------------------- */

/* By its rows; the spelling that is stored. json_decref frees. */
int setting_check_body(enum object_kind kind, const json_t *body, json_t **ret_canonical,
                       struct problem *problem) SL_NONNULL(2, 3, 4) SL_MUST;

/* ---- policy: what a profile's policies ask for -------------------------------------------- */

/* R112, R127: whether a change of the profile `id` (0: it is made) touches what is locked, in an
 * ancestor too; SL_EPERM says which policy. Either body may be NULL: made, deleted. */
int setting_check_locked(struct store_tx *tx, enum object_kind kind, int64_t id,
                         const json_t *before, const json_t *after, struct problem *problem)
        SL_NONNULL(1, 6) SL_MUST;

/* In a write, of an object that is there by now: the policies of the profile `id` are those of
 * `body`; SL_EEXIST where another has the name (R113: policies of all profiles, and child
 * profiles), SL_EINVAL, SL_ERANGE as inherit_ancestors. Nothing for other kinds. */
int setting_check_policies(struct store_tx *tx, enum object_kind kind, int64_t id,
                           const json_t *body, struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;

/* ---- reference: what a body names ------------------------------------------------------- */

/* A name in a body that refers to an object. */
struct reference {
	enum object_kind kind; /* of what it names */
	const char *name;
	const char *pointer; /* RFC 6901, in the body */
	json_t *text;        /* as it is written, */
	bool is_file;        /* as /files/NAME */
};

typedef int reference_fn(void *arg, const struct reference *reference);

/* Calls `fn` for each, the device's own (segments) left out. 0, or the first code of `fn`. A path
 * that is none of /files/ is refused: SL_EINVAL in `problem`. */
int reference_walk(enum object_kind kind, const json_t *body, reference_fn *fn, void *arg,
                   struct problem *problem) SL_NONNULL(2, 3, 5) SL_MUST;

/* The kind is there without an object: a built-in item of the schema. */
bool reference_is_builtin(enum object_kind kind, const char *name) SL_NONNULL(2);

/* In a write: looks up all that `body` names and makes it what the object `id` refers to. All
 * missing ones are in `problem` (SL_ENOENT), each at its pointer. */
int reference_set(struct store_tx *tx, enum object_kind kind, int64_t id, const json_t *body,
                  struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;

/* In a write: each object that refers to `id` by `old_name` has `new_name` from now on, a revision
 * of its own. */
int reference_rename(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                     int64_t id, const char *old_name, const char *new_name,
                     struct problem *problem) SL_NONNULL(1, 2, 5, 6, 7) SL_MUST;

/* In a write: the object `id` has a built-in item's name, and takes its place for all that name
 * it. */
int reference_adopt(struct store_tx *tx, enum object_kind kind, int64_t id, const char *name,
                    struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;
