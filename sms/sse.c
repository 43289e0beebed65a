/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/sse.h"

#include <stdio.h>
#include <string.h>

void sse_init(struct sse *sse, sse_fn *fn, void *arg)
{
	*sse = (struct sse){.fn = fn, .arg = arg};
	buf_init(&sse->line, SSE_DATA_MAX);
	buf_init(&sse->data, SSE_DATA_MAX);
}

void sse_fini(struct sse *sse)
{
	buf_fini(&sse->line);
	buf_fini(&sse->data);
}

/* An empty line: what was said before it is an event, unless it has no data. */
static bool dispatch(struct sse *sse)
{
	bool more = !sse->has_data ||
	            sse->fn(sse->arg, sse->name[0] ? sse->name : "message", buf_text(&sse->data));

	sse->data.len = 0;
	sse->has_data = false;
	sse->name[0] = '\0';
	return more;
}

static bool take_data(struct sse *sse, const char *value)
{
	bool first = !sse->has_data;

	sse->has_data = true;
	return buf_printf(&sse->data, "%s%s", first ? "" : "\n", value) == 0;
}

/* A word that is too long is none. */
static void take_word(char word[SSE_WORD_MAX], const char *value)
{
	if (strlen(value) < SSE_WORD_MAX)
		(void)snprintf(word, SSE_WORD_MAX, "%s", value);
}

static bool take_line(struct sse *sse, const char *line)
{
	size_t len = strcspn(line, ":");
	const char *value = line[len] ? line + len + 1 : line + len;

	if (line[0] == '\0')
		return dispatch(sse);
	value += *value == ' ';
	if (len == 4 && memcmp(line, "data", len) == 0)
		return take_data(sse, value);
	if (len == 2 && memcmp(line, "id", len) == 0)
		take_word(sse->id, value);
	else if (len == 5 && memcmp(line, "event", len) == 0)
		take_word(sse->name, value);
	return true;
}

bool sse_take(struct sse *sse, const char *data, size_t len)
{
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		if (buf_add(&sse->line, data, n) != 0)
			return false;
		if (!end)
			return true;
		if (sse->line.len > 0 && sse->line.data[sse->line.len - 1] == '\r')
			sse->line.len--;
		if (!take_line(sse, buf_text(&sse->line)))
			return false;
		sse->line.len = 0;
		data += n + 1;
		len -= n + 1;
	}
	return true;
}
