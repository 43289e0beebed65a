/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalises a request target. Data path.
 */
#include "tse/proto/uri.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (uint8_t)tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const uint8_t *uri_authority(const uint8_t *target, size_t len, size_t *ret_len, size_t *ret_rest)
{
	size_t scheme = len > 7 && strncasecmp((const char *)target, "http://", 7) == 0    ? 7
	                : len > 8 && strncasecmp((const char *)target, "https://", 8) == 0 ? 8
	                                                                                   : 0;
	size_t end = scheme;

	while (scheme && end < len && target[end] != '/' && target[end] != '?')
		end++;
	*ret_len = end - scheme;
	*ret_rest = end;
	return target + scheme;
}

/* Decodes once; a '%' without two hex digits stays. */
static size_t decode(const uint8_t *in, size_t len, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (in[i] == '%' && i + 2 < len && hex(in[i + 1]) >= 0 && hex(in[i + 2]) >= 0) {
			out[n++] = (uint8_t)(hex(in[i + 1]) << 4 | hex(in[i + 2]));
			i += 2;
		} else {
			out[n++] = in[i];
		}
	}
	return n;
}

/* The last segment of what was written goes, as "/.." asks; the root stays. */
static size_t drop_segment(const uint8_t *out, size_t n)
{
	while (n > 0 && out[n - 1] != '/')
		n--;
	return n > 0 ? n - 1 : 0;
}

/* Resolves dots and joins slashes in place; the path begins with a slash or is left alone. */
static size_t resolve(uint8_t *path, size_t len)
{
	size_t n = 0;
	size_t i = 0;

	for (size_t k = 0; k < len; k++)
		path[k] = path[k] == '\\' ? '/' : path[k];
	if (len == 0 || path[0] != '/')
		return len;
	while (i < len) {
		size_t end;

		while (i < len && path[i] == '/')
			i++;
		for (end = i; end < len && path[end] != '/'; end++)
			;
		if (end - i == 1 && path[i] == '.') {
			if (end == len)
				path[n++] = '/';
		} else if (end - i == 2 && path[i] == '.' && path[i + 1] == '.') {
			n = drop_segment(path, n);
			if (end == len)
				path[n++] = '/';
		} else {
			path[n++] = '/';
			memmove(path + n, path + i, end - i);
			n += end - i;
		}
		i = end;
	}
	return n;
}

size_t uri_normalise(const uint8_t *target, size_t len, uint8_t *out)
{
	const uint8_t *query;
	size_t authority_len;
	size_t rest;
	size_t path_len;
	size_t n;

	(void)uri_authority(target, len, &authority_len, &rest);
	target += rest;
	len -= rest;
	query = memchr(target, '?', len);
	path_len = query ? (size_t)(query - target) : len;
	n = resolve(out, decode(target, path_len, out));
	if (query)
		n += decode(query, len - path_len, out + n);
	return n;
}
