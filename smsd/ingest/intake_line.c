/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once the grammar of the line is known to be JSON's, walking it needs no grammar any more: a
 * string ends at the next quote that no backslash is before, a level where its brackets are even.
 */
#include "smsd/ingest/intake_line.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/event/check.h"
#include "lib/event/event.h"

/* ---- walking ----------------------------------------------------------------------------- */

/* Behind the string whose quote is at `at`. */
static const char *string_end(const char *at)
{
	for (at++; *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at + 1;
}

static const char *level_end(const char *at)
{
	unsigned depth = 0;

	for (;;) {
		if (*at == '"') {
			at = string_end(at);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
}

static const char *value_end(const char *at)
{
	if (*at == '"')
		return string_end(at);
	if (*at == '{' || *at == '[')
		return level_end(at);
	while (*at != ',' && *at != '}')
		at++;
	return at;
}

struct member {
	const char *key, *value, *end;
	size_t key_len;
};

/* The member at `at`, of an object that is not empty; *ret_next is the next one, or NULL. */
static struct member member_at(const char *at, const char **ret_next)
{
	struct member m = {.key = at + 1};
	const char *behind = string_end(at);

	m.key_len = (size_t)(behind - at) - 2;
	m.value = behind + 1;
	m.end = value_end(m.value);
	*ret_next = *m.end == ',' ? m.end + 1 : NULL;
	return m;
}

/* ---- texts ------------------------------------------------------------------------------- */

static unsigned hex4(const char *at)
{
	unsigned value = 0;

	for (unsigned i = 0; i < 4; i++) {
		char c = at[i];

		value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static size_t put_utf8(char *out, unsigned code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* The escape behind the backslash at *at; half a surrogate pair is U+FFFD. Never longer than it
 * was. */
static size_t put_escape(char *out, const char **at)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = (*at)[1];
	const char *found = strchr(from, c);
	unsigned code;

	if (c != 'u') {
		*out = found ? to[found - from] : c;
		*at += 2;
		return 1;
	}
	code = hex4(*at + 2);
	*at += 6;
	if (code >= 0xd800 && code < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
		unsigned low = hex4(*at + 2);

		if (low >= 0xdc00 && low < 0xe000) {
			*at += 6;
			return put_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
		}
	}
	return put_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
}

/* What stands between the quotes: as it is, or decoded into the line's own memory, which has room
 * for as much as a line has. */
static struct intake_text text_of(struct intake_line *line, const struct member *m)
{
	struct intake_text text = {m->value + 1, (size_t)(m->end - m->value) - 2};
	const char *at = text.at, *end = m->end - 1;
	char *out = line->decoded + line->decoded_len;

	if (!memchr(text.at, '\\', text.len))
		return text;
	text = (struct intake_text){out, 0};
	while (at < end) {
		if (*at == '\\')
			text.len += put_escape(out + text.len, &at);
		else
			out[text.len++] = *at++;
	}
	line->decoded_len += text.len;
	return text;
}

/* ---- members that are looked at ---------------------------------------------------------- */

enum target {
	/* an intake_field, or: */
	TIMESTAMP = INTAKE_FIELD_END,
	EPOCH,
	SEQ,
	MESSAGE,
	SIGNATURE,
	HOSTNAME,
	ACTION,
};

static const struct {
	const char *object; /* "": of the line itself */
	const char *key;
	unsigned target;
} members[] = {
        {"", "timestamp", TIMESTAMP},
        {"", "event_type", INTAKE_KIND},
        {"", "epoch", EPOCH},
        {"", "seq", SEQ},
        {"", "device", INTAKE_DEVICE},
        {"", "outcome", INTAKE_OUTCOME},
        {"", "reason", INTAKE_REASON},
        {"", "profile", INTAKE_PROFILE},
        {"", "policy", INTAKE_POLICY},
        {"", "src_ip", INTAKE_SOURCE},
        {"", "dest_ip", INTAKE_DESTINATION},
        {"", "message", MESSAGE},
        {"tls", "sni", INTAKE_SNI},
        {"alert", "signature", SIGNATURE},
        {"alert", "action", ACTION},
        {"http", "hostname", HOSTNAME},
};

struct walk {
	struct intake_line *line;
	unsigned seen; /* bits of targets */
	bool wrong, blocked;
};

static bool is_key(const struct member *m, const char *key)
{
	return strlen(key) == m->key_len && memcmp(key, m->key, m->key_len) == 0;
}

static bool read_epoch(const struct intake_text *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text->len != INTAKE_EPOCH_LEN)
		return false;
	for (size_t i = 0; i < text->len; i++) {
		char c = text->at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		value = value << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = value;
	return true;
}

static bool read_seq(const struct member *m, uint64_t *ret)
{
	uint64_t value = 0;

	for (const char *at = m->value; at < m->end; at++) {
		if (*at < '0' || *at > '9')
			return false;
		value = value * 10 + (unsigned)(*at - '0');
		if (value >> INTAKE_SEQ_BITS)
			return false;
	}
	*ret = value;
	return true;
}

static void take_text(struct walk *w, unsigned target, const struct intake_text *text)
{
	struct intake_line *line = w->line;

	if (target < INTAKE_FIELD_END)
		line->field[target] = *text;
	else if (target == TIMESTAMP)
		w->wrong |= intake_time_read(text->at, text->len, &line->time_ms) != 0;
	else if (target == EPOCH)
		w->wrong |= !read_epoch(text, &line->epoch);
	else if (target == ACTION)
		w->blocked = text->len == 7 && memcmp(text->at, "blocked", 7) == 0;
	else
		line->message[target - MESSAGE] = *text;
}

static void take_member(struct walk *w, unsigned target, const struct member *m)
{
	struct intake_text text;

	if (w->seen & 1U << target)
		return;
	if (target == SEQ) {
		w->wrong |= !read_seq(m, &w->line->seq);
	} else if (*m->value == '"') {
		text = text_of(w->line, m);
		take_text(w, target, &text);
	} else {
		return;
	}
	w->seen |= 1U << target;
}

/* `at` is behind the object's bracket. */
static void walk_object(struct walk *w, const char *object, const char *at)
{
	while (at && *at != '}') {
		struct member m = member_at(at, &at);

		for (size_t i = 0; i < SL_ARRAY_LEN(members); i++) {
			if (strcmp(members[i].object, object) == 0 && is_key(&m, members[i].key))
				take_member(w, members[i].target, &m);
			else if (object[0] == '\0' && *m.value == '{' && members[i].object[0] &&
			         is_key(&m, members[i].object))
				walk_object(w, members[i].object, m.value + 1);
		}
	}
}

/* Filters that blocked are a kind for whoever looks for them, and no type. */
static void settle_kind(const struct walk *w)
{
	struct intake_line *line = w->line;
	const struct intake_text *type = &line->field[INTAKE_KIND];
	enum event_kind kind;

	if (!type->at || event_kind_of_type(type->at, type->len, w->blocked, &kind) != 0)
		return;
	if (!intake_field_is(line, INTAKE_KIND, event_kind_name(kind)))
		line->kind = event_kind_name(kind);
}

int intake_line_read(const char *text, size_t len, struct intake_line *line)
{
	static const unsigned needed =
	        1U << TIMESTAMP | 1U << EPOCH | 1U << SEQ | 1U << INTAKE_DEVICE | 1U << INTAKE_KIND;
	struct walk w = {.line = line};

	if (len > INTAKE_LINE_MAX)
		return SL_ELIMIT;
	if (!event_check(text, len))
		return SL_EMALFORMED;
	memset(line, 0, offsetof(struct intake_line, decoded));
	line->decoded_len = 0;
	walk_object(&w, "", text + 1);
	settle_kind(&w);
	return w.wrong || (w.seen & needed) != needed ? SL_EMALFORMED : 0;
}

/* ---- time -------------------------------------------------------------------------------- */

struct digits {
	const char *at, *end;
	bool wrong;
};

static int take_number(struct digits *d, unsigned count)
{
	int value = 0;

	for (; count > 0; count--, d->at++) {
		if (d->at == d->end || *d->at < '0' || *d->at > '9') {
			d->wrong = true;
			return 0;
		}
		value = value * 10 + (*d->at - '0');
	}
	return value;
}

static void take_char(struct digits *d, char c)
{
	if (d->at == d->end || *d->at != c)
		d->wrong = true;
	else
		d->at++;
}

/* Digits behind the point; the first three count. */
static int take_fraction(struct digits *d)
{
	int value = 0, scale = 100;

	if (d->at == d->end || *d->at != '.')
		return 0;
	d->at++;
	if (d->at == d->end || *d->at < '0' || *d->at > '9')
		d->wrong = true;
	for (; d->at < d->end && *d->at >= '0' && *d->at <= '9'; d->at++, scale /= 10)
		value += (*d->at - '0') * scale;
	return value;
}

/* "Z", "+0100", "+01:00", as minutes. */
static int take_zone(struct digits *d)
{
	int minutes, sign;

	if (d->at < d->end && *d->at == 'Z') {
		d->at++;
		return 0;
	}
	sign = d->at < d->end && *d->at == '-' ? -1 : 1;
	take_char(d, sign < 0 ? '-' : '+');
	minutes = take_number(d, 2) * 60;
	if (d->at < d->end && *d->at == ':')
		d->at++;
	return sign * (minutes + take_number(d, 2));
}

int intake_time_read(const char *text, size_t len, int64_t *ret_ms)
{
	struct digits d = {text, text + len, false};
	struct tm tm = {0};
	int ms, zone;
	time_t seconds;

	tm.tm_year = take_number(&d, 4) - 1900;
	take_char(&d, '-');
	tm.tm_mon = take_number(&d, 2) - 1;
	take_char(&d, '-');
	tm.tm_mday = take_number(&d, 2);
	take_char(&d, 'T');
	tm.tm_hour = take_number(&d, 2);
	take_char(&d, ':');
	tm.tm_min = take_number(&d, 2);
	take_char(&d, ':');
	tm.tm_sec = take_number(&d, 2);
	ms = take_fraction(&d);
	zone = take_zone(&d);
	if (d.wrong || d.at != d.end || tm.tm_year < 0 || tm.tm_mon < 0 || tm.tm_mon > 11 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return SL_EMALFORMED;
	seconds = timegm(&tm);
	*ret_ms = ((int64_t)seconds - (int64_t)zone * 60) * 1000 + ms;
	return 0;
}
