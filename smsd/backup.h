/* SPDX-License-Identifier: Apache-2.0 */
/* `smsd --backup`: a copy of a data directory's databases while another smsd serves. */
#pragma once

#include "lib/base/attr.h"

struct problem;

/*
 * Copies sms.db and the days of events of `data` into the directory `to`, which is there and empty.
 * What was committed before is in it. Keys and certificates are not: they belong apart from it,
 * which the log says. On failure `to` is empty again. SL_ENOENT (no database there), SL_EFULL,
 * SL_ESYS, SL_EMALFORMED.
 */
int backup_make(const char *data, const char *to, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;
