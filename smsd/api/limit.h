/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often someone may ask: a bucket a credential or address, LIMIT_BURST full, refilled by
 * LIMIT_RATE a second. The one unused for longest goes when there are LIMIT_ENTRIES. Event thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { LIMIT_RATE = 20, LIMIT_BURST = 100, LIMIT_ENTRIES = 4096 };

struct limit;

/* SL_ENOMEM. */
int limit_create(struct limit **ret_limit) SL_NONNULL(1) SL_MUST;
void limit_destroy(struct limit *limit);

/* Who: an address, or the secret that a request came with. Of it a digest is kept alone. */
enum limit_kind { LIMIT_ADDRESS, LIMIT_CREDENTIAL };

/* May he, now? limit_take counts it, limit_look does not. Want of memory lets him. */
bool limit_take(struct limit *limit, enum limit_kind kind, const char *who, uint64_t now_ns)
        SL_NONNULL(1, 3);
bool limit_look(struct limit *limit, enum limit_kind kind, const char *who, uint64_t now_ns)
        SL_NONNULL(1, 3);
