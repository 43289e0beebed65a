/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's stream of events: who an event is, (device, epoch, sequence), and where it is kept,
 * a file a kind. The epoch is random and new whenever the files are; the sequence runs over all
 * kinds and goes on after a restart, whether it was orderly or not. `control`'s thread.
 *
 * When the disk is full, closed files go, of the kind with the lowest rank first; what still
 * cannot be written is counted, and a `gap` event says so as soon as there is room again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/event/event.h"
#include "lib/event/logfile.h"

struct event_stream;

enum { STREAM_EPOCH_LEN = 16 }; /* hexadecimal digits */

/*
 * `directory` has the files, `state_dir` the epoch; `device` is the device's name in each event.
 * All are copied. SL_ESYS with errno, SL_ENOMEM.
 */
int event_stream_open(const char *directory, const char *state_dir, const char *device,
                      const struct logfile_limits *limits, struct event_stream **ret_stream)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
/* Syncs first. */
void event_stream_close(struct event_stream *stream);

/* A new configuration: name, limits. Another directory needs another stream. */
int event_stream_configure(struct event_stream *stream, const char *device,
                           const struct logfile_limits *limits) SL_NONNULL(1, 2, 3);

/*
 * Numbers an event (one JSON object) and adds it to its file. *ret_line is the line as written,
 * valid until the next call. SL_EMALFORMED when it is none; SL_ELIMIT when it had to be counted as
 * lost.
 */
int event_stream_add(struct event_stream *stream, enum event_kind kind, const char *json,
                     size_t len, const char **ret_line, size_t *ret_len)
        SL_NONNULL(1, 3, 5, 6) SL_MUST;

/* What a producer lost of a kind: the gap is written with the next sync. */
void event_stream_lost(struct event_stream *stream, enum event_kind kind, uint64_t count,
                       const char *where) SL_NONNULL(1, 4);

/* Writes; a thread of the stream's own waits for the disk. SL_ESYS with errno when something was
 * not taken, now or by the last syncs. */
int event_stream_sync(struct event_stream *stream) SL_NONNULL(1);

/* How far all kinds are on the disk, and which file of each kind is open (logfile_number). */
struct event_border {
	char epoch[STREAM_EPOCH_LEN + 1];
	uint64_t next; /* all numbers before it are on the disk, or lost; 0: not known yet */
	uint32_t files[EVENT_KIND_END];
};

/* As of the last event_stream_sync. */
void event_stream_border(const struct event_stream *stream, struct event_border *ret_border)
        SL_NONNULL(1, 2);
/* A file for reading; *ret_fd is the caller's. SL_ENOENT. */
int event_stream_open_file(const struct event_stream *stream, enum event_kind kind, uint32_t number,
                           int *ret_fd) SL_NONNULL(1, 4) SL_MUST;

/* Goes on at the number of `before`, which wrote elsewhere and has the same epoch, unless there are
 * files here that are ahead of it. SL_ESYS with errno. */
int event_stream_follow(struct event_stream *stream, const struct event_stream *before)
        SL_NONNULL(1, 2) SL_MUST;

const char *event_stream_epoch(const struct event_stream *stream) SL_NONNULL(1);
uint64_t event_stream_next(const struct event_stream *stream) SL_NONNULL(1);
/* Path of a kind's open file. */
const char *event_stream_path(const struct event_stream *stream, enum event_kind kind)
        SL_NONNULL(1);
