/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R82: certificates that expire are said in the System log 30, 14, 7 and 1 days ahead, each step
 * once a run; an expired one is an error, once a day. `control`.
 */
#pragma once

#include "lib/base/attr.h"

struct config;
struct control;
struct expiry;

int expiry_open(struct control *control, struct expiry **ret_expiry) SL_NONNULL(1, 2) SL_MUST;
void expiry_close(struct expiry *expiry);

/* A configuration came into force: looks at its certificates now and once an hour. */
void expiry_configure(struct expiry *expiry, const struct config *config) SL_NONNULL(1, 2);
