/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the SMS as the store has them: a kind, a name, a revision, a body in JSON. Every
 * change is a row of `change` and of the audit log in the same write: a version that can be looked
 * at and gone back to. Who changes something says which revision it saw. Pool threads.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct actor;
struct problem;
struct store;
struct store_tx;

/* X(NAME, "name of one", "collection in the API", "help"). Append only: the store has the names. */
#define OBJECT_KINDS(X)                                                                            \
	X(CERTIFICATE, "certificate", "certificates",                                              \
	  "certificates with a private key: of servers, and signing certificates")                 \
	X(CA_CERTIFICATE, "ca certificate", "ca-certificates",                                     \
	  "roots and intermediates, public parts only")                                            \
	X(SIGNING_REQUEST, "signing request", "signing-requests",                                  \
	  "requests whose private key is here and waits for the answer")

enum object_kind {
#define X(NAME, name, collection, help) OBJECT_##NAME,
	OBJECT_KINDS(X)
#undef X
	        OBJECT_KIND_END
};

enum { OBJECT_NAME_MAX = 65, OBJECTS_MAX = 100000, OBJECT_COMMENT_MAX = 256 };

const char *object_kind_name(enum object_kind kind);
const char *object_kind_collection(enum object_kind kind);

struct object {
	int64_t id;
	enum object_kind kind;
	char name[OBJECT_NAME_MAX];
	int64_t revision; /* from 1 */
	int64_t changed_ms;
	json_t *body; /* owned */
};

void object_fini(struct object *object) SL_NONNULL(1);

/* SL_ENOENT (`problem` names it). object_fini frees. */
int object_get(struct store *store, enum object_kind kind, const char *name,
               struct object *ret_object, struct problem *problem) SL_NONNULL(1, 3, 4, 5) SL_MUST;

/* By name, those behind `after` ("" from the first), `limit` at most. */
typedef int object_fn(void *arg, const struct object *object);
int object_list(struct store *store, enum object_kind kind, const char *after, unsigned limit,
                object_fn *fn, void *arg) SL_NONNULL(1, 3, 5) SL_MUST;

/* One change, in a write. `comment` may be NULL. SL_EEXIST: the name is taken. SL_ECONFLICT:
 * another revision than `revision` is there by now (`problem` has which, and by whom). */
int object_create(struct store_tx *tx, const struct actor *actor, enum object_kind kind,
                  const char *name, const json_t *body, const char *comment,
                  struct problem *problem) SL_NONNULL(1, 2, 4, 5, 7) SL_MUST;
int object_replace(struct store_tx *tx, const struct actor *actor, enum object_kind kind,
                   const char *name, int64_t revision, const json_t *body, const char *comment,
                   struct problem *problem) SL_NONNULL(1, 2, 4, 6, 8) SL_MUST;
int object_rename(struct store_tx *tx, const struct actor *actor, enum object_kind kind,
                  const char *name, int64_t revision, const char *new_name, struct problem *problem)
        SL_NONNULL(1, 2, 4, 6, 7) SL_MUST;
/* SL_EBUSY: something refers to it (`problem` names what). */
int object_delete(struct store_tx *tx, const struct actor *actor, enum object_kind kind,
                  const char *name, int64_t revision, struct problem *problem)
        SL_NONNULL(1, 2, 4, 6) SL_MUST;

/* The object's changes, newest first, as an array of {revision, time, who, action, comment, before,
 * after}. */
int object_history(struct store *store, enum object_kind kind, const char *name, unsigned limit,
                   json_t **ret_list, struct problem *problem) SL_NONNULL(1, 3, 5, 6) SL_MUST;
