/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as a device writes them, and a store of events in a folder of the test. */
#pragma once

#include "tests/unit/smsd/place.h"

#include "smsd/ingest/event_store.h"
#include "smsd/ingest/ingest.h"
#include "smsd/ingest/intake_line.h"

#define EPOCH "00000000000000ab"

/* What of a line is of interest; 0 and NULL leave it out. */
struct shape {
	const char *device, *epoch, *kind, *outcome, *reason, *sni, *profile, *policy, *source,
	        *destination, *message;
	uint64_t seq;
	int64_t time_ms;
};

/* Without a newline; valid until four more were made by this thread. */
const char *line_of(const struct shape *shape);

/* The record of such a line, with words; its texts live until lines_forget. */
struct event_record record_of(const struct shape *shape);
void lines_forget(void);

/* What was found: numbers in order, "3,2,1". */
struct found {
	char text[16384];
	unsigned count;
};
event_store_fn found_add;
/* How often a list "3,2,1" has the number. */
unsigned times_in(const char *list, unsigned number);

struct event_filter any_filter(void);

/* All that the filter takes, however often the search has to go on because its time was over. */
void find_whole(struct event_store *store, const struct event_filter *filter, event_store_fn *fn,
                void *arg);
