/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From log.h to the System log: each line that a process logs becomes a `system` event in its ring
 * and still goes to standard error, so that nothing is lost while `control` is away.
 */
#pragma once

#include "lib/base/attr.h"
#include "lib/event/ring.h"

/* `ident` ("tpsd: wire") is the event's "process"; copied. Once a process, after fork. */
void report_log_to_ring(struct ring *ring, const char *ident) SL_NONNULL(1, 2);
