/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as hexadecimal digits, lower case. Any thread. */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

/* 2 * `len` digits and a NUL. Returns `ret_text`. */
const char *hex_text(const void *data, size_t len, char *ret_text) SL_NONNULL(3);
