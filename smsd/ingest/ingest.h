/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices report: batches of event lines, counters by the minute; and what the SMS itself has
 * to say, as events of the device "sms". At least once on the wire, exactly once in the store.
 * Pool threads. docs/internals/sms.md, "Events".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/base/log.h"

struct event_record;
struct event_store;
struct ingest;
struct problem;
struct store;

#define INGEST_SELF "sms" /* the SMS as a device of its own events */

enum {
	INGEST_AHEAD_MS = 24 * 3600 * 1000, /* a time further ahead is no time of an event */
	INGEST_EPOCHS_KEPT = 16,            /* of a device; older ones are as if never heard of */
	INGEST_BUSY_MAX = 64,               /* devices that send at the same time */
};

struct ingest_options {
	const char *directory; /* of the days */
	unsigned keep_days;    /* events that are older go */
	int64_t keep_bytes;    /* and the oldest when all take more; 0: any */
};

/* `store` and the option's texts outlive it. SL_ESYS, SL_ENOMEM, SL_EFULL. */
int ingest_open(struct store *store, const struct ingest_options *options,
                struct ingest **ret_ingest, struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void ingest_close(struct ingest *ingest);

struct event_store *ingest_events(struct ingest *ingest) SL_NONNULL(1);

struct ingest_batch {
	const char *device; /* who sends it */
	const char *epoch;  /* INTAKE_EPOCH_LEN hexadecimal digits */
	uint64_t first;     /* number of the first line; what is between it and the one that was
	                     * expected is lost */
	const void *lines;  /* JSON Lines, numbers ascending */
	size_t len;
};

struct ingest_answer {
	uint64_t next; /* all before it is on the disk, or was refused for good */
	uint64_t stored, repeated, refused, lost;
};

/*
 * Takes a batch; returns after the commit. A line that is none of this device and epoch, or of a
 * time that is not kept any more, is refused alone. SL_EINVAL: no epoch, a number beyond 53
 * bits; SL_ERANGE: too many lines; SL_EAGAIN: another batch of this device is under way, the
 * disk is full or the database away; SL_EIO. After an error the device sends all again.
 */
int ingest_take(struct ingest *ingest, const struct ingest_batch *batch,
                struct ingest_answer *ret_answer, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/*
 * What was counted in minutes that are over: `minutes` as remote_shape_counters has them. A minute
 * that comes again takes the place of what was there. Errors as store_write.
 */
int ingest_count(struct ingest *ingest, const char *device, const json_t *minutes,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* An event of the SMS itself, kind `system`. `about`: the device it is about, NULL none. What
 * cannot be stored is in the log. */
void ingest_say(struct ingest *ingest, enum log_level level, const char *about, const char *fmt,
                ...) SL_NONNULL(1, 4) SL_PRINTF(4, 5);

/*
 * The same as an event of another kind: `own` is under its name in it, and taken over (NULL: out of
 * memory). Its code: it may be tried again.
 */
int ingest_tell(struct ingest *ingest, enum log_level level, const char *about, const char *kind,
                json_t *own, const char *message) SL_NONNULL(1, 4, 6) SL_MUST;

/*
 * `fn` hears what is stored of each batch, gaps too, between the commit and the answer; a batch
 * that comes again because it was not answered is heard again. Its code refuses the batch, which
 * comes again then. One at a time, before any batch is taken; NULL: none.
 */
typedef int ingest_heard_fn(void *arg, const char *device, const struct event_record *records,
                            size_t count);
void ingest_on_heard(struct ingest *ingest, ingest_heard_fn *fn, void *arg) SL_NONNULL(1);

/* By the clock, every minute or so: what is too old goes. */
void ingest_tick(struct ingest *ingest) SL_NONNULL(1);

/* Handlers of the devices' port (smsd/device/port.h): call->ingest is the ingest. */
struct port_call;
int ingest_port_events(struct port_call *call);
int ingest_port_counters(struct port_call *call);
