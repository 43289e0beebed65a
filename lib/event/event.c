/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as lines of JSON, built without allocation. A field is written whole or not at all: what
 * does not fit is taken back and the line says "truncated". Room for the closing brackets and that
 * word is kept from the start.
 */
#include "lib/event/event.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/utf8.h"

#define TRUNCATED ",\"truncated\":true"

/* Kept free behind the fields: TRUNCATED, a bracket a level, and the NUL. */
enum { TAIL_ROOM = sizeof(TRUNCATED) + EVENT_DEPTH_MAX + 1 };

struct kind_row {
	const char *name;
	unsigned rank;
};

static const struct kind_row kinds[EVENT_KIND_END] = {
#define X(NAME, name, rank, help) [EVENT_##NAME] = {#name, rank},
#include "lib/event/event.def"
#undef X
};

_Static_assert((int)EVENT_KIND_END <= (int)RING_KINDS, "the rings count each kind");

const char *event_kind_name(enum event_kind kind)
{
	return (unsigned)kind < EVENT_KIND_END ? kinds[kind].name : "unknown";
}

unsigned event_kind_rank(enum event_kind kind)
{
	return (unsigned)kind < EVENT_KIND_END ? kinds[kind].rank : 0;
}

int event_kind_find(const char *name, enum event_kind *ret_kind)
{
	for (unsigned i = 0; i < EVENT_KIND_END; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*ret_kind = (enum event_kind)i;
			return 0;
		}
	}
	return SL_ENOENT;
}

static const struct {
	const char *name;
	enum event_kind kind;
} types[] = {
#define X(name, KIND) {name, EVENT_##KIND},
#include "lib/event/type.def"
#undef X
};

int event_kind_of_type(const char *type, size_t len, bool blocked, enum event_kind *ret_kind)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(types); i++) {
		if (strlen(types[i].name) != len || memcmp(types[i].name, type, len) != 0)
			continue;
		*ret_kind = types[i].kind == EVENT_IPS_ALERT && blocked ? EVENT_IPS_BLOCK
		                                                        : types[i].kind;
		return 0;
	}
	return SL_ENOENT;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static bool put(struct event_line *line, const char *data, size_t len)
{
	if (line->len + len > sizeof(line->text) - TAIL_ROOM) /* brackets may stand behind that */
		return false;
	memcpy(line->text + line->len, data, len);
	line->len += len;
	return true;
}

static bool put_text(struct event_line *line, const char *text)
{
	return put(line, text, strlen(text));
}

static bool put_escaped(struct event_line *line, uint8_t c)
{
	char text[8];
	int n;

	if (c == '"' || c == '\\')
		n = snprintf(text, sizeof(text), "\\%c", c);
	else if (c == '\n')
		n = snprintf(text, sizeof(text), "\\n");
	else if (c == '\r')
		n = snprintf(text, sizeof(text), "\\r");
	else if (c == '\t')
		n = snprintf(text, sizeof(text), "\\t");
	else
		n = snprintf(text, sizeof(text), "\\u%04x", c);
	return put(line, text, (size_t)n);
}

/* How many bytes stand for themselves: printable ASCII that JSON does not escape. */
static size_t plain_run(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= 0x20 && p[n] < 0x7f && p[n] != '"' && p[n] != '\\')
		n++;
	return n;
}

static bool put_string(struct event_line *line, const char *value, size_t len)
{
	const uint8_t *p = (const uint8_t *)value;
	bool fits = put(line, "\"", 1);

	for (size_t i = 0; i < len && fits;) {
		size_t plain = plain_run(p + i, len - i);
		size_t n = plain ? plain : utf8_sequence(p + i, len - i);

		if (n == 0)
			fits = put(line, "\xef\xbf\xbd", 3);
		else if (!plain && n == 1)
			fits = put_escaped(line, p[i]);
		else
			fits = put(line, value + i, n);
		i += n ? n : 1;
	}
	return fits && put(line, "\"", 1);
}

/* ---- fields ------------------------------------------------------------------------------ */

/* What a field that did not fit takes back. */
struct mark {
	size_t len;
	bool need_comma;
};

static struct mark mark_of(const struct event_line *line)
{
	return (struct mark){line->len, line->need_comma};
}

/* The comma and the key. False: inside an object that was left out, or no room. */
static bool put_key(struct event_line *line, const char *key)
{
	if (line->skipped > 0)
		return false;
	if (line->need_comma && !put(line, ",", 1))
		return false;
	line->need_comma = true;
	return !key || (put(line, "\"", 1) && put_text(line, key) && put(line, "\":", 2));
}

static void settle(struct event_line *line, struct mark mark, bool fits)
{
	if (fits)
		return;
	line->len = mark.len;
	line->need_comma = mark.need_comma;
	line->truncated = true;
}

static void put_field(struct event_line *line, const char *key, const char *json, size_t len)
{
	struct mark mark = mark_of(line);

	settle(line, mark, put_key(line, key) && put(line, json, len));
}

void event_text_n(struct event_line *line, const char *key, const char *value, size_t len)
{
	struct mark mark = mark_of(line);

	settle(line, mark, put_key(line, key) && put_string(line, value ? value : "", len));
}

void event_text(struct event_line *line, const char *key, const char *value)
{
	if (value)
		event_text_n(line, key, value, strlen(value));
	else
		put_field(line, key, "null", 4);
}

void event_uint(struct event_line *line, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, value);

	put_field(line, key, text, (size_t)n);
}

void event_int(struct event_line *line, const char *key, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, value);

	put_field(line, key, text, (size_t)n);
}

void event_bool(struct event_line *line, const char *key, bool value)
{
	put_field(line, key, value ? "true" : "false", value ? 4 : 5);
}

void event_json(struct event_line *line, const char *key, const char *json, size_t len)
{
	put_field(line, key, json, len);
}

void event_hex(struct event_line *line, const char *key, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	struct mark mark = mark_of(line);
	bool fits = put_key(line, key) && put(line, "\"", 1);

	for (size_t i = 0; i < len && fits; i++) {
		char pair[2] = {digits[data[i] >> 4], digits[data[i] & 15]};

		fits = put(line, pair, sizeof(pair));
	}
	settle(line, mark, fits && put(line, "\"", 1));
}

void event_addr(struct event_line *line, const char *key, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	event_text(line, key, addr_format(addr, text));
}

void event_tuple(struct event_line *line, const struct addr *src, uint16_t src_port,
                 const struct addr *dest, uint16_t dest_port)
{
	event_addr(line, "src_ip", src);
	event_uint(line, "src_port", src_port);
	event_addr(line, "dest_ip", dest);
	event_uint(line, "dest_port", dest_port);
	event_text(line, "proto", "TCP");
}

/* ---- levels ------------------------------------------------------------------------------ */

static void open_level(struct event_line *line, const char *key, bool array)
{
	struct mark mark = mark_of(line);
	bool fits = line->depth < EVENT_DEPTH_MAX && put_key(line, key) &&
	            put(line, array ? "[" : "{", 1);

	settle(line, mark, fits);
	if (!fits) {
		line->skipped++;
		return;
	}
	line->depth++;
	line->arrays = (line->arrays & ~(1u << line->depth)) | (uint32_t)array << line->depth;
	line->need_comma = false;
}

/* Its bracket is in TAIL_ROOM, so it always fits. */
static void close_level(struct event_line *line)
{
	if (line->skipped > 0) {
		line->skipped--;
		return;
	}
	assert(line->depth > 0);
	line->text[line->len++] = line->arrays >> line->depth & 1 ? ']' : '}';
	line->depth--;
	line->need_comma = true;
}

void event_object_begin(struct event_line *line, const char *key)
{
	open_level(line, key, false);
}

void event_object_end(struct event_line *line)
{
	close_level(line);
}

void event_array_begin(struct event_line *line, const char *key)
{
	open_level(line, key, true);
}

void event_array_end(struct event_line *line)
{
	close_level(line);
}

void event_begin(struct event_line *line, enum event_kind kind, const char *event_type)
{
	char stamp[CLOCK_TEXT_MAX];

	line->kind = kind;
	line->len = 0;
	line->depth = 0;
	line->skipped = 0;
	line->arrays = 0;
	line->need_comma = false;
	line->truncated = false;
	open_level(line, NULL, false);
	event_text(line, "timestamp", clock_format_us(clock_wall_us(), stamp));
	event_text(line, "event_type", event_type);
}

const char *event_finish(struct event_line *line)
{
	line->skipped = 0;
	while (line->depth > 1)
		close_level(line);
	if (line->depth == 1) {
		if (line->truncated) {
			memcpy(line->text + line->len, TRUNCATED, sizeof(TRUNCATED) - 1);
			line->len += sizeof(TRUNCATED) - 1;
		}
		close_level(line);
	}
	line->text[line->len] = '\0';
	return line->text;
}

int event_end(struct event_line *line, struct ring *ring)
{
	(void)event_finish(line);
	return ring_write(ring, line->kind, line->text, line->len);
}
