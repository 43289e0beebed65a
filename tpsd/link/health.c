/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/health.h"

enum { STEP_STOP = 2, STEP_FALLBACK = 3 };

const char *health_inspection(const struct health_facts *facts)
{
	if (facts->wire_silent || facts->panic_step >= STEP_FALLBACK)
		return "fallback";
	if (facts->panic_step >= STEP_STOP)
		return "panic";
	return facts->configured && !facts->draining ? "on" : "off";
}
