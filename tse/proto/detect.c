/* SPDX-License-Identifier: Apache-2.0 */
#include "tse/proto/detect.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/err.h"

/* RFC 9110 section 9, RFC 5789, RFC 4918, RFC 3253, RFC 8144 have them. */
static const char *const methods[] = {
        "GET ",   "HEAD ",  "POST ",    "PUT ",      "DELETE ",    "OPTIONS ",
        "TRACE ", "PATCH ", "CONNECT ", "PROPFIND ", "PROPPATCH ", "MKCOL ",
        "COPY ",  "MOVE ",  "LOCK ",    "UNLOCK ",   "REPORT ",    "SEARCH ",
};

/* The target's first byte: a path, an absolute URI, the asterisk, an authority. */
static enum detect_guess target(const uint8_t *data, size_t len, bool authority)
{
	if (len == 0)
		return DETECT_MORE;
	return authority || memchr("/hH*", data[0], 4) ? DETECT_HTTP : DETECT_OTHER;
}

enum detect_guess detect_http(const uint8_t *data, size_t len)
{
	enum detect_guess guess = DETECT_OTHER;

	for (size_t i = 0; i < SL_ARRAY_LEN(methods); i++) {
		size_t n = strlen(methods[i]);

		if (memcmp(data, methods[i], SL_MIN(n, len)) != 0)
			continue;
		if (len >= n)
			return target(data + n, len - n, strcmp(methods[i], "CONNECT ") == 0);
		guess = DETECT_MORE;
	}
	return guess;
}

size_t detect_skip(const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len && (data[at] == '\r' || data[at] == '\n'))
		at++;
	return at;
}
