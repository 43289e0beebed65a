/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/line.h"

#include <string.h>

enum { EPOCH_DIGITS = 16, SEQ_DIGITS_MAX = 16 };

bool line_epoch_read(const char *text, size_t len, uint64_t *ret_epoch)
{
	uint64_t value = 0;

	if (len != EPOCH_DIGITS)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		value = value << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret_epoch = value;
	return true;
}

/* Passes over `what`, if it is there. */
static bool skip(const char **at, const char *end, const char *what)
{
	size_t len = strlen(what);

	if ((size_t)(end - *at) < len || memcmp(*at, what, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool read_seq(const char **at, const char *end, uint64_t *ret_seq)
{
	const char *from = *at;
	uint64_t value = 0;

	while (*at < end && **at >= '0' && **at <= '9' && *at - from < SEQ_DIGITS_MAX)
		value = value * 10 + (unsigned)(*(*at)++ - '0');
	*ret_seq = value;
	return *at > from && value >> LINE_SEQ_BITS == 0;
}

/* To behind the string's closing quote. */
static bool skip_string(const char **at, const char *end)
{
	if (!skip(at, end, "\""))
		return false;
	while (*at < end && **at != '"')
		*at += **at == '\\' && end - *at > 1 ? 2 : 1;
	return skip(at, end, "\"");
}

bool line_head_read(const char *line, size_t len, struct line_head *ret_head)
{
	const char *at = line, *end = line + len;
	struct line_head head;
	const char *device;

	if (!skip(&at, end, "{\"epoch\":\"") || end - at < EPOCH_DIGITS ||
	    !line_epoch_read(at, EPOCH_DIGITS, &head.epoch))
		return false;
	at += EPOCH_DIGITS;
	if (!skip(&at, end, "\",\"seq\":") || !read_seq(&at, end, &head.seq) ||
	    !skip(&at, end, ",\"device\":"))
		return false;
	device = at;
	if (!skip_string(&at, end))
		return false;
	head.device = (size_t)(device - line);
	head.device_len = (size_t)(at - device);
	*ret_head = head;
	return true;
}
