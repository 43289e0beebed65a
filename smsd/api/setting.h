/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of settings have in common. Pool threads. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/api/call.h"
#include "smsd/object/setting.h"

/* How a change is written down, by the query's `comment` and `check`; free(*ret_comment) after it.
 */
int api_setting_how(struct api_call *call, char **ret_comment, struct setting_change *ret_how)
        SL_NONNULL(1, 2, 3) SL_MUST;
