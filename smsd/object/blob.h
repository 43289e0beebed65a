/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as objects (kind `file`): rules, lists of domains, revocation lists. Bytes are kept once by
 * their SHA-256 in pieces of BLOB_PIECE_MAX; an object has name, what it is, size and digest.
 * Uploads come in pieces by offset and are files from the moment that names them; one that nobody
 * finished is dropped after a day. Where a setting wants a path it has /files/NAME. Pool threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "smsd/object/object.h"

struct actor;
struct problem;
struct store;
struct store_tx;

#define BLOB_PATH "/files/"

/* X(NAME, "what"): checked when an upload becomes a file. */
#define BLOB_CONTENTS(X)                                                                           \
	X(RULES, "rules") /* UTF-8 text; the device's engine says what of it does not compile */   \
	X(DOMAINS, "domains") /* each line a name that lib/domain takes */                         \
	X(CRL, "crl")         /* PEM or DER */

enum blob_content {
#define X(NAME, what) BLOB_##NAME,
	BLOB_CONTENTS(X)
#undef X
	        BLOB_CONTENT_END
};

const char *blob_content_name(enum blob_content content);

/* SL_ENOENT for a name that is none. */
int blob_content_parse(const char *name, enum blob_content *ret_content) SL_NONNULL(1, 2) SL_MUST;

enum {
	BLOB_DIGEST = 32,
	BLOB_PIECE_MAX = 1024 * 1024,
	BLOB_FILE_MAX = 256 * 1024 *
	                1024,  /* REMOTE_FILE_MAX; rules 64 MiB, CRLs 4 MiB (lib/conf/image.h) */
	BLOB_UPLOADS_MAX = 64, /* under way at once, of all people */
	BLOB_UPLOAD_S = 24 * 3600,
};

enum { BLOB_HEX_MAX = 2 * BLOB_DIGEST + 1 };

/* 64 hexadecimal digits in lower case. SL_EMALFORMED. */
const char *blob_digest_text(const uint8_t sha256[BLOB_DIGEST], char ret_hex[BLOB_HEX_MAX])
        SL_NONNULL(1, 2);
int blob_digest_parse(const char *hex, uint8_t ret_sha256[BLOB_DIGEST]) SL_NONNULL(1, 2) SL_MUST;

/* An upload: begun, added to (`offset` is its size so far, else SL_ECONFLICT with that size in
 * `problem`; a multiple of BLOB_PIECE_MAX each time but the last, SL_EINVAL), and dropped.
 * SL_ELIMIT, SL_ENOENT (or another person's). */
int blob_upload_begin(struct store *store, const struct actor *actor, int64_t *ret_id,
                      struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int blob_upload_add(struct store *store, const struct actor *actor, int64_t id, uint64_t offset,
                    const void *data, size_t len, uint64_t *ret_size, struct problem *problem)
        SL_NONNULL(1, 2, 5, 7, 8) SL_MUST;
int blob_upload_drop(struct store *store, const struct actor *actor, int64_t id,
                     struct problem *problem) SL_NONNULL(1, 2, 4) SL_MUST;

/* An upload that becomes something else than a file: its bytes, all at once (SL_ELIMIT: more than
 * the buffer's maximum); then, in a write, bytes under their digest, and the upload is gone
 * (SL_ECONFLICT: it was added to meanwhile). */
int blob_upload_read(struct store *store, const struct actor *actor, int64_t id, struct buf *out,
                     struct problem *problem) SL_NONNULL(1, 2, 4, 5) SL_MUST;
int blob_upload_keep(struct store_tx *tx, const struct actor *actor, int64_t id, uint64_t size,
                     const uint8_t sha256[BLOB_DIGEST], struct problem *problem)
        SL_NONNULL(1, 2, 5, 6) SL_MUST;

/* The upload becomes the file `name`: a new one (`revision` 0) or its next revision, of the same
 * content (SL_EMISMATCH: settings count on what it is). Content is checked before the write;
 * SL_EMALFORMED names the line. An upload that is refused stays, to be dropped. */
int blob_finish(struct store *store, const struct actor *actor, int64_t upload,
                enum blob_content content, const char *name, int64_t revision, const char *comment,
                struct problem *problem) SL_NONNULL(1, 2, 5, 8) SL_MUST;

/* SL_EBUSY: something refers to it. */
int blob_delete(struct store *store, const struct actor *actor, const char *name, int64_t revision,
                const char *comment, struct problem *problem) SL_NONNULL(1, 2, 3, 6) SL_MUST;

/* Bytes that the SMS makes itself (a certificate's chain): kept under their digest, in a write. */
int blob_put(struct store_tx *tx, const void *data, size_t len, uint8_t ret_sha256[BLOB_DIGEST])
        SL_NONNULL(1, 2, 4) SL_MUST;

/* `max` bytes at most from `offset`; nothing at the end. SL_ENOENT: no bytes of that digest. */
int blob_read(struct store *store, const uint8_t sha256[BLOB_DIGEST], uint64_t offset, size_t max,
              struct buf *out) SL_NONNULL(1, 2, 5) SL_MUST;

/* Drops uploads that are too old, and bytes of more than a day that no file and no device's
 * document names any more; what was replaced is not gone back to, but uploaded again. One write, a
 * part of what there is: every few minutes by the clock. SL_ENOMEM and the store's codes. */
int blob_sweep(struct store *store, int64_t now_ms) SL_NONNULL(1) SL_MUST;
