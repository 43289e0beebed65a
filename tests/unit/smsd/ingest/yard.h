/* SPDX-License-Identifier: Apache-2.0 */
/* A store and an ingest in a folder of the test's own, opened and closed as smsd is, and a device
 * that goes on where it was answered to be. */
#pragma once

#include "tests/unit/smsd/ingest/lines.h"

struct yard {
	char directory[64], days[80];
	char *connection; /* NULL: SQLite */
	struct store *store;
	struct ingest *ingest;
	struct problem problem;
};

void yard_make(struct yard *yard);
void yard_open(struct yard *yard);
void yard_close(struct yard *yard);
void yard_remove(struct yard *yard);

/* Numbers from `first` on, so many of them, by turns of yesterday and of today. Its code. */
int yard_send(struct yard *yard, const char *device, uint64_t first, unsigned count,
              struct ingest_answer *ret_answer);

/* Each number below `count` is there once, and no more than `most` of them; returns how many. */
uint64_t yard_assert_whole(struct yard *yard, const char *device, uint64_t count, uint64_t most);
