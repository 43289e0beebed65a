/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Close and bypass reasons, outcomes and failure classes. reason.def is the table from which log
 * texts, counters and docs are made. Any thread, any process.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/failure.h" /* enum failure_class (R155) */

enum reason {
#define X(NAME, name, outcome, class, text) REASON_##NAME,
#include "lib/event/reason.def"
#undef X
	REASON_END
};

/* R31's outcomes as logged ("outcome"): see reason_outcome_name(). */
enum reason_outcome {
	OUTCOME_NONE,          /* not over yet */
	OUTCOME_INSPECTED,     /* "inspected" */
	OUTCOME_NOT_INSPECTED, /* "decrypted_not_inspected" */
	OUTCOME_NOT_DECRYPTED, /* "not_decrypted" */
	OUTCOME_BYPASSED,      /* "bypassed" */
	OUTCOME_BLOCKED,       /* "blocked" */
	OUTCOME_FAILED,        /* "failed" */
};

/* "client_suite"; lower case, for counters and logs. Never NULL. */
const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason);
/* The outcome the table gives; the setting of its class may turn bypassed into blocked and back. */
enum reason_outcome reason_outcome(enum reason reason);
enum failure_class reason_class(enum reason reason);
/* The reason of that name. SL_ENOENT. */
int reason_find(const char *name, enum reason *ret_reason) SL_NONNULL(1, 2) SL_MUST;
const char *reason_outcome_name(enum reason_outcome outcome);
const char *failure_class_name(enum failure_class class);
