/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the store of events. */
#pragma once

#include <pthread.h>

#include "smsd/ingest/event_store.h"

/* Lines that came last, for those who follow: a ring, bounded in lines and in bytes. */
struct event_tail {
	pthread_mutex_t mutex;
	uint64_t run;        /* of this start: a cursor of another one is none */
	uint64_t next;       /* number of the line that comes next, from 1 on */
	uint64_t first;      /* number of the oldest that is kept */
	size_t bytes;        /* of those that are kept */
	uint64_t asked_ns;   /* when somebody asked last; nothing is kept long after */
	event_came_fn *came; /* NULL: nobody waits */
	void *came_arg;
	struct event_tail_line {
		char *line;
		size_t len;
	} lines[EVENT_TAIL_LINES];
};

void event_tail_init(struct event_tail *tail) SL_NONNULL(1);
void event_tail_fini(struct event_tail *tail) SL_NONNULL(1);

void event_tail_add(struct event_tail *tail, const struct event_record *record) SL_NONNULL(1, 2);
/* All of a group was added. */
void event_tail_tell(struct event_tail *tail) SL_NONNULL(1);

struct event_store {
	struct event_days *days;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Under the mutex: */
	struct batch *waiting, **last;
	bool committing; /* one of those who add commits for all that wait */
	/* Of who commits: */
	struct writing {
		struct event_day *day; /* NULL: free */
		int64_t number;
		uint64_t used;
	} writing[EVENT_STORE_WRITERS];
	uint64_t uses;
	bool full;          /* the disk, when last written to */
	uint64_t budget_ns; /* what one search may take */
	struct event_tail tail;
};
