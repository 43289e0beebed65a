/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process says about itself. Until a sink is set, lines go to stderr; in tpsd the sink
 * turns each into a system event on its way to `control`. This is the one piece of process-wide
 * state in lib/: every module may have to say something, and a parameter for it in each function
 * would hide the others. Set it once after fork, before there are threads; log from any thread that
 * the sink can take (stderr: any).
 *
 * Never log key material, passwords or plaintext of sessions.
 */
#pragma once

#include "lib/base/attr.h"

enum log_level {
	LOG_LEVEL_CRITICAL,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Gets each message of `level` up to the threshold; `text` has no newline. Must not log itself. */
typedef void log_sink_fn(void *arg, enum log_level level, const char *text);

/* `ident` (kept, not copied) stands before each line on stderr. */
void log_open(const char *ident, enum log_level threshold);

/* NULL: back to stderr. */
void log_set_sink(log_sink_fn *sink, void *arg);

void log_write(enum log_level level, const char *fmt, ...) SL_NONNULL(2) SL_PRINTF(2, 3);

/* "critical" … "debug"; never NULL. */
const char *log_level_name(enum log_level level);

#define log_critical(...) log_write(LOG_LEVEL_CRITICAL, __VA_ARGS__)
#define log_error(...)    log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...)  log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)     log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)    log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
