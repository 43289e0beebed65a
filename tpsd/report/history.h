/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that were in force, newest first: STATE/last-good/0.yaml is the last good one, 1.yaml
 * the one before it, with a small N.json each (revision, sha256, when, by whom, name). `control`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct buf;

enum { HISTORY_KEPT = 10 };

struct history_entry {
	char name[512]; /* file that it was read from, for errors and relative paths */
	char user[64];
	char sha256[65];
	uint32_t revision;
	uint64_t applied_us; /* wall clock */
};

/* Document `n` (0: in force) and what is known of it. SL_ENOENT, SL_ESYS, SL_ENOMEM. */
int history_read(const char *state_dir, unsigned n, struct buf *ret_text, struct history_entry *ret)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* Puts one at the front; the oldest beyond HISTORY_KEPT goes. The same text again only updates its
 * entry. On the disk when it returns. SL_ESYS with errno. */
int history_add(const char *state_dir, const void *text, size_t len,
                const struct history_entry *entry) SL_NONNULL(1, 4) SL_MUST;

/* Takes the front one off (a rollback to what stands behind it). */
int history_drop(const char *state_dir) SL_NONNULL(1);

/* A list of objects, newest first. */
json_t *history_list(const char *state_dir) SL_NONNULL(1);

/* A small file in the state directory, replaced as a whole and synced; empty text removes it. */
int state_write(const char *state_dir, const char *name, const void *text, size_t len)
        SL_NONNULL(1, 2) SL_MUST;
/* SL_ENOENT, SL_ELIMIT past the buffer's maximum, SL_ESYS. */
int state_read(const char *state_dir, const char *name, struct buf *out)
        SL_NONNULL(1, 2, 3) SL_MUST;
