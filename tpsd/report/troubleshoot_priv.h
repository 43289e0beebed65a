/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of troubleshooting. */
#pragma once

#include <stdbool.h>

#include "tpsd/report/troubleshoot.h"

enum { EVIDENCE_MAX = 320 };

struct verdict {
	bool fail;
	char evidence[EVIDENCE_MAX];
	const char *remedy; /* when it fails */
};

/* A check that passes, and one that does not: what it looked at, and what to do. */
void verdict_say(struct verdict *v, const char *fmt, ...) SL_NONNULL(1, 2) SL_PRINTF(2, 3);
void verdict_fail(struct verdict *v, const char *remedy, const char *fmt, ...) SL_NONNULL(1, 2, 3)
        SL_PRINTF(3, 4);

/* Each looks at one thing only, so that one fault fails one check. */
typedef void trouble_check(const struct trouble *t, struct verdict *v);

#define X(name, cases, text) trouble_check trouble_check_##name;
#include "tpsd/report/troubleshoot.def"
#undef X
