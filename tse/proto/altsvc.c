/* SPDX-License-Identifier: Apache-2.0 */
#include "tse/proto/altsvc.h"

#include <string.h>
#include <strings.h>

static const char field_name[] = "alt-svc";

enum altsvc_place { PLACE_NAME_END = sizeof(field_name) - 1, PLACE_VALUE, PLACE_OTHER };
enum { PROTOCOL_MAX = 5 }; /* bytes of a protocol's name that tell it */

/* A list item: an alternative, or "clear". */
struct item {
	uint8_t *at, *end; /* `end` is its comma, or the value's end */
	bool empty, quic;
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void blank(uint8_t *from, const uint8_t *to)
{
	memset(from, ' ', (size_t)(to - from));
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The name is percent-encoded where it need not be, or in capitals, only by who hides it from us;
 * some clients take it so.
 */
static bool is_quic(const uint8_t *p, const uint8_t *end)
{
	static const char *const names[] = {"h3", "hq", "quic"};
	char name[PROTOCOL_MAX + 1] = "";

	for (size_t n = 0; n < PROTOCOL_MAX && p < end && *p != '=' && *p != ';' && !is_blank(*p);
	     n++) {
		bool coded = *p == '%' && end - p > 2 && hex(p[1]) >= 0 && hex(p[2]) >= 0;

		name[n] = (char)(coded ? hex(p[1]) << 4 | hex(p[2]) : *p);
		p += coded ? 3 : 1;
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if (strncasecmp(name, names[i], len) == 0 && (!name[len] || name[len] == '-'))
			return true;
	}
	return false;
}

/* The item that begins at `p`. false: a quoted string in it has no end. */
static bool read_item(uint8_t *p, uint8_t *end, struct item *ret)
{
	bool quoted = false;
	uint8_t *at;

	for (at = p; at < end && (quoted || *at != ','); at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (quoted && *at == '\\' && at + 1 < end)
			at++;
	}
	ret->at = p;
	ret->end = at;
	while (p < at && is_blank(*p))
		p++;
	ret->empty = p == at;
	ret->quic = is_quic(p, at);
	return !quoted;
}

/* Whether all that the value says is QUIC (or it is no list), and whether some of it is. */
static bool judge(uint8_t *value, uint8_t *end, bool *ret_some)
{
	bool kept = false;
	struct item item;

	*ret_some = false;
	for (uint8_t *p = value; p < end; p = item.end + 1) {
		if (!read_item(p, end, &item))
			return true;
		*ret_some |= item.quic;
		kept |= !item.empty && !item.quic;
	}
	return *ret_some && !kept;
}

/* Each with its comma, and the last one with the comma before it. */
static void blank_items(uint8_t *value, uint8_t *end)
{
	uint8_t *comma = NULL; /* of the last item that stays */
	struct item item;

	for (uint8_t *p = value; p < end; p = item.end + 1) {
		(void)read_item(p, end, &item);
		if (!item.quic)
			comma = item.end;
		else if (item.end < end)
			blank(p, item.end + 1);
		else
			blank(comma ? comma : p, end);
	}
}

/* From the end of the line before it to its own. */
static void blank_field(uint8_t *data, uint8_t *name, const uint8_t *end)
{
	uint8_t *from = name;

	if (from > data && from[-1] == '\n')
		from--;
	if (from > data && from < name && from[-1] == '\r')
		from--;
	blank(from, end);
}

void altsvc_hide(const struct http_head *head, uint8_t *data)
{
	for (unsigned i = 0; i < head->nheaders; i++) {
		const struct http_header *h = &head->headers[i];
		uint8_t *value = data + (h->value - head->start), *end = value + h->value_len;
		bool some;

		if (h->id != HTTP_H_ALT_SVC)
			continue;
		if (judge(value, end, &some))
			blank_field(data, data + (h->name - head->start), end);
		else if (some)
			blank_items(value, end);
	}
}

static uint8_t next_place(uint8_t at, uint8_t c)
{
	if (at < PLACE_NAME_END)
		return (c | 0x20) == field_name[at] ? (uint8_t)(at + 1) : PLACE_OTHER;
	if (at == PLACE_NAME_END)
		return c == ':' ? PLACE_VALUE : is_blank(c) ? at : PLACE_OTHER;
	return at;
}

void altsvc_hide_trailer(struct altsvc_trailer *t, uint8_t *data, size_t len)
{
	for (uint8_t *p = data; p < data + len; p++) {
		if (t->line && *p != ' ' && *p != '\t')
			t->at = 0;
		t->line = *p == '\n';
		if (*p == '\n' || *p == '\r')
			continue;
		if (t->at == PLACE_VALUE)
			*p = ' ';
		else
			t->at = next_place(t->at, *p);
	}
}
