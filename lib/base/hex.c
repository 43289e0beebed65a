/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/hex.h"

#include <stdint.h>

const char *hex_text(const void *data, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[bytes[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_text[2 * len] = '\0';
	return ret_text;
}
