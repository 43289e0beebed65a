/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of smsd/push. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "smsd/base/actor.h"
#include "smsd/object/document.h"
#include "smsd/push/push.h"
#include "smsd/push/state.h"
#include "smsd/store/store.h"

enum {
	PUSH_SWEEP_MS = 3600 * 1000,
	PUSH_PASS_MS = 2000, /* of making documents, in one tick */
	PUSH_TEMPLATES = 64, /* kept at once; one more drops them all */
	PUSH_LACKS = 16,     /* kinds of devices of a template; so too */
	PUSH_TURNS_AT_ONCE = 256,
};

/* ---- what documents have in common: body.c -------------------------------------------------- */

struct body {
	char *head, *tail;           /* the text around the device's name */
	char *keys, *objects;        /* as JSON */
	uint8_t digest[BLOB_DIGEST]; /* of all of it, files too */
	const struct document *of;
};

/* Of a document, of which the first `before` and the last `after` bytes are everybody's; it must
 * outlive the body. SL_ENOMEM, SL_ECRYPTO. */
int body_of(const struct document *document, size_t before, size_t after, struct body *ret_body)
        SL_NONNULL(1, 4) SL_MUST;
void body_fini(struct body *body) SL_NONNULL(1);

/* In a write: its row, which is there or is made. DOCUMENT_BODY_SWEEP takes those that no device's
 * document is of any more. */
int body_put(struct store_tx *tx, const struct body *body, int64_t *ret_id)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* ---- documents: template.c ----------------------------------------------------------------- */

/*
 * Devices whose settings differ in nothing but the name get the same document but for the name: it
 * is made and checked once, as a template, and each device's is a copy of it (1,000 of them cost
 * one document_make and 1,000 digests).
 */
struct template
{
	uint8_t key[BLOB_DIGEST]; /* of the settings without the name, the directory of files, and
	                           * the version of the document */
	int code;                 /* 0, or why none can be made; then `items` alone is set */
	json_t *items;            /* notices, or what is wrong: as a distribution shows them */
	struct document document;
	json_t *tree; /* of its text: what a pointer is of */
	/* [[capabilities, what a device with them lacks for it]]: 25 ms each with 1,000
	 * certificates, and most devices are alike. */
	json_t *lacks;
	size_t before,
	        after; /* bytes of the text around the name; 0 both: it cannot be exchanged */
	struct body body;
};

struct templates {
	int64_t of;                   /* distribution; 0: a preview */
	struct document_shelf *shelf; /* all objects at one moment; NULL: not opened yet */
	struct template *list[PUSH_TEMPLATES];
	size_t count;
};

void templates_fini(struct templates *templates) SL_NONNULL(1);

/* One device's. made_fini frees. */
struct made {
	struct document document; /* `text` and `sha256` are its own, the rest is the template's */
	const struct body *body;  /* the template's; NULL: there is no document */
	char name[DEVICE_NAME_MAX]; /* between its head and tail */
	json_t *items;              /* owned; what refuses, and notices */
	bool refused;
};

/* Of what the device is now. SL_ENOMEM, SL_EIO and such: not now; it is refused in `ret_made`. */
int made_for(struct templates *templates, struct store *store, const struct device *device,
             struct made *ret_made, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
void made_fini(struct made *made) SL_NONNULL(1);

/* ---- items: item.c ------------------------------------------------------------------------- */

/* {kind, name, pointer, notice, text, remedy} of a place in a document: the object that is there,
 * and the pointer within it; what is no object is the device's. NULL: out of memory. */
json_t *item_of_place(const json_t *tree, const char *device, const char *pointer, bool notice,
                      const char *text, const char *remedy) SL_NONNULL(2, 3, 5, 6) SL_MUST;

/* The same of a document's notice, which names its object itself. */
json_t *item_of_notice(const json_t *notice, const char *device) SL_NONNULL(2) SL_MUST;

/* Of a problem that names "kind/name/pointer within". */
json_t *items_of_problem(const struct problem *problem, const char *device)
        SL_NONNULL(1, 2) SL_MUST;

/* ---- rows: row.c --------------------------------------------------------------------------- */

struct push {
	struct store *store;
	struct vault *vault;
	struct port *port;
	pthread_mutex_t making;     /* one thread makes documents at a time */
	struct templates templates; /* under it */
	/* Of due.c, under it too: kept while devices are left. */
	struct templates due_templates;
	int64_t due_ms; /* when they were begun */
	_Atomic int64_t swept_ms;
};

struct distribution {
	int64_t id; /* 0: there is none */
	char who[ACTOR_NAME_MAX];
	int64_t made_ms, not_before_ms, ended_ms;
	char *comment, *stopped;
	unsigned confirm_s, wait_s;
	bool staged;
};

void distribution_fini(struct distribution *distribution) SL_NONNULL(1);
void distribution_from_row(const struct store_row *row, struct distribution *ret) SL_NONNULL(1, 2);

/* SL_ENOENT. */
int distribution_get(struct store *store, int64_t id, struct distribution *ret,
                     struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;

/* A device's place in a distribution. */
struct place_row {
	int64_t distribution, device, revision;
	enum remote_state state;
	unsigned confirm_s;
};

/* In a write: that of a revision; `distribution` 0: there is none. */
int row_of_revision(struct store_tx *tx, int64_t device, int64_t revision,
                    struct place_row *ret_row) SL_NONNULL(1, 4) SL_MUST;

/* In a write: the step of the table, and the end of a distribution of which it was the last. `text`
 * and `items` NULL stay. SL_EEXIST and SL_EREFUSED as push_state_next: nothing was written. */
int row_step(struct store_tx *tx, const struct place_row *row, enum push_event event,
             const char *text, const json_t *items, int64_t now_ms) SL_NONNULL(1, 2) SL_MUST;

/* In a write: `event` for all of the device's rows before `revision` in which it is taken. */
int row_step_older(struct store_tx *tx, int64_t device, int64_t revision, enum push_event event,
                   int64_t now_ms) SL_NONNULL(1) SL_MUST;

/* In a write: the revision is what the device should have from now on; older ones give way. */
int row_turn(struct store_tx *tx, int64_t device, int64_t revision, int64_t now_ms)
        SL_NONNULL(1) SL_MUST;

/* In a write. */
int distribution_end_if_over(struct store_tx *tx, int64_t distribution, int64_t now_ms)
        SL_NONNULL(1) SL_MUST;

/* One number of one row; `otherwise` without a row. */
int row_number(struct store *store, enum store_statement statement,
               const struct store_value *values, size_t count, int64_t otherwise,
               int64_t *ret_number) SL_NONNULL(1, 6) SL_MUST;
int row_number_tx(struct store_tx *tx, enum store_statement statement,
                  const struct store_value *values, size_t count, int64_t otherwise,
                  int64_t *ret_number) SL_NONNULL(1, 6) SL_MUST;

/* ---- make.c ---------------------------------------------------------------------------------- */

/* Makes documents that are not made yet, until none is left or PUSH_PASS_MS are over. When another
 * thread is at it: after that one (`wait`), or not at all. */
int push_make(struct push *push, bool wait) SL_NONNULL(1) SL_MUST;

/* ---- due.c ---------------------------------------------------------------------------------- */

/* Makes documents of devices whose objects changed, a few at a time; not while others are made. */
int push_due(struct push *push, int64_t now_ms) SL_NONNULL(1) SL_MUST;

/* ---- target.c ------------------------------------------------------------------------------ */

struct target {
	int64_t id;
	char name[DEVICE_NAME_MAX];
};

struct target_list {
	struct target *list; /* heap */
	size_t count, size;
	int64_t found; /* of one by its name */
	bool enrolled;
};

int target_add(struct target_list *targets, int64_t id, const char *name) SL_NONNULL(1, 3) SL_MUST;

/* The devices that are meant; freed by the caller. SL_EINVAL, SL_ENOENT. */
int push_targets(struct push *push, const struct push_options *options, struct target **ret_targets,
                 size_t *ret_count, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* The code, in words if nothing is said yet. */
int push_failed(int code, struct problem *problem) SL_NONNULL(2);

/* ---- push.c -------------------------------------------------------------------------------- */

/* Its devices that were not told yet are left as they are. `actor` NULL: the SMS itself, by the
 * clock. SL_EBUSY: it has ended, or was stopped. */
int push_stop(struct push *push, const struct actor *actor, int64_t id, const char *why)
        SL_NONNULL(1, 4) SL_MUST;

static inline void push_wake(const struct push *push, int64_t device)
{
	if (push->port)
		port_wake(push->port, device);
}
