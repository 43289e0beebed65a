/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the SMS as the store has them: a kind, a name, a revision, a body in JSON. Every
 * change is a row of `change` and of the audit log in the same write: a version that can be looked
 * at and gone back to. Who changes something says which revision it saw. Pool threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/conf/name.h"

struct actor;
struct problem;
struct store;
struct store_tx;

enum object_kind {
#define KIND(NAME, name, collection, key, capability, help) OBJECT_##NAME,
#include "smsd/object/kind.def"
#undef KIND
	OBJECT_KIND_END
};

enum {
	OBJECT_NAME_MAX = CONF_NAME_LONG + 1, /* of the longest name of any kind */
	OBJECTS_MAX = 100000,
	OBJECT_COMMENT_MAX = 256, /* bytes */
	OBJECT_HISTORY_MAX = 1000,
};

const char *object_kind_name(enum object_kind kind);
const char *object_kind_collection(enum object_kind kind);
/* The document's list whose items these are; "" of a kind with a body of its own. */
const char *object_kind_key(enum object_kind kind);
/* SL_ENOENT for a collection that is none. */
int object_kind_parse(const char *collection, enum object_kind *ret_kind) SL_NONNULL(1, 2) SL_MUST;

/* Where an object of a kind that documents have in an order comes (R166): those without a place
 * behind all that have one. 0 of other kinds: all come by name. */
int64_t object_place(enum object_kind kind, const json_t *body);

struct object {
	int64_t id;
	enum object_kind kind;
	char name[OBJECT_NAME_MAX];
	int64_t revision; /* from 1 */
	int64_t changed_ms;
	json_t *body; /* owned */
};

void object_fini(struct object *object) SL_NONNULL(1);

/* SL_ENOENT (`problem` names it), SL_EIO (a damaged row). object_fini frees. */
int object_get(struct store *store, enum object_kind kind, const char *name,
               struct object *ret_object, struct problem *problem) SL_NONNULL(1, 3, 4, 5) SL_MUST;
int object_get_tx(struct store_tx *tx, enum object_kind kind, const char *name,
                  struct object *ret_object, struct problem *problem)
        SL_NONNULL(1, 3, 4, 5) SL_MUST;

/* By its id; SL_ENOENT, without a word: there is none. */
int object_get_id_tx(struct store_tx *tx, enum object_kind kind, int64_t id,
                     struct object *ret_object) SL_NONNULL(1, 4) SL_MUST;

/* As object_get_tx, for a change of what was seen at `revision`: SL_ECONFLICT when another is there
 * by now (`problem` has which, and by whom). */
int object_get_seen(struct store_tx *tx, enum object_kind kind, const char *name, int64_t revision,
                    struct object *ret_object, struct problem *problem)
        SL_NONNULL(1, 3, 5, 6) SL_MUST;

/*
 * By name, those behind `after` ("" from the first), `limit` at most. 0: go on, 1: enough,
 * negative: ends with this code. `fn` must not call the store.
 */
typedef int object_fn(void *arg, const struct object *object);
int object_list(struct store *store, enum object_kind kind, const char *after, unsigned limit,
                object_fn *fn, void *arg) SL_NONNULL(1, 3, 5) SL_MUST;

/* Who changes it, and what the rows of `change` and `audit` call it. */
struct object_change {
	const struct actor *actor;
	const char *action;  /* "import", "make", "replace", "delete", ... */
	const char *comment; /* NULL; at most OBJECT_COMMENT_MAX bytes: the caller has checked */
};

/*
 * One change, in a write. `revision` is the one that was seen (SL_ECONFLICT as object_get_seen).
 * object_create: SL_EEXIST when the name is taken, SL_ELIMIT at OBJECTS_MAX; `ret_id` may be NULL.
 */
int object_create(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                  const char *name, const json_t *body, int64_t *ret_id, struct problem *problem)
        SL_NONNULL(1, 2, 4, 5, 7) SL_MUST;
int object_replace(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                   const char *name, int64_t revision, const json_t *body, struct problem *problem)
        SL_NONNULL(1, 2, 4, 6, 7) SL_MUST;
int object_rename(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                  const char *name, int64_t revision, const char *new_name, struct problem *problem)
        SL_NONNULL(1, 2, 4, 6, 7) SL_MUST;
/* Body and name at once: one revision of both. */
int object_replace_as(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                      const char *name, int64_t revision, const char *new_name, const json_t *body,
                      struct problem *problem) SL_NONNULL(1, 2, 4, 6, 7, 8) SL_MUST;
/* SL_EBUSY: something refers to it (`problem` names what). */
int object_delete(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                  const char *name, int64_t revision, struct problem *problem)
        SL_NONNULL(1, 2, 4, 6) SL_MUST;

/* In a write: the object `from_id` names the object `to_id`, which cannot be deleted then. Once is
 * enough; object_forget takes all of an object's references away, before they are made anew. */
int object_refer(struct store_tx *tx, int64_t from_id, int64_t to_id) SL_NONNULL(1) SL_MUST;
int object_forget(struct store_tx *tx, int64_t from_id) SL_NONNULL(1) SL_MUST;

/* An object that was deleted, with its id, and so its history: its next revision. SL_EEXIST when
 * the name is taken by now. */
int object_restore(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                   int64_t id, const char *name, const json_t *body, struct problem *problem)
        SL_NONNULL(1, 2, 5, 6, 7) SL_MUST;

/* The object that has the name, or else the one that had it last and is gone (*ret_gone). */
int object_find(struct store *store, enum object_kind kind, const char *name, int64_t *ret_id,
                bool *ret_gone, struct problem *problem) SL_NONNULL(1, 3, 4, 5, 6) SL_MUST;

/* Its changes (object_find), newest first, as an array of {revision, time, who, action, name,
 * comment, before, after}. */
int object_history(struct store *store, enum object_kind kind, const char *name, unsigned limit,
                   json_t **ret_list, struct problem *problem) SL_NONNULL(1, 3, 5, 6) SL_MUST;

/* Changes of all objects, newest first, `limit` at most, those before the id `before` (0: from the
 * newest): an array of {id, time, who, kind, name, revision, action, comment}. */
int object_changes(struct store *store, int64_t before, unsigned limit, json_t **ret_list,
                   struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;

/* The change that made this revision. SL_ENOENT. */
int object_version(struct store *store, enum object_kind kind, const char *name, int64_t revision,
                   json_t **ret_change, struct problem *problem) SL_NONNULL(1, 3, 5, 6) SL_MUST;
