/* SPDX-License-Identifier: Apache-2.0 */
/* What every call passes before its handler. Pool threads. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/api/call.h"

/* Whose it is, and whether he may do this. SL_EPERM, SL_EREFUSED; the store's codes. */
int check_access(struct api_call *call) SL_NONNULL(1) SL_MUST;

/* The query has parameters that the route takes, each once. SL_EINVAL. */
int check_query(struct api_call *call) SL_NONNULL(1) SL_MUST;

/* The body is what the route's shape says; fills in call->body. All its codes are status 400 or
 * 415, whatever the table says of them. */
int check_body(struct api_call *call) SL_NONNULL(1) SL_MUST;
