/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a reason: the line that `show ssl-inspection failures` prints (R163). */
#pragma once

#include "lib/event/reason.h"

/* "client", "server", "device" or "policy": where the cause is. Never NULL. */
const char *remedy_side(enum reason reason);

/* What fixes it; "" when there is nothing to fix. Never NULL. */
const char *remedy_text(enum reason reason);
