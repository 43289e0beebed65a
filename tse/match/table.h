/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing tables for the compiler: an array, its count and its capacity. Bounded by what 32-bit
 * indices can name. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* Makes room for `more` elements of `size` bytes behind *count. SL_ENOMEM, SL_ELIMIT. */
int table_grow(void **data, uint32_t count, uint32_t *capacity, size_t size, uint32_t more)
        SL_NONNULL(1, 3) SL_MUST;
