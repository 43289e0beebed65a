/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of anomalies, made from anomaly.def. Read-only.
 */
#include "tse/proto/anomaly.h"

const struct anomaly_info anomaly_table[ANOMALY_COUNT] = {
#define X(id, n, request, response, t)                                                             \
	[ANOMALY_##id] = {.name = (n),                                                             \
	                  .text = "SLUICE HTTP anomaly: " t,                                       \
	                  .action = {ANOMALY_##request, ANOMALY_##response}},
#include "tse/proto/anomaly.def"
#undef X
};
