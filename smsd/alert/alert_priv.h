/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of smsd/alert. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "smsd/alert/alert.h"
#include "smsd/store/store.h"

struct alerts {
	struct store *store;
	struct ingest *ingest;
	struct alert_options options;
	int64_t opened_ms;
	pthread_mutex_t telling;         /* one thread makes events of rows at a time */
	_Atomic int64_t certificates_ms; /* last look at them; 0: none yet */
};

/* What is so now. `part`: what of `about` it is, where there may be several; "" */
struct condition {
	char *about_kind, *about, *part, *text;
	int64_t step; /* raised again when it goes up */
};

struct conditions {
	struct condition *list; /* heap */
	size_t count;
};

/* Beyond ALERT_OPEN_MAX nothing is added. SL_ENOMEM. */
int conditions_add(struct conditions *conditions, const char *about_kind, const char *about,
                   int64_t step, const char *text_fmt, ...) SL_NONNULL(1, 2, 3, 5)
        SL_PRINTF(5, 6) SL_MUST;
void conditions_fini(struct conditions *conditions) SL_NONNULL(1);

/* Raises those that are not open, clears those open ones that are not so any more: of `name`, and
 * of `about` alone where that is not NULL. Writes nothing when all is as it was. */
int alerts_settle(struct alerts *alerts, enum alert_name name, const char *about,
                  const struct conditions *conditions, int64_t now_ms) SL_NONNULL(1, 4) SL_MUST;

/* Rows of which no event was made yet become events. What cannot be stored is tried again by the
 * next tick. */
int alerts_tell(struct alerts *alerts) SL_NONNULL(1) SL_MUST;

/* alert_heard.c: an ingest_heard_fn. */
int alerts_heard(void *arg, const char *device, const struct event_record *records, size_t count);

/* What devices report is over when it was not said again for its time. */
int alerts_age(struct alerts *alerts, int64_t now_ms) SL_NONNULL(1) SL_MUST;
