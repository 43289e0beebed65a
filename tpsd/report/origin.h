/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where documents come from and what of them is on the disk: the file of --config, the history, the
 * last revision's number, a confirmation that is waited for. The transaction's memory. `control`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "tpsd/report/transaction.h"

struct origin;
struct proc;

enum {
	CONF_TEXT_MAX = 32 * 1024 * 1024 + 1
}; /* CONF_DOCUMENT_MAX, and one more to see it passed */

/* By whom a document is applied that takes the place of one that was not confirmed in time. */
#define ORIGIN_REVERTER "confirmation timer"

int origin_open(struct proc *proc, struct origin **ret_origin) SL_NONNULL(1, 2) SL_MUST;
void origin_close(struct origin *origin);

/* Keeps a copy of what is ordered until origin_forget_order. SL_ENOMEM. */
int origin_take_order(struct origin *origin, const struct transaction_order *order)
        SL_NONNULL(1, 2) SL_MUST;
const struct transaction_order *origin_order(const struct origin *origin) SL_NONNULL(1);
void origin_forget_order(struct origin *origin) SL_NONNULL(1);

/* A number larger than any before, on the disk before it is used. */
int origin_next_revision(struct origin *origin, uint32_t *ret_revision) SL_NONNULL(1, 2) SL_MUST;

/*
 * The order to start with, the last good one, the file again, the N-th document before this one.
 * `text` and `name` are what the order points into. SL_ENOENT and errors of the disk.
 */
int origin_first(struct origin *origin, struct buf *text, char *name, size_t name_size,
                 struct transaction_order *ret_order) SL_NONNULL(1, 2, 3, 5) SL_MUST;
int origin_last_good(struct origin *origin, struct buf *text, char *name, size_t name_size,
                     struct transaction_order *ret_order) SL_NONNULL(1, 2, 3, 5) SL_MUST;
int origin_reload(struct origin *origin, struct buf *text, struct transaction_order *ret_order)
        SL_NONNULL(1, 2, 3) SL_MUST;
int origin_back(struct origin *origin, unsigned back, struct buf *text, char *name,
                size_t name_size, struct transaction_order *ret_order)
        SL_NONNULL(1, 3, 4, 6) SL_MUST;

/* The order that just failed was not the last good document, and there is one. */
bool origin_may_fall_back(const struct origin *origin) SL_NONNULL(1);

/* The order is in force: history, source, confirmation. SL_ESYS with errno. */
int origin_keep(struct origin *origin, uint32_t revision, const uint8_t sha256[32])
        SL_NONNULL(1, 3);

/* Whether a confirmation is waited for, and how long still (0: it is late). */
bool origin_confirm_left(const struct origin *origin, uint64_t *ret_ms) SL_NONNULL(1, 2);
int origin_confirm(struct origin *origin) SL_NONNULL(1);

/* sha256, applied, by whom, from where, and until when it is to be confirmed. */
json_t *origin_describe(const struct origin *origin) SL_NONNULL(1);
