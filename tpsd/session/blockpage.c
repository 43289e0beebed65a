/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/session/blockpage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/event/utf8.h"

enum { BODY_MAX = BLOCKPAGE_MAX - 1024, ENTITY_MAX = 8 };

struct text {
	char data[BODY_MAX];
	size_t len;
};

static void put(struct text *t, const char *data, size_t len)
{
	if (len > sizeof(t->data) - t->len)
		return;
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

static void SL_PRINTF(2, 3) put_text(struct text *t, const char *format, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(line))
		put(t, line, (size_t)n);
}

/* Nothing that HTML knows, no control character, nothing that is not UTF-8. */
static void put_escaped(struct text *t, const char *text)
{
	size_t len = strnlen(text, BLOCKPAGE_TEXT_MAX);

	for (size_t i = 0, n; i < len; i += n) {
		const unsigned char c = (unsigned char)text[i];

		n = utf8_sequence((const uint8_t *)text + i, len - i);
		if (n > 1)
			put(t, text + i, n);
		else if (n == 0 || c < ' ' || c == 0x7f)
			put_text(t, "?");
		else if (strchr("&<>\"'", c))
			put_text(t, "&#%d;", c);
		else
			put(t, text + i, 1);
		n = n ? n : 1;
	}
}

static void put_row(struct text *t, const char *name, const char *value)
{
	put_text(t, "<dt>%s</dt><dd>", name);
	put_escaped(t, value);
	put_text(t, "</dd>\n");
}

static struct tm utc(int64_t time_s)
{
	time_t t = (time_t)time_s;
	struct tm tm = {.tm_mday = 1};

	(void)gmtime_r(&t, &tm);
	return tm;
}

static void write_body(struct text *t, const struct blockpage *page)
{
	struct tm tm = utc(page->time_s);
	char text[64];

	put_text(t,
	         "<!DOCTYPE html>\n"
	         "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	         "<title>Blocked</title>\n"
	         "<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;"
	         "padding:0 1em}dt{font-weight:bold}</style></head>\n"
	         "<body><h1>This request was blocked</h1>\n"
	         "<p>The network's threat protection found in it, or in the answer to it, what a "
	         "filter forbids. It was not carried out.</p>\n<dl>\n");
	put_row(t, "Filter", page->filter);
	(void)snprintf(text, sizeof(text), "%u", page->sid);
	put_row(t, "Filter number", text);
	(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	put_row(t, "Time", text);
	put_row(t, "Device", page->device);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)page->flow);
	put_row(t, "Reference", text);
	put_text(t, "</dl>\n<p>If you think that this is wrong, give the reference to ");
	put_escaped(t, page->contact[0] ? page->contact : "your network administrator");
	put_text(t, ".</p>\n</body></html>\n");
}

size_t blockpage_write(const struct blockpage *page, char out[BLOCKPAGE_MAX])
{
	struct text body = {.len = 0};
	struct tm tm = utc(page->time_s);
	char date[64];
	int n;

	write_body(&body, page);
	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	n = snprintf(out, BLOCKPAGE_MAX,
	             "HTTP/1.1 403 Forbidden\r\n"
	             "Date: %s\r\n"
	             "Content-Type: text/html; charset=utf-8\r\n"
	             "Content-Length: %zu\r\n"
	             "Cache-Control: no-store\r\n"
	             "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
	             "X-Content-Type-Options: nosniff\r\n"
	             "Connection: close\r\n\r\n",
	             date, body.len);
	if (page->head)
		return (size_t)n;
	memcpy(out + n, body.data, body.len);
	return (size_t)n + body.len;
}
