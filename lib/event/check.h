/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a record from a ring is what a producer of ours writes: one JSON object on one line.
 * `control` looks before it writes a record to a file that others parse, since the producer may be
 * a worker that was broken into. No allocation. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

enum { EVENT_CHECK_DEPTH_MAX = 32 };

/* One object, UTF-8, no control character anywhere, no byte behind it. */
bool event_check(const char *data, size_t len) SL_NONNULL(1);
