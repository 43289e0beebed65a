/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of patterns as people write them: a file, a pattern a line. */
#include "lib/base/err.h"
#include "lib/domain/map.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* What stands on a line: without comment and the white space around. */
static size_t trim(const char **line, size_t len)
{
	const char *comment = memchr(*line, '#', len);

	if (comment)
		len = (size_t)(comment - *line);
	while (len > 0 && is_blank((*line)[len - 1]))
		len--;
	while (len > 0 && is_blank(**line)) {
		(*line)++;
		len--;
	}
	return len;
}

bool domain_text_next(struct domain_text *t)
{
	while (t->at < t->end) {
		const char *eol = memchr(t->at, '\n', (size_t)(t->end - t->at));
		size_t len = (size_t)((eol ? eol : t->end) - t->at);

		t->text = t->at;
		t->at += eol ? len + 1 : len;
		t->line++;
		t->len = trim(&t->text, len);
		if (t->len > 0)
			return true;
	}
	return false;
}

struct domain_text domain_text_of(const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf"; /* that some editors put before UTF-8 */
	size_t skip = len >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;

	return (struct domain_text){.at = text + skip, .end = text + len};
}

int domain_builder_add_text(struct domain_builder *b, const char *text, size_t len, uint32_t value,
                            domain_line_fn *bad, void *arg)
{
	struct domain_text t = domain_text_of(text, len);
	int left_out = 0;

	while (domain_text_next(&t)) {
		int rc = domain_builder_add(b, t.text, t.len, value);

		if (rc != 0 && rc != SL_EMALFORMED)
			return rc;
		if (rc == 0)
			continue;
		left_out++;
		if (bad)
			bad(arg, t.line, t.text, t.len);
	}
	return left_out;
}
