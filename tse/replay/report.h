/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints matches as EVE events, one JSON object a line. For tse-replay.
 */
#pragma once

#include <stdio.h>

#include "tse/replay/feeder.h"

/* A feeder_sink_fn; `arg` is the FILE to print to. */
void report_matches(void *arg, const struct feeder *f, const struct tse_result *result,
                    const struct tse_http_info *http);
