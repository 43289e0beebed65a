/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that lines are found by. A value becomes one word of fixed length, whatever is in it: "_",
 * its field's letter, a hash of 64 bits. Two values may share one; who searches compares the lines
 * that came (event_filter_takes), so that costs a look and is never seen.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "smsd/ingest/intake_line.h"

static const char letters[INTAKE_FIELD_END] = {
#define X(NAME, name, letter, help) [INTAKE_##NAME] = (letter),
        INTAKE_FIELDS(X)
#undef X
};

/* FNV-1a; without case, as names of hosts are compared. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++) {
		hash ^= (unsigned char)tolower((unsigned char)text[i]);
		hash *= 0x100000001b3ULL;
	}
	return hash;
}

int intake_field_word(enum intake_field field, const char *value, size_t len, struct buf *out)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint64_t hash = hash_of(value, len);
	char word[17] = {' ', '_', letters[field]};

	for (unsigned i = 3; i < 16; i++, hash >>= 5)
		word[i] = digits[hash & 31];
	return buf_add(out, word, 16);
}

static bool is_word(char c)
{
	return (unsigned char)c >= 0x80 || isalnum((unsigned char)c);
}

/* The next word of `text` from *at on; moves *at behind it. NULL: there is none. */
static const char *next_word(const char *text, size_t len, size_t *at, size_t *ret_len)
{
	size_t from;

	while (*at < len && !is_word(text[*at]))
		(*at)++;
	for (from = *at; *at < len && is_word(text[*at]);)
		(*at)++;
	*ret_len = *at - from;
	return *ret_len > 0 ? text + from : NULL;
}

int intake_text_words(const char *text, size_t len, bool asked, struct buf *out)
{
	const char *word;
	size_t at = 0, word_len;
	int rc = 0;

	while (rc == 0 && (word = next_word(text, len, &at, &word_len))) {
		rc = buf_add(out, " ", 1);
		if (rc == 0)
			rc = buf_add(out, word, word_len);
		if (rc == 0 && asked && at < len && text[at] == '*')
			rc = buf_add(out, "*", 1);
	}
	return rc;
}

int intake_line_words(const struct intake_line *line, struct buf *out)
{
	const struct intake_text *sni = &line->field[INTAKE_SNI];
	int rc = 0;

	for (unsigned i = 0; i < INTAKE_FIELD_END && rc == 0; i++)
		if (line->field[i].at)
			rc = intake_field_word(i, line->field[i].at, line->field[i].len, out);
	if (rc == 0 && line->kind)
		rc = intake_field_word(INTAKE_KIND, line->kind, strlen(line->kind), out);
	if (rc == 0 && sni->at)
		rc = intake_text_words(sni->at, SL_MIN(sni->len, (size_t)INTAKE_TEXT_KEPT), false,
		                       out);
	for (unsigned i = 0; i < SL_ARRAY_LEN(line->message) && rc == 0; i++)
		if (line->message[i].at)
			rc = intake_text_words(
			        line->message[i].at,
			        SL_MIN(line->message[i].len, (size_t)INTAKE_TEXT_KEPT), false, out);
	return rc;
}

bool intake_field_is(const struct intake_line *line, enum intake_field field, const char *value)
{
	const struct intake_text *text = &line->field[field];

	if (field == INTAKE_KIND && line->kind && strcmp(line->kind, value) == 0)
		return true;
	if (!text->at || text->len != strlen(value))
		return false;
	return field == INTAKE_SNI ? strncasecmp(text->at, value, text->len) == 0
	                           : memcmp(text->at, value, text->len) == 0;
}

/* ASCII's letters alone have two cases here, as in the database. */
static bool same(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]))
			return false;
	return true;
}

static bool text_has(const struct intake_text *text, const char *word, size_t len, bool begins)
{
	const char *there;
	size_t at = 0, there_len;

	if (!text->at)
		return false;
	while ((there = next_word(text->at, SL_MIN(text->len, (size_t)INTAKE_TEXT_KEPT), &at,
	                          &there_len)))
		if ((begins ? there_len >= len : there_len == len) && same(there, word, len))
			return true;
	return false;
}

bool intake_text_has(const struct intake_line *line, const char *asked)
{
	size_t all = strlen(asked), at = 0, len;
	const char *word;

	while ((word = next_word(asked, all, &at, &len))) {
		bool begins = asked[at] == '*';
		bool found = text_has(&line->field[INTAKE_SNI], word, len, begins);

		for (unsigned i = 0; i < SL_ARRAY_LEN(line->message) && !found; i++)
			found = text_has(&line->message[i], word, len, begins);
		if (!found)
			return false;
	}
	return true;
}
