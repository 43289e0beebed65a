/* SPDX-License-Identifier: Apache-2.0 */
/* What `control` itself does when a configuration comes into force. */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

struct config;
struct control;

/* Takes `config` over and hands it to the parts that follow it: journal, metrics, expiry, the link.
 */
void inforce_set(struct control *control, struct config *config, uint32_t revision)
        SL_NONNULL(1, 2);
