/* SPDX-License-Identifier: Apache-2.0 */
/* What smsd forgets by the clock: rows of the audit log that are too old or too many. Event thread;
 * the work is a job of the pool. */
#pragma once

#include "lib/base/attr.h"
#include "smsd/auth/audit.h"

struct event_base;
struct job_pool;
struct store;
struct sweep;

/* At once, then every hour. Its pool is destroyed before it is. SL_ENOMEM. */
int sweep_create(struct event_base *base, struct job_pool *pool, struct store *store,
                 const struct audit_keep *keep, struct sweep **ret_sweep)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
void sweep_destroy(struct sweep *sweep);
