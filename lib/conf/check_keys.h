/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tpsd --check` looks at private keys too: that each can be loaded, is closed to others and fits
 * its certificate. Nothing else outside `keys` may call this; no key is kept.
 */
#pragma once

#include "lib/base/attr.h"

struct config;
struct conf_errors;

/*
 * Adds what is wrong with each certificate's key to `errs`; `file` names the document. A key that
 * this user may not open is a notice; one that the management system sends is in no file. 0, or the
 * code of the first refusal found here.
 */
int config_check_keys(const struct config *c, const char *file, struct conf_errors *errs)
        SL_NONNULL(1, 2, 3) SL_MUST;
