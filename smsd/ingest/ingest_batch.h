/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of lines read: records to add, and what became of the others. Bounded by the batch's
 * bytes. Inside smsd/ingest and its tests and fuzzer only.
 */
#pragma once

#include "lib/base/buf.h"
#include "smsd/ingest/ingest.h"
#include "smsd/store/event_day.h"

struct batch_frame {
	int64_t now_ms, oldest_ms; /* an event before `oldest_ms` is not kept */
	int64_t odd_ms;            /* where one goes that is too far ahead */
	bool known;                /* the epoch was heard of before: */
	uint64_t expected;         /* all before it is stored */
};

struct batch_read {
	struct event_record *records; /* heap; texts are the batch's and `text`'s */
	size_t count;
	struct buf text;
	uint64_t next;
	uint64_t repeated, lost;
	uint64_t malformed, foreign, expired;  /* refused */
	bool odd;                              /* some went to odd_ms */
	char gap_device[EVENT_DAY_DEVICE_MAX]; /* who the gaps are filed under */
};

/* SL_EINVAL, SL_ERANGE (too many lines), SL_ENOMEM. batch_read_fini after 0. */
int batch_read(const struct ingest_batch *batch, const struct batch_frame *frame,
               struct batch_read *ret_read) SL_NONNULL(1, 2, 3) SL_MUST;
void batch_read_fini(struct batch_read *read) SL_NONNULL(1);
