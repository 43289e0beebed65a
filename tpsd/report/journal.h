/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events from all rings to the files and syslog servers. It numbers them, syncs every 100 ms, and
 * says what was lost. `control`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/event/event.h"

struct config;
struct control;
struct journal;

/* Starts reading. SL_ENOMEM, SL_ESYS with errno (a directory that cannot be written). */
int journal_open(struct control *control, struct journal **ret_journal) SL_NONNULL(1, 2) SL_MUST;

/* Reads what is left, syncs, ends. */
void journal_close(struct journal *journal);

/* A configuration came into force: device name, rotation, directory, syslog servers. */
void journal_configure(struct journal *journal, const struct config *config) SL_NONNULL(1, 2);

/* Called with each line that was numbered, until it is taken out by the same `fn` and `arg`. */
typedef void journal_listener_fn(void *arg, enum event_kind kind, const char *line, size_t len);
int journal_listen(struct journal *journal, journal_listener_fn *fn, void *arg)
        SL_NONNULL(1, 2) SL_MUST;
void journal_unlisten(struct journal *journal, journal_listener_fn *fn, void *arg) SL_NONNULL(1, 2);

/* Everything written so far is in the files. */
void journal_flush(struct journal *journal) SL_NONNULL(1);

/* Path of the file of a kind, valid until the next journal_configure. */
const char *journal_path(const struct journal *journal, enum event_kind kind) SL_NONNULL(1);

/* How far the files are on the disk, and a file by its number (lib/event/stream.h). *ret_run is
 * another one when files are numbered anew. */
struct event_border;
void journal_border(const struct journal *journal, struct event_border *ret_border,
                    uint32_t *ret_run) SL_NONNULL(1, 2, 3);
int journal_open_file(const struct journal *journal, enum event_kind kind, uint32_t number,
                      int *ret_fd) SL_NONNULL(1, 4) SL_MUST;

/* A line of `control`'s own to write an event in; event_end() with proc->ring. */
struct event_line *journal_scratch(struct journal *journal) SL_NONNULL(1);
