/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of settings have in common. Pool threads. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/api/call.h"
#include "smsd/object/setting.h"

/* Makes a change, written down as the query's `comment` and `check` say; its answer. */
typedef int api_setting_fn(struct api_call *call, const struct setting_change *how);
int api_setting_change(struct api_call *call, api_setting_fn *fn) SL_NONNULL(1, 2) SL_MUST;
