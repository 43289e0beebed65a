/* SPDX-License-Identifier: Apache-2.0 */
/* Process titles, as `ps` shows them: "tpsd: wire". */
#pragma once

#include "lib/base/attr.h"

/* Call first in main: finds the room, and moves the environment out of it. */
void title_init(int argc, char **argv) SL_NONNULL(2);

/* Sets the title, cut to the room there is. */
void title_set(const char *title) SL_NONNULL(1);
