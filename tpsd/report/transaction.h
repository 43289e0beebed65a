/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations coming into force: one document at a time is compiled, offered to all processes
 * (PREPARE), and taken by all (COMMIT, which each answers with ADOPTED) or by none (ABORT).
 * Processes that come up later get the one in force. docs/internals/control.md. `control`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/conf/error.h"
#include "lib/ipc/channel.h"

struct buf;
struct control;
struct transaction;

/* Time for all processes to answer. At the start they may be setting up still: `parent` gives them
 * 30 s for that, and the first document must not be refused before. */
enum { TRANSACTION_ANSWER_S = 10, TRANSACTION_START_S = 40 };

/* The end of one: 0 and the revision, which all processes have taken, or an error with `errs`.
 * `errs` is the caller's of `fn`. */
typedef void transaction_done_fn(void *arg, int status, uint32_t revision,
                                 const struct conf_errors *errs);

struct transaction_order {
	const char *name; /* file, for errors and relative paths */
	const void *text;
	size_t len;
	const char *user;        /* for the history */
	uint64_t confirm_ms;     /* 0: for good */
	unsigned back;           /* not 0: it is history's number `back`, and those before it go */
	bool from_file;          /* it is the file of --config */
	transaction_done_fn *fn; /* may be NULL */
	void *arg;
};

int transaction_open(struct control *control, struct transaction **ret_transaction)
        SL_NONNULL(1, 2) SL_MUST;
void transaction_close(struct transaction *transaction);

/* SL_EBUSY while one goes on. `fn` is called later, once. Everything is copied. */
int transaction_start(struct transaction *transaction, const struct transaction_order *order)
        SL_NONNULL(1, 2) SL_MUST;

/* SIGHUP: the file of --config is read again, once what goes on has ended. Errors go to the log. */
void transaction_hangup(struct transaction *transaction) SL_NONNULL(1);

/* The file of --config. As transaction_start. */
int transaction_reload(struct transaction *transaction, const char *user, transaction_done_fn *fn,
                       void *arg) SL_NONNULL(1, 2) SL_MUST;

/* Keeps what was applied with confirm_ms. SL_ENOENT when nothing waits for it. */
int transaction_confirm(struct transaction *transaction) SL_NONNULL(1);

/* The document in force; false before the first. `text` is valid until the next is. */
struct transaction_held {
	uint32_t revision;
	const uint8_t *sha256; /* 32 bytes, of the canonical text */
	const void *text;
	size_t len;
	bool reverted; /* the one before it was not confirmed in time */
};
bool transaction_held(const struct transaction *transaction, struct transaction_held *ret_held)
        SL_NONNULL(1, 2);

/* Back to the `back`-th document before this one. As transaction_start; SL_ENOENT. */
int transaction_rollback(struct transaction *transaction, unsigned back, const char *user,
                         transaction_done_fn *fn, void *arg) SL_NONNULL(1, 3) SL_MUST;

/* State for `show version` and the prompt: an object. */
json_t *transaction_describe(const struct transaction *transaction) SL_NONNULL(1);

/* From control's ops. */
void transaction_peer_up(struct transaction *transaction, enum ipc_role role, unsigned index)
        SL_NONNULL(1);
void transaction_peer_down(struct transaction *transaction, enum ipc_role role, unsigned index)
        SL_NONNULL(1);
void transaction_on_ready(struct transaction *transaction, enum ipc_role role, unsigned index,
                          const struct ipc_ready *ready) SL_NONNULL(1, 4);
void transaction_on_adopted(struct transaction *transaction, enum ipc_role role, unsigned index,
                            const struct ipc_adopted *msg) SL_NONNULL(1, 4);
void transaction_on_item(struct transaction *transaction, enum ipc_role role, unsigned index,
                         const struct ipc_item *item) SL_NONNULL(1, 4);
