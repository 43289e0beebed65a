/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base64.h"

#include <stdint.h>

#include "lib/base/err.h"

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char standard[] = COMMON "+/", url[] = COMMON "-_";

/* Without padding. */
static size_t encode(const char *alphabet, const uint8_t *data, size_t len, char *out)
{
	size_t done = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = SL_MIN(len - i, 3);
		uint32_t bits = (uint32_t)data[i] << 16;

		if (n > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (n > 2)
			bits |= data[i + 2];
		for (size_t k = 0; k <= n; k++)
			out[done++] = alphabet[bits >> (18 - 6 * k) & 63];
	}
	return done;
}

size_t base64_encode(const void *data, size_t len, char *ret_text)
{
	size_t done = encode(standard, data, len, ret_text);

	while (done % 4 != 0)
		ret_text[done++] = '=';
	ret_text[done] = '\0';
	return done;
}

size_t base64url_encode(const void *data, size_t len, char *ret_text)
{
	size_t done = encode(url, data, len, ret_text);

	ret_text[done] = '\0';
	return done;
}

/* Negative: no character of it. */
static int value_of(const char *alphabet, char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabet[62])
		return 62;
	return c == alphabet[63] ? 63 : -1;
}

/* Of `chars` characters, without padding, exactly `len` bytes. */
static int decode(const char *alphabet, const char *text, size_t chars, uint8_t *out, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t done = 0;

	if (chars != BASE64URL_CHARS(len))
		return SL_EMALFORMED;
	for (size_t i = 0; i < chars; i++) {
		int value = value_of(alphabet, text[i]);

		if (value < 0)
			return SL_EMALFORMED;
		bits = (bits << 6 | (uint32_t)value) & 0xfff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[done++] = (uint8_t)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0 ? 0 : SL_EMALFORMED;
}

int base64_decode(const char *text, size_t chars, void *ret_data, size_t max, size_t *ret_len)
{
	size_t padding = 0, len;
	int rc;

	if (chars % 4 != 0)
		return SL_EMALFORMED;
	while (padding < 2 && padding < chars && text[chars - 1 - padding] == '=')
		padding++;
	len = BASE64_BYTES(chars) - padding;
	if (len > max)
		return SL_ELIMIT;
	rc = decode(standard, text, chars - padding, ret_data, len);
	if (rc == 0)
		*ret_len = len;
	return rc;
}

int base64url_decode(const char *text, size_t chars, void *ret_data, size_t len)
{
	return decode(url, text, chars, ret_data, len);
}
