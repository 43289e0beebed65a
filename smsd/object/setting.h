/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that become settings of devices: trust stores, proxies, decryption policies, action sets,
 * profiles, virtual segments (the rows of kind.def with a key). A body is the item as it stands in
 * a device's document, checked by that row of lib/conf's schema. What it names must be there: each
 * name becomes a row of object_reference, so that nothing in use can be deleted and a new name is
 * written into all that have the old one. After the alone check comes the check of all together, on
 * the document that devices would get (document.h). Pool threads. docs/internals/sms.md, "Objects
 * that become settings".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"
#include "smsd/object/object.h"

struct actor;
struct problem;
struct store;

/* The schema's row of a kind's list, and of one item; NULL of a kind with a body of its own. */
const struct conf_field *setting_field(enum object_kind kind);
const struct conf_object *setting_shape(enum object_kind kind);

/* How it is written down, and by whom it may be. */
struct setting_change {
	const struct actor *actor;
	const char *comment; /* NULL */
	bool may_locked; /* lock_ssl_filter: locked policies, and taking a lock off (R112, R127) */
	/* Check alone: everything as below, and nothing is written (`?check=true`). */
	bool check_only;
};

/*
 * All of these: `body` as a document has it, with its name. SL_EINVAL and the schema's codes, with
 * pointers into the body; SL_ENOENT: a name that nothing has, at its pointer; SL_EPERM: a locked
 * policy; SL_EMISMATCH...: what the check of all together says; a pointer that lies in another
 * object is said with that object's kind and name. Notices (R47, R52) come in `ret_notices`, an
 * array of {pointer, text, remedy}.
 */
int setting_create(struct store *store, const struct setting_change *how, enum object_kind kind,
                   const json_t *body, json_t **ret_notices, struct problem *problem)
        SL_NONNULL(1, 2, 4, 5, 6) SL_MUST;

/* With another name in the body it is a new name too (a revision of each that refers to it).
 * SL_ECONFLICT as object_get_seen. */
int setting_replace(struct store *store, const struct setting_change *how, enum object_kind kind,
                    const char *name, int64_t revision, const json_t *body, json_t **ret_notices,
                    struct problem *problem) SL_NONNULL(1, 2, 4, 6, 7, 8) SL_MUST;

/* SL_EBUSY: in use. A profile with locked policies needs may_locked. */
int setting_delete(struct store *store, const struct setting_change *how, enum object_kind kind,
                   const char *name, int64_t revision, struct problem *problem)
        SL_NONNULL(1, 2, 4, 6) SL_MUST;

/* The body of an earlier revision as a new one, checked against what is there today; of a deleted
 * object too, which is made again (`seen` 0). SL_ENOENT: no such revision. */
int setting_rollback(struct store *store, const struct setting_change *how, enum object_kind kind,
                     const char *name, int64_t seen, int64_t to, json_t **ret_notices,
                     struct problem *problem) SL_NONNULL(1, 2, 4, 7, 8) SL_MUST;

/* Where one of a kind that has an order goes (R166). */
struct setting_move {
	const char *other;
	bool before; /* `other`; else behind it */
};

/* In one write: a revision of it, and of others that have to be numbered anew for it. Nothing where
 * it is there already. SL_ENOENT, SL_EINVAL: `other` is not there, or it itself (at /before or
 * /after). SL_ECONFLICT as object_get_seen. */
int setting_move(struct store *store, const struct setting_change *how, enum object_kind kind,
                 const char *name, int64_t revision, const struct setting_move *move,
                 struct problem *problem) SL_NONNULL(1, 2, 4, 6, 7) SL_MUST;

/* A moment that all settings go back to: right after a change, or at a time. */
struct setting_moment {
	int64_t change;  /* its id; 0: by time */
	int64_t time_ms; /* since the epoch */
};

/* Of one write; who has more to undo goes back in steps. */
enum { SETTING_ROLLBACK_MAX = 2000 };

/*
 * All settings as they were then, in one write, checked together: what was changed since is as it
 * was, what was made since is deleted, what was deleted is there again under its old id; a revision
 * each. Certificates and files stay as they are. `kinds`: bits of the kinds that he may change.
 * `ret_objects`: [{kind, name, action, diff}] of those that are not what they were; action is
 * "made", "changed" or "deleted". Refused whole, with each reason at "kind/name/pointer": SL_EPERM
 * for a kind that he may not change, and the codes of setting_replace and setting_delete.
 * SL_ENOENT: no such change, nothing was there yet. SL_ERANGE: more than SETTING_ROLLBACK_MAX.
 */
int setting_rollback_all(struct store *store, const struct setting_change *how, uint32_t kinds,
                         const struct setting_moment *to, json_t **ret_objects,
                         json_t **ret_notices, struct problem *problem)
        SL_NONNULL(1, 2, 4, 5, 6, 7) SL_MUST;

/* What an answer shows of one: {name, revision, changed, body, used_by: [{kind, name}]}. */
int setting_show(struct store *store, const struct object *object, json_t **ret_shown,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* What differs between two bodies of a kind, field by field: an array of {pointer, label, kind,
 * old, new}, of lib/conf's diff. Either may be NULL (made, deleted). SL_ENOMEM, SL_EIO. */
int setting_diff(enum object_kind kind, const json_t *before, const json_t *after,
                 json_t **ret_diff) SL_NONNULL(4) SL_MUST;
