/* SPDX-License-Identifier: Apache-2.0 */
/* Birth of a struct config; nothing outside lib/conf includes this. */
#pragma once

#include "lib/conf/arena.h"
#include "lib/conf/config.h"

/* Empty, with one reference; NULL: out of memory. */
struct config *config_create(void) SL_MUST;

/* What everything that hangs on it is allocated from. */
struct arena *config_arena(struct config *c) SL_NONNULL(1);
