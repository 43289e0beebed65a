/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/forward/message.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/event/utf8.h"
#include "smsd/ingest/intake_line.h"

enum { HOSTNAME_MAX = 255, PROCID_MAX = 128, TIME_MAX = 40, MS = 1000 };

#define REPLACEMENT "\xef\xbf\xbd"

struct message_maker {
	struct intake_line line;
	bool read;          /* `line` is of an event */
	struct buf message; /* without its frame */
};

struct message_maker *message_maker_create(void)
{
	struct message_maker *maker = calloc(1, sizeof(*maker));

	if (maker)
		buf_init(&maker->message, (size_t)MESSAGE_MAX * 2);
	return maker;
}

void message_maker_destroy(struct message_maker *maker)
{
	if (!maker)
		return;
	buf_fini(&maker->message);
	free(maker);
}

/* ---- the header -------------------------------------------------------------------------- */

static bool is_text(const struct intake_text *text, const char *other)
{
	return text->at && text->len == strlen(other) && memcmp(text->at, other, text->len) == 0;
}

/* Few kinds have one; they are looked at whole. */
static unsigned own_severity(const char *line, size_t len, unsigned otherwise,
                             char ret_process[PROCID_MAX + 1])
{
	static const struct {
		const char *name;
		unsigned severity;
	} severities[] = {
#define SYSLOG_SEVERITY(name, severity) {name, severity},
#include "smsd/forward/syslog.def"
#undef SYSLOG_SEVERITY
	};
	json_t *event = json_loadb(line, len, 0, NULL);
	const char *says = json_string_value(json_object_get(event, "severity"));
	const char *process = json_string_value(json_object_get(event, "process"));

	for (size_t i = 0; says && i < SL_ARRAY_LEN(severities); i++)
		if (strcmp(severities[i].name, says) == 0)
			otherwise = severities[i].severity;
	(void)snprintf(ret_process, PROCID_MAX + 1, "%.*s", PROCID_MAX, process ? process : "");
	json_decref(event);
	return otherwise;
}

static unsigned priority_of(const struct message_maker *maker, const char *line, size_t len,
                            char ret_process[PROCID_MAX + 1])
{
	static const struct {
		const char *kind;
		unsigned facility, severity;
	} kinds[] = {
#define SYSLOG_KIND(kind, facility, severity, help) {kind, facility, severity},
#include "smsd/forward/syslog.def"
#undef SYSLOG_KIND
	};
	const struct intake_text *kind = &maker->line.field[INTAKE_KIND];
	unsigned severity;
	size_t i = 0;

	while (i + 1 < SL_ARRAY_LEN(kinds) && !(maker->read && is_text(kind, kinds[i].kind)))
		i++;
	severity = kinds[i].severity;
	ret_process[0] = '\0';
	if (memmem(line, len, "\"severity\"", 10) && !memmem(line, len, "\"signature_id\"", 14))
		severity = own_severity(line, len, severity, ret_process);
	return kinds[i].facility * 8 + severity;
}

/* A field of the header: printable ASCII without a space, "-" for nothing (RFC 5424, 6). */
static int add_name(struct buf *out, const char *text, size_t len, size_t max)
{
	char name[HOSTNAME_MAX];
	size_t n = 0;

	for (; n < len && n < max; n++)
		name[n] = text[n] > 0x20 && text[n] < 0x7f ? text[n] : '_';
	if (n == 0)
		name[n++] = '-';
	return buf_add(out, name, n);
}

static int add_time(struct buf *out, int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / MS);
	char text[TIME_MAX];
	struct tm tm;

	if (time_ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999)
		return buf_add(out, "-", 1);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return buf_printf(out, "%s.%03dZ", text, (int)(time_ms % MS));
}

static int add_header(struct message_maker *maker, const char *line, size_t len)
{
	const struct intake_text *device = &maker->line.field[INTAKE_DEVICE];
	const struct intake_text *kind = &maker->line.field[INTAKE_KIND];
	struct buf *out = &maker->message;
	char process[PROCID_MAX + 1];
	unsigned priority = priority_of(maker, line, len, process);
	int rc = buf_printf(out, "<%u>1 ", priority);

	if (rc == 0)
		rc = add_time(out, maker->read ? maker->line.time_ms : -1);
	if (rc == 0)
		rc = buf_add(out, " ", 1);
	if (rc == 0)
		rc = add_name(out, device->at, maker->read ? device->len : 0, HOSTNAME_MAX);
	if (rc == 0)
		rc = buf_printf(out, " sluice ");
	if (rc == 0)
		rc = add_name(out, process, strlen(process), PROCID_MAX);
	if (rc == 0)
		rc = buf_add(out, " ", 1);
	if (rc == 0)
		rc = add_name(out, kind->at, maker->read ? kind->len : 0, MESSAGE_KIND_MAX);
	return rc ? rc : buf_add(out, " ", 1);
}

/* ---- the element ------------------------------------------------------------------------- */

/* A control character beyond ASCII is two bytes, C2 80 to C2 9F. */
static bool is_control(const uint8_t *p, size_t len)
{
	return len == 1 ? *p < 0x20 || *p == 0x7f : len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

/* RFC 5424, 6.3.3: a backslash before a quote, a backslash and a bracket. */
static int add_character(struct buf *out, const uint8_t *p, size_t len)
{
	if (len == 0 || is_control(p, len))
		return buf_add(out, REPLACEMENT, strlen(REPLACEMENT));
	if (len == 1 && (*p == '"' || *p == '\\' || *p == ']')) {
		int rc = buf_add(out, "\\", 1);

		if (rc != 0)
			return rc;
	}
	return buf_add(out, p, len);
}

static int add_value(struct buf *out, const char *name, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	int rc = buf_printf(out, " %s=\"", name);

	for (size_t at = 0, n; at < len && rc == 0; at += SL_MAX(n, 1U)) {
		n = utf8_sequence(p + at, len - at);
		if (at + SL_MAX(n, 1U) > MESSAGE_VALUE_MAX)
			break;
		rc = add_character(out, p + at, n);
	}
	return rc ? rc : buf_add(out, "\"", 1);
}

static int add_element(struct message_maker *maker)
{
	static const char *const names[INTAKE_FIELD_END] = {
#define X(NAME, name, letter, help) [INTAKE_##NAME] = (name),
	        INTAKE_FIELDS(X)
#undef X
	};
	const struct intake_line *line = &maker->line;
	struct buf *out = &maker->message;
	int rc;

	if (!maker->read)
		return buf_add(out, "-", 1);
	rc = buf_printf(out, "[" MESSAGE_SD_ID " epoch=\"%016" PRIx64 "\" seq=\"%" PRIu64 "\"",
	                line->epoch, line->seq);
	/* The kind is MSGID. */
	for (unsigned i = 0; i < INTAKE_FIELD_END && rc == 0; i++)
		if (i != INTAKE_KIND && line->field[i].at)
			rc = add_value(out, names[i], line->field[i].at, line->field[i].len);
	return rc ? rc : buf_add(out, "]", 1);
}

/* ---- the event --------------------------------------------------------------------------- */

static uint32_t code_point(const uint8_t *p, size_t len)
{
	uint32_t value = len == 2 ? p[0] & 0x1f : len == 3 ? p[0] & 0x0f : p[0] & 0x07;

	for (size_t i = 1; i < len; i++)
		value = value << 6 | (p[i] & 0x3f);
	return value;
}

/* As JSON writes it in ASCII. */
static int add_escaped(struct buf *out, const uint8_t *p, size_t len)
{
	uint32_t value = len == 0 ? 0xfffd : code_point(p, len);

	if (value <= 0xffff)
		return buf_printf(out, "\\u%04x", (unsigned)value);
	value -= 0x10000;
	return buf_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (value >> 10)),
	                  (unsigned)(0xdc00 + (value & 0x3ff)));
}

static int add_line(struct buf *out, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t at = 0, n;
	int rc = 0;

	while (at < len && rc == 0 && out->len <= MESSAGE_MAX) {
		for (n = 0; at + n < len && p[at + n] >= 0x20 && p[at + n] < 0x7f;)
			n++;
		rc = buf_add(out, p + at, SL_MIN(n, (size_t)MESSAGE_MAX));
		at += n;
		if (at == len || rc != 0)
			break;
		n = p[at] < 0x80 ? 1 : utf8_sequence(p + at, len - at);
		rc = p[at] < 0x80 ? buf_add(out, " ", 1) : add_escaped(out, p + at, n);
		at += SL_MAX(n, 1U);
	}
	return rc;
}

static int add_event(struct buf *out, const char *line, size_t len)
{
	size_t before = out->len;
	int rc = add_line(out, line, len);

	if (rc != 0 || out->len <= MESSAGE_MAX)
		return rc;
	out->len = before;
	return buf_printf(out, "{\"truncated\":true,\"bytes\":%zu}", len);
}

/* ---- the whole --------------------------------------------------------------------------- */

static bool is_wanted(const struct message_maker *maker, const struct message_filter *filter)
{
	for (size_t i = 0; i < filter->count; i++)
		if (maker->read && is_text(&maker->line.field[INTAKE_KIND], filter->kinds[i]))
			return true;
	return filter->count == 0;
}

static int make(struct message_maker *maker, const char *line, size_t len)
{
	int rc;

	maker->message.len = 0;
	rc = add_header(maker, line, len);
	if (rc == 0)
		rc = add_element(maker);
	if (rc == 0)
		rc = buf_add(&maker->message, " ", 1);
	return rc ? rc : add_event(&maker->message, line, len);
}

int message_add(struct message_maker *maker, const struct message_filter *filter, const char *line,
                size_t len, struct buf *out)
{
	size_t before = out->len;
	int rc;

	maker->read = intake_line_read(line, len, &maker->line) == 0;
	if (!is_wanted(maker, filter))
		return 1;
	rc = make(maker, line, len);
	if (rc == 0)
		rc = buf_printf(out, "%zu ", maker->message.len);
	if (rc == 0)
		rc = buf_add(out, maker->message.data, maker->message.len);
	if (rc != 0)
		out->len = before;
	return rc;
}
