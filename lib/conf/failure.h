/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failure classes (R155): why a flow could not be inspected as configured, in the few kinds for
 * which an administrator may choose what becomes of it (`on_failure_class`). Any thread, any
 * process.
 */
#pragma once

enum failure_class {
	FAILURE_NONE, /* no setting decides */
#define X(id, name, server, client, by_client, help) FAILURE_##id,
#include "lib/conf/failure.def"
	FAILURE_END
};
