/* SPDX-License-Identifier: Apache-2.0 */
/* The pinned map of switches (bpf/abi.h): what tps may write with the daemon dead. */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"

/* SL_ENOENT when nothing is pinned for the instance, SL_ESYS with errno. Needs root. */
int tps_pinned_fallback(const char *instance, bool on) SL_NONNULL(1) SL_MUST;
