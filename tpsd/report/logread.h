/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the event files again, for commands that look back. `control`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

enum {
	LOG_READ_BYTES_MAX = 32 * 1024 * 1024, /* looked back at most: control has other work */
	LOG_FILTER_KEY_MAX = 64,
	LOG_FILTER_VALUE_MAX = 256,
};

struct log_filter {
	char key[LOG_FILTER_KEY_MAX]; /* "tls.sni"; "": any value anywhere */
	char value[LOG_FILTER_VALUE_MAX];
};

/* "word", "key=value", "key=prefix*"; NULL is everything. SL_EINVAL. */
int log_filter_parse(const char *text, struct log_filter *ret_filter) SL_NONNULL(2) SL_MUST;
bool log_filter_matches(const struct log_filter *filter, const json_t *event) SL_NONNULL(1, 2);

/* False ends the reading. `event` is borrowed. */
typedef bool log_event_fn(void *arg, json_t *event);

/*
 * Events of a file and the youngest closed one before it, oldest first, the last LOG_READ_BYTES_MAX
 * of them; those older than `since_us` (wall clock) are left out. Lines that are no JSON are passed
 * over.
 */
void log_read(const char *path, uint64_t since_us, log_event_fn *fn, void *arg) SL_NONNULL(1, 3);

/* Wall clock of an event; 0 when it has none. */
uint64_t log_event_us(const json_t *event) SL_NONNULL(1);

/* Text of "tls.sni" and the like, "" when it is not there. */
const char *log_event_text(const json_t *event, const char *path) SL_NONNULL(1, 2);
const json_t *log_event_get(const json_t *event, const char *path) SL_NONNULL(1, 2);
