/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of events, read for the SMS: a file a kind, rotated, merged into one stream of
 * ascending numbers from a place on. It opens nothing: it says which file it wants, and is given a
 * descriptor to read, or hears that the file is gone. No line is passed over that may yet come:
 * only up to the border is read, before which `control` has brought everything to the disk.
 * Bounded: a window of 64 KiB a kind, and what the caller's buffer takes. `link`'s one thread;
 * knows no loop.
 *
 * An epoch is read to its end before the next one: those that are over come first, in the order in
 * which they are found; the one of the border is the last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/event/event.h"

struct buf;
struct reader;

enum {
	READER_LINE_MAX = 32 * 1024,       /* a longer line is none of ours, and left out */
	READER_EPOCHS_KEPT = 16,           /* that are over; as many as the SMS remembers */
	READER_SCAN_MAX = 8 * 1024 * 1024, /* bytes that one reader_fill looks at */
};

/* Up to where all is sent: before `next` of `epoch`, and all of those that are over. */
struct reader_place {
	bool known; /* false: nothing was sent yet */
	uint64_t epoch, next;
	uint64_t over[READER_EPOCHS_KEPT]; /* the latest last */
	size_t over_count;
};

struct reader_border {
	uint64_t epoch, next;           /* all before it is on the disk */
	uint32_t files[EVENT_KIND_END]; /* number of each kind's open file */
};

/* What reader_fill added. */
struct reader_batch {
	uint64_t epoch, first, next; /* number of the first line; behind the last */
	size_t lines;
	struct reader_place after; /* once it is sent */
};

/* SL_ENOMEM. */
int reader_create(struct reader **ret_reader) SL_NONNULL(1) SL_MUST;
void reader_destroy(struct reader *reader);

/* From `place` on, all files forgotten; at the start, and when files are numbered anew. */
void reader_start(struct reader *reader, const struct reader_place *place) SL_NONNULL(1, 2);
/* The border is not known any more: nothing is read until there is one. */
void reader_untold(struct reader *reader) SL_NONNULL(1);
/* What lines say their device is: `name`, which has no quotes or escapes, whatever they said. */
void reader_name(struct reader *reader, const char *name) SL_NONNULL(1, 2);

void reader_border(struct reader *reader, const struct reader_border *border) SL_NONNULL(1, 2);

/* A file that is to be asked for, once; false: none. */
bool reader_wants(struct reader *reader, enum event_kind *ret_kind, uint32_t *ret_number)
        SL_NONNULL(1, 2, 3);
/* Answers got lost: what is still wanted is asked for again. */
void reader_want_again(struct reader *reader) SL_NONNULL(1);
/* It is here; `fd` is the reader's from now on, -1: there is none. */
void reader_file(struct reader *reader, enum event_kind kind, uint32_t number, int fd)
        SL_NONNULL(1);

/*
 * Adds lines to `out`, at most `lines_max` and what it takes. 0; SL_EAGAIN: nothing now, there will
 * be when a file comes or the border moves; SL_EBUSY: it has looked at a lot and found nothing yet,
 * call again.
 */
int reader_fill(struct reader *reader, struct buf *out, size_t lines_max,
                struct reader_batch *ret_batch) SL_NONNULL(1, 2, 4) SL_MUST;

/* Lines that were none, or too long, since the start: their numbers are missing at the SMS. */
uint64_t reader_left_out(const struct reader *reader) SL_NONNULL(1);
