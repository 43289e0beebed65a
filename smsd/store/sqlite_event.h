/* SPDX-License-Identifier: Apache-2.0 */
/* A day's file as the sqlite_event_*.c files see it. */
#pragma once

#include <sqlite3.h>

#include "smsd/store/event_day.h"

struct event_day {
	sqlite3 *db;
	/* Of who writes: */
	sqlite3_stmt *add, *add_words, *add_stream, *find_stream, *last_before;
	int64_t last_ms, last_place; /* within the transaction: the millisecond of the last one */
	int64_t stream;              /* the row of the last one's device and epoch; 0: none */
	uint64_t stream_epoch;
	char stream_device[EVENT_DAY_DEVICE_MAX];
};
