/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol anomalies of anomaly.def as an enum and a table. Any thread.
 */
#pragma once

#include "tse/include/tse.h"

enum tse_anomaly {
#define X(id, name, request, response, text) ANOMALY_##id,
#include "tse/proto/anomaly.def"
#undef X
	ANOMALY_COUNT
};

_Static_assert(ANOMALY_COUNT <= 64, "a head's anomalies are bits of one word");

enum anomaly_action { ANOMALY_IGNORE, ANOMALY_ALERT, ANOMALY_BLOCK };

struct anomaly_info {
	const char *name;
	const char *text;
	uint8_t action[2]; /* enum anomaly_action, by direction */
};

extern const struct anomaly_info anomaly_table[ANOMALY_COUNT];
