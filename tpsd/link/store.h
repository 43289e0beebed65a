/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `link` has on the disk, all below STATE/sms (docs/internals/link.md). The folder is opened
 * with privileges, since the one above is `control`'s; later it is only reached by its descriptor.
 * Files are written whole or not at all. `link`'s one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/attr.h"

struct buf;
struct store;

/* Who reads the files of documents. */
struct store_owner {
	uid_t uid; /* of link */
	gid_t gid;
	gid_t readers; /* of control */
};

/* Makes and opens STATE/sms and STATE/sms/files, and removes what was being laid down there. Sets
 * the process's umask to 0027: files have the modes that they are made with. SL_ESYS with errno;
 * SL_EPERM: STATE/sms is there and somebody else's. */
int store_open(const char *state_dir, const struct store_owner *owner, struct store **ret_store)
        SL_NONNULL(1, 2, 3) SL_MUST;
void store_close(struct store *store);

/* STATE/sms/files, for the capabilities and for errors. */
const char *store_files_path(const struct store *store) SL_NONNULL(1);

/* A small file, 0600: into `text`, SL_ENOENT; the whole of it, onto the disk; gone. SL_ESYS. */
int store_read(struct store *store, const char *name, struct buf *text) SL_NONNULL(1, 2, 3) SL_MUST;
int store_write(struct store *store, const char *name, const void *data, size_t len)
        SL_NONNULL(1, 2, 3) SL_MUST;
int store_remove(struct store *store, const char *name) SL_NONNULL(1, 2);

/* ---- files of documents, by their SHA-256 ---- */

enum { STORE_DIGEST = 32 };

/* Reads the names of what is here: store_has_file looks there first, as long as nobody has called
 * this again. A document names a thousand files, of which a new device has none. */
void store_look(struct store *store) SL_NONNULL(1);
/* Whether it was here whole at the last look; it is touched then, if it is old. */
bool store_has_file(const struct store *store, const uint8_t sha256[STORE_DIGEST], uint64_t size)
        SL_NONNULL(1, 2);
/* An empty file for it, of which nobody knows; *ret_fd is the caller's. SL_ESYS with errno. */
int store_begin_file(struct store *store, const uint8_t sha256[STORE_DIGEST], int *ret_fd)
        SL_NONNULL(1, 2, 3) SL_MUST;
/* `len` bytes at its end. SL_ESYS: ENOSPC among others. */
int store_add_file(int fd, const void *data, size_t len) SL_NONNULL(2) SL_MUST;
/* It is whole: onto the disk, and it has its name. */
int store_keep_file(struct store *store, const uint8_t sha256[STORE_DIGEST], int fd)
        SL_NONNULL(1, 2) SL_MUST;
void store_drop_file(struct store *store, const uint8_t sha256[STORE_DIGEST]) SL_NONNULL(1, 2);

/*
 * Many small files: a thousand come in one answer, and of each there is no more to do than to make
 * it, write it and close it. They have their names at once; what a loss of power leaves of them is
 * told by a list, on the disk before the first and gone when all are there: store_open removes what
 * it names. SL_ESYS with errno; behind an error, or a file that is no good, store_lay_undo.
 */
int store_lay_begin(struct store *store, const uint8_t (*sha256s)[STORE_DIGEST], size_t count)
        SL_NONNULL(1, 2) SL_MUST;
int store_lay(struct store *store, const uint8_t sha256[STORE_DIGEST], const void *data, size_t len)
        SL_NONNULL(1, 2, 3) SL_MUST;
int store_lay_end(struct store *store) SL_NONNULL(1) SL_MUST;
void store_lay_undo(struct store *store) SL_NONNULL(1);

/* What becomes of a file that is here. */
enum store_use {
	STORE_UNNAMED, /* it goes when it has not been touched for long */
	STORE_NAMED,   /* it stays, and is touched */
	STORE_WANTED,  /* it stays: store_has_file was asked for it, or it was made since */
};

/* Removes what is unnamed and has not been touched for `older_s`. `name` is 64 digits; what has
 * another name is unnamed. */
void store_prune(struct store *store, unsigned older_s,
                 enum store_use (*use)(void *arg, const char *name), void *arg) SL_NONNULL(1, 3);

/* `from` takes the place of `to`. */
int store_rename(struct store *store, const char *from, const char *to) SL_NONNULL(1, 2, 3) SL_MUST;
