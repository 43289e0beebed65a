/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 in hexadecimal digits, of digests of documents, files and keys. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { HEX_BYTES = 32, HEX_MAX = 2 * HEX_BYTES + 1 };

/* Returns `ret_hex`. */
char *hex_write(const uint8_t bytes[HEX_BYTES], char ret_hex[HEX_MAX]) SL_NONNULL(1, 2);

/* Lower case alone, so that a digest has one spelling; false: it is none. NULL is none. */
bool hex_read(const char *hex, uint8_t ret_bytes[HEX_BYTES]) SL_NONNULL(2);
