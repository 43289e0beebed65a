/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names, texts and outcomes of reasons and failure classes, out of their tables. Numbers may
 * come from another process, so each look-up is bounded. Any process, any thread.
 */
#include "lib/event/reason.h"

#include <string.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct reason_row {
	const char *name;
	const char *text;
	enum reason_outcome outcome;
	enum failure_class class;
};

static const struct reason_row rows[REASON_END] = {
#define X(NAME, lower, out, fail, words) {#lower, words, OUTCOME_##out, FAILURE_##fail},
#include "lib/event/reason.def"
#undef X
};

static const struct reason_row unknown = {"unknown", "unknown reason", OUTCOME_NONE, FAILURE_NONE};

static const struct reason_row *row_of(enum reason reason)
{
	return (unsigned)reason < REASON_END ? &rows[reason] : &unknown;
}

const char *reason_name(enum reason reason)
{
	return row_of(reason)->name;
}

const char *reason_text(enum reason reason)
{
	return row_of(reason)->text;
}

enum reason_outcome reason_outcome(enum reason reason)
{
	return row_of(reason)->outcome;
}

enum failure_class reason_class(enum reason reason)
{
	return row_of(reason)->class;
}

int reason_find(const char *name, enum reason *ret_reason)
{
	for (unsigned i = 0; i < REASON_END; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*ret_reason = (enum reason)i;
			return 0;
		}
	}
	return SL_ENOENT;
}

const char *reason_outcome_name(enum reason_outcome outcome)
{
	static const char *const names[] = {
	        [OUTCOME_NONE] = "none",
	        [OUTCOME_INSPECTED] = "inspected",
	        [OUTCOME_NOT_INSPECTED] = "decrypted_not_inspected",
	        [OUTCOME_NOT_DECRYPTED] = "not_decrypted",
	        [OUTCOME_BYPASSED] = "bypassed",
	        [OUTCOME_BLOCKED] = "blocked",
	        [OUTCOME_FAILED] = "failed",
	};

	return (unsigned)outcome < SL_ARRAY_LEN(names) ? names[outcome] : "unknown";
}

const char *failure_class_name(enum failure_class class)
{
	static const char *const names[FAILURE_END] = {
	        [FAILURE_NONE] = "none",
#define X(id, name, server, client, by_client, help) [FAILURE_##id] = name,
#include "lib/conf/failure.def"
	};

	return (unsigned)class < FAILURE_END ? names[class] : "unknown";
}
