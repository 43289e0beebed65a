/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of files: a blob is made of pieces of BLOB_PIECE_MAX, the last one shorter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "smsd/object/blob.h"

/* In a write: a blob that is there is kept for another day, whoever names it. */
int blob_keep(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], bool *ret_there)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* In a write: a new one, whose pieces follow. */
int blob_add(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], uint64_t size)
        SL_NONNULL(1, 2) SL_MUST;

/* ---- what a file is said to be: its bytes go by in order --------------------------------- */

struct content {
	enum blob_content what;
	struct problem *problem;
	struct buf rest;      /* of a line that goes on in the next piece; of CRLs all */
	unsigned line, wrong; /* lines */
};

/* SL_ELIMIT: too large for what it is. content_fini frees, whatever came of it. */
int content_begin(struct content *c, enum blob_content what, uint64_t size, struct problem *problem)
        SL_NONNULL(1, 4) SL_MUST;

/* SL_EMALFORMED at once where going on makes no sense. */
int content_add(struct content *c, const void *data, size_t len) SL_NONNULL(1, 2) SL_MUST;

/* SL_EMALFORMED, the lines in `problem`; a code of lib/pki. */
int content_end(struct content *c) SL_NONNULL(1) SL_MUST;
void content_fini(struct content *c) SL_NONNULL(1);
