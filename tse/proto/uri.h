/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalises a request target for http.uri: scheme and authority taken off, percent escapes
 * decoded once, in the path '\' read as '/', runs of '/' joined, '/./' and '/x/../' resolved; the
 * query is decoded only ('+' stays). docs/internals/engine.md has the table. Data path.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* `out` has room for `len` bytes; returns how many were written. */
size_t uri_normalise(const uint8_t *target, size_t len, uint8_t *out) SL_NONNULL(1, 3);

/* Host and port of an absolute target ("http://host:port/…"); *ret_len 0 when it is none. Returns
 * the place, and the rest of the target begins at *ret_rest. */
const uint8_t *uri_authority(const uint8_t *target, size_t len, size_t *ret_len, size_t *ret_rest)
        SL_NONNULL(1, 3, 4);
