/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of traffic, in one word, as the SMS shows it (R157). Any thread. */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"

struct health_facts {
	bool configured;     /* a document is in force */
	bool wire_silent;    /* for longer than eBPF waits: it forwards all by itself */
	bool draining;       /* no new session is taken */
	unsigned panic_step; /* tpsd/report/panic.h */
};

/* "on", "panic", "fallback" or "off"; static. */
const char *health_inspection(const struct health_facts *facts) SL_NONNULL(1);
