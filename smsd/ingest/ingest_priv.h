/* SPDX-License-Identifier: Apache-2.0 */
/* Between ingest.c and arrival.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "smsd/ingest/arrival.h"
#include "smsd/ingest/ingest.h"
#include "smsd/ingest/intake_line.h"
#include "smsd/store/event_day.h"

struct ingest {
	struct store *store;
	struct ingest_options options;
	struct event_store *events;
	char epoch[INTAKE_EPOCH_LEN + 1]; /* of our own events: new with each start */
	ingest_heard_fn *heard;           /* set before any batch is taken; NULL: nobody */
	void *heard_arg;
	arrival_came_fn *came; /* the same */
	void *came_arg;
	/* Events of our own whose row of arrival is there, or about to be, and they are not yet. */
	_Atomic unsigned own_coming;
	pthread_mutex_t mutex;
	/* Under the mutex: */
	uint64_t seq;
	char busy[INGEST_BUSY_MAX][EVENT_DAY_DEVICE_MAX]; /* devices with a batch under way */
};
