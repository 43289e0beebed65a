/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/push/hex.h"

#include <stddef.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

char *hex_write(const uint8_t bytes[HEX_BYTES], char ret_hex[HEX_MAX])
{
	for (size_t i = 0; i < HEX_BYTES; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[HEX_MAX - 1] = '\0';
	return ret_hex;
}

bool hex_read(const char *hex, uint8_t ret_bytes[HEX_BYTES])
{
	if (!hex || strlen(hex) != HEX_MAX - 1)
		return false;
	for (size_t i = 0; i < HEX_BYTES; i++) {
		const char *high = strchr(digits, hex[2 * i]),
		           *low = strchr(digits, hex[2 * i + 1]);

		if (!high || !low)
			return false;
		ret_bytes[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return true;
}
