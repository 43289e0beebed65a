/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of files: a blob is made of pieces of BLOB_PIECE_MAX, the last one shorter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/object/blob.h"

/* In a write: a blob that is there is kept for another day, whoever names it. */
int blob_keep(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], bool *ret_there)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* In a write: a new one, and its pieces in order. */
int blob_add(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], uint64_t size)
        SL_NONNULL(1, 2) SL_MUST;
int blob_add_piece(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], uint64_t at,
                   const void *data, size_t len) SL_NONNULL(1, 2, 4) SL_MUST;

/* SL_ENOENT. */
int blob_size(struct store *store, const uint8_t sha256[BLOB_DIGEST], uint64_t *ret_size)
        SL_NONNULL(1, 2, 3) SL_MUST;
