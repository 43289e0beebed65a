/* SPDX-License-Identifier: Apache-2.0 */
/* What every call passes before its handler. Pool threads. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/api/call.h"

/*
 * All of it, in this order: whose the call is and whether he may do this (SL_EPERM, SL_EREFUSED;
 * the store's codes), the item of its path (access.h), its query, its body, the items of that.
 */
int check_call(struct api_call *call) SL_NONNULL(1) SL_MUST;

/* The query has parameters that the route takes, each once. SL_EINVAL. */
int check_query(struct api_call *call) SL_NONNULL(1) SL_MUST;
