/* SPDX-License-Identifier: Apache-2.0 */
/* Longest common subsequence of lines between what both texts begin and end with. */
#include "tpsd/report/textdiff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { LINES_MAX = 5000, CONTEXT = 2 };

struct lines {
	const char **at;
	size_t *len;
	size_t count;
};

static int split(const char *text, struct lines *l)
{
	size_t n = 1;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	l->at = calloc(n, sizeof(*l->at));
	l->len = calloc(n, sizeof(*l->len));
	l->count = 0;
	if (!l->at || !l->len)
		return SL_ENOMEM;
	while (*text) {
		size_t len = strcspn(text, "\n");

		l->at[l->count] = text;
		l->len[l->count++] = len;
		text += len + (text[len] == '\n');
	}
	return 0;
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
	return a->len[i] == b->len[j] && memcmp(a->at[i], b->at[j], a->len[i]) == 0;
}

static int put(struct buf *out, char mark, const struct lines *l, size_t i)
{
	return buf_printf(out, "%c %.*s\n", mark, (int)l->len[i], l->at[i]);
}

/* Part of both texts that differs: [from, a_end) and [from, b_end). */
struct middle {
	size_t from, a_end, b_end;
};

static struct middle find_middle(const struct lines *a, const struct lines *b)
{
	struct middle m = {0, a->count, b->count};

	while (m.from < m.a_end && m.from < m.b_end && same(a, m.from, b, m.from))
		m.from++;
	while (m.a_end > m.from && m.b_end > m.from && same(a, m.a_end - 1, b, m.b_end - 1)) {
		m.a_end--;
		m.b_end--;
	}
	return m;
}

/* length[i * w + j]: of the longest common subsequence from lines i and j on. */
static uint16_t *make_table(const struct lines *a, const struct lines *b, const struct middle *m)
{
	size_t rows = m->a_end - m->from, w = m->b_end - m->from + 1;
	uint16_t *t = calloc((rows + 1) * w, sizeof(*t));

	for (size_t i = rows; t && i-- > 0;)
		for (size_t j = w - 1; j-- > 0;) {
			uint16_t down = t[(i + 1) * w + j], right = t[i * w + j + 1];

			t[i * w + j] = same(a, m->from + i, b, m->from + j)
			                       ? (uint16_t)(t[(i + 1) * w + j + 1] + 1)
			                       : SL_MAX(down, right);
		}
	return t;
}

static int walk(const struct lines *a, const struct lines *b, const struct middle *m,
                const uint16_t *t, struct buf *out)
{
	size_t i = 0, j = 0, rows = m->a_end - m->from, cols = m->b_end - m->from, w = cols + 1;
	int rc = 0;

	while (rc == 0 && (i < rows || j < cols)) {
		bool both = t && i < rows && j < cols;

		if (both && same(a, m->from + i, b, m->from + j)) {
			rc = put(out, ' ', a, m->from + i++);
			j++;
		} else if (i < rows && (!both || t[(i + 1) * w + j] >= t[i * w + j + 1])) {
			rc = put(out, '-', a, m->from + i++);
		} else {
			rc = put(out, '+', b, m->from + j++);
		}
	}
	return rc;
}

static int write_diff(const struct lines *a, const struct lines *b, struct buf *out)
{
	struct middle m = find_middle(a, b);
	size_t first = m.from > CONTEXT ? m.from - CONTEXT : 0;
	size_t last = SL_MIN(m.a_end + CONTEXT, a->count);
	bool small = m.a_end - m.from <= LINES_MAX && m.b_end - m.from <= LINES_MAX;
	uint16_t *t = small ? make_table(a, b, &m) : NULL;
	int rc = small && !t ? SL_ENOMEM : 0;

	if (m.a_end == m.from && m.b_end == m.from)
		first = last = 0;
	for (size_t i = first; rc == 0 && i < m.from && last > 0; i++)
		rc = put(out, ' ', a, i);
	if (rc == 0)
		rc = walk(a, b, &m, t, out);
	for (size_t i = m.a_end; rc == 0 && i < last; i++)
		rc = put(out, ' ', a, i);
	free(t);
	return rc;
}

int text_diff(const char *before, const char *after, struct buf *out)
{
	struct lines a = {.at = NULL}, b = {.at = NULL};
	int rc = split(before, &a);

	if (rc == 0)
		rc = split(after, &b);
	if (rc == 0)
		rc = write_diff(&a, &b, out);
	free(a.at);
	free(a.len);
	free(b.at);
	free(b.len);
	return rc;
}
