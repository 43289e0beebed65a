/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of basic troubleshooting (R151): one table (troubleshoot.def), each with what it
 * looked at, pass or fail, and what to do. What the question names (client, server, VLAN) narrows
 * the checks to that flow. `control`.
 */
#pragma once

#include <jansson.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"

struct config;
struct control;

enum trouble_case { NOT_INSPECTED = 1, UNREACHABLE = 2, UNEXPECTED_ALERTS = 4 };

/* What is asked about; unset addresses have family ADDR_NONE. */
struct trouble {
	const struct control *control;
	const struct config *config;
	const json_t *segments; /* the wire's answer, NULL when there was none */
	struct addr client, server;
	uint16_t server_port; /* 0: any */
	int vlan;             /* -1: any */
};

/* All checks of a case: list of {check, result, evidence, remedy}. */
json_t *troubleshoot(const struct trouble *trouble, enum trouble_case which) SL_NONNULL(1);
