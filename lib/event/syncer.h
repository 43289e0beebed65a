/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing files to the disk without waiting for it: a disk may take seconds, and the loop that
 * writes events has a heartbeat to keep. One thread of its own does fdatasync on copies of the
 * descriptors it is given; it touches nothing else. `control`.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

struct syncer;

enum { SYNCER_FILES_MAX = 64 }; /* waiting at once: a few batches of all kinds */

/* NULL with errno. */
struct syncer *syncer_create(void) SL_MUST;

/* Syncs what waits, ends the thread. */
void syncer_destroy(struct syncer *syncer);

/* The file behind `fd` is to be synced; `fd` stays the caller's. SL_EAGAIN: too many wait, ask
 * again with the next batch; SL_ESYS with errno. */
int syncer_submit(struct syncer *syncer, int fd) SL_NONNULL(1) SL_MUST;

/* How many files were taken, and for how many of them the wait is over, in this order: what was
 * written before a file was taken is on the disk once that many are done. */
uint64_t syncer_submitted(const struct syncer *syncer) SL_NONNULL(1);
uint64_t syncer_done(struct syncer *syncer) SL_NONNULL(1);

/* errno of a sync that failed since the last call, or 0. */
int syncer_take_error(struct syncer *syncer) SL_NONNULL(1);
