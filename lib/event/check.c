/* SPDX-License-Identifier: Apache-2.0 */
/* JSON's grammar (RFC 8259), without the white space that our writer does not make either. */
#include "lib/event/check.h"

#include <stdint.h>
#include <string.h>

#include "lib/event/utf8.h"

struct text {
	const uint8_t *at;
	const uint8_t *end;
	unsigned depth;
};

static bool take(struct text *t, char c)
{
	if (t->at == t->end || *t->at != (uint8_t)c)
		return false;
	t->at++;
	return true;
}

static bool take_word(struct text *t, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
		return false;
	t->at += len;
	return true;
}

static bool take_escape(struct text *t)
{
	if (t->at == t->end)
		return false;
	if (*t->at != 'u')
		return strchr("\"\\/bfnrt", *t->at) && *t->at++ != '\0';
	if (t->end - t->at < 5)
		return false;
	for (unsigned i = 1; i <= 4; i++)
		if (!t->at[i] || !strchr("0123456789abcdefABCDEF", t->at[i]))
			return false;
	t->at += 5;
	return true;
}

static bool take_string(struct text *t)
{
	if (!take(t, '"'))
		return false;
	while (t->at < t->end && *t->at != '"') {
		size_t n = utf8_sequence(t->at, (size_t)(t->end - t->at));

		if (n == 0 || *t->at < 0x20)
			return false;
		if (*t->at == '\\') {
			t->at++;
			if (!take_escape(t))
				return false;
		} else {
			t->at += n;
		}
	}
	return take(t, '"');
}

static bool take_digits(struct text *t)
{
	const uint8_t *from = t->at;

	while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
		t->at++;
	return t->at > from;
}

static bool take_number(struct text *t)
{
	const uint8_t *from;

	(void)take(t, '-');
	from = t->at;
	if (!take_digits(t) || (*from == '0' && t->at - from > 1))
		return false;
	if (take(t, '.') && !take_digits(t))
		return false;
	if (take(t, 'e') || take(t, 'E')) {
		if (!take(t, '+'))
			(void)take(t, '-');
		return take_digits(t);
	}
	return true;
}

static bool take_value(struct text *t);

static bool take_members(struct text *t, char close, bool keys)
{
	if (take(t, close))
		return true;
	do {
		if (keys && (!take_string(t) || !take(t, ':')))
			return false;
		if (!take_value(t))
			return false;
	} while (take(t, ','));
	return take(t, close);
}

static bool take_level(struct text *t, char close, bool keys)
{
	bool ok;

	if (t->depth == EVENT_CHECK_DEPTH_MAX)
		return false;
	t->at++;
	t->depth++;
	ok = take_members(t, close, keys);
	t->depth--;
	return ok;
}

static bool take_value(struct text *t)
{
	if (t->at == t->end)
		return false;
	switch (*t->at) {
	case '{':
		return take_level(t, '}', true);
	case '[':
		return take_level(t, ']', false);
	case '"':
		return take_string(t);
	case 't':
		return take_word(t, "true");
	case 'f':
		return take_word(t, "false");
	case 'n':
		return take_word(t, "null");
	default:
		return take_number(t);
	}
}

bool event_check(const char *data, size_t len)
{
	struct text t = {(const uint8_t *)data, (const uint8_t *)data + len, 0};

	return len > 0 && *data == '{' && take_value(&t) && t.at == t.end;
}
