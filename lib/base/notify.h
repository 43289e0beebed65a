/* SPDX-License-Identifier: Apache-2.0 */
/* Word to the service manager (sd_notify's protocol, without its library). */
#pragma once

#include "lib/base/attr.h"

/* Sends `state`, e.g. "READY=1", to $NOTIFY_SOCKET; nothing when there is none. */
void notify_manager(const char *state) SL_NONNULL(1);
