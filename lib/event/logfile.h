/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of events, a line each, with rotation: NAME.json is open, NAME.json.1 the youngest of
 * the closed ones. Lines gather in memory until logfile_sync, which `control` calls every 100 ms;
 * from then on they are on the disk. `control`'s thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct logfile;
struct syncer;

enum {
	LOGFILE_PENDING_MAX = 8 * 1024 * 1024, /* bytes gathered between two syncs */
	LOGFILE_KEPT_MAX = 100,                /* closed files a kind */
	LOGFILE_FIRST_NUMBER = 1000,           /* of the file that is open at the start */
};

struct logfile_limits {
	uint64_t rotate_size; /* bytes after which a file is closed; 0: never */
	unsigned kept;        /* closed files that are kept, at most LOGFILE_KEPT_MAX */
};

/*
 * Opens `directory`/`name`.json for appending (0640), makes it when it is missing and ends a line
 * that an earlier run left unfinished. SL_ESYS with errno, SL_ENOMEM.
 */
int logfile_open(const char *directory, const char *name, const struct logfile_limits *limits,
                 struct logfile **ret_file) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Writes what is gathered. */
void logfile_close(struct logfile *file);

/* From now on logfile_sync leaves the waiting for the disk to `syncer`, which outlives the file's
 * use of it; NULL: it waits itself. */
void logfile_set_syncer(struct logfile *file, struct syncer *syncer) SL_NONNULL(1);

void logfile_set_limits(struct logfile *file, const struct logfile_limits *limits) SL_NONNULL(1, 2);

/* Adds a line without its newline. SL_ELIMIT when too much is gathered, SL_ENOMEM. */
int logfile_add(struct logfile *file, const char *line, size_t len) SL_NONNULL(1, 2) SL_MUST;

/*
 * Writes and syncs what was added; rotates when the file is full; opens it anew when someone moved
 * it. SL_ESYS with errno: what was not written stays gathered.
 */
int logfile_sync(struct logfile *file) SL_NONNULL(1) SL_MUST;

/* Removes the oldest closed file, to make room on a full disk. SL_ENOENT when there is none. */
int logfile_drop_oldest(struct logfile *file, uint64_t *ret_bytes) SL_NONNULL(1, 2);

/* Forgets what is gathered, the number of lines returned: the disk takes nothing more. */
unsigned logfile_discard(struct logfile *file) SL_NONNULL(1);

/* Nothing waits to be written or, but with the syncer, for the disk. */
bool logfile_is_clean(const struct logfile *file) SL_NONNULL(1);

/*
 * Files are numbered as they are made, as long as this is open: a closed one keeps its number
 * whatever its name becomes. The number of the one that is open; another one (or it) for reading,
 * *ret_fd the caller's: SL_ENOENT when it is not there any more.
 */
uint32_t logfile_number(const struct logfile *file) SL_NONNULL(1);
int logfile_open_number(const struct logfile *file, uint32_t number, int *ret_fd)
        SL_NONNULL(1, 3) SL_MUST;

/* Path of the file that is open. */
const char *logfile_path(const struct logfile *file) SL_NONNULL(1);

/* The last whole line of a file, at most `size` - 1 bytes, NUL-terminated. SL_ENOENT, SL_ERANGE. */
int logfile_last_line(const char *path, char *text, size_t size) SL_NONNULL(1, 2) SL_MUST;
