/* SPDX-License-Identifier: Apache-2.0 */
/* Two documents line by line. `control`. */
#pragma once

#include "lib/base/attr.h"

struct buf;

/*
 * Lines that went ("- ") and came ("+ "), with up to two lines of context ("  ") around them; ""
 * when there is no difference. Texts of up to 5,000 lines each are compared line by line, longer
 * ones only between their common start and end. SL_ENOMEM, SL_ELIMIT.
 */
int text_diff(const char *before, const char *after, struct buf *out) SL_NONNULL(1, 2, 3) SL_MUST;
