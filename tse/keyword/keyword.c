/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyword look-up and what the readers share.
 */
#include "tse/keyword/keyword.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/err.h"

const struct keyword_family *const keyword_families[] = {
        &keyword_meta, &keyword_content,    &keyword_pcre,          &keyword_flow, &keyword_size,
        &keyword_http, &keyword_http_alias, &keyword_http_modifier, NULL,
};

static const struct refused {
	const char *name; /* a trailing '*' stands for any rest */
	const char *reason;
	const char *remedy;
} refused[] = {
#define X(name, reason, remedy) {name, reason, remedy},
#include "tse/keyword/refused.def"
#undef X
};

bool keyword_word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(word, name, len) == 0;
}

const struct keyword *keyword_find(const char *name, size_t len)
{
	for (const struct keyword_family *const *f = keyword_families; *f; f++) {
		for (size_t i = 0; i < (*f)->count; i++) {
			if (keyword_word_is(name, len, (*f)->keywords[i].name))
				return &(*f)->keywords[i];
		}
	}
	return NULL;
}

bool keyword_refused(const char *name, size_t len, const char **ret_reason, const char **ret_remedy)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(refused); i++) {
		size_t n = strlen(refused[i].name);
		bool rest = n > 0 && refused[i].name[n - 1] == '*';

		if (rest ? len + 1 >= n && memcmp(name, refused[i].name, n - 1) == 0
		         : keyword_word_is(name, len, refused[i].name)) {
			*ret_reason = refused[i].reason;
			*ret_remedy = refused[i].remedy;
			return true;
		}
	}
	return false;
}

int keyword_quoted(const struct keyword_call *call, const char **ret_text, size_t *ret_len,
                   bool *ret_negated)
{
	const char *p = call->value;
	size_t len = call->len;
	bool negated = false;

	if (len > 0 && *p == '!') {
		negated = true;
		p++;
		len--;
		while (len > 0 && isspace((unsigned char)*p)) {
			p++;
			len--;
		}
	}
	if (len < 2 || p[0] != '"' || p[len - 1] != '"')
		return rule_error_set(call->err, SL_EMALFORMED, "put the value in double quotes",
		                      "the value of %s is not in double quotes",
		                      call->keyword->name);
	*ret_text = p + 1;
	*ret_len = len - 2;
	*ret_negated = negated;
	return 0;
}

int keyword_number(const struct keyword_call *call, const char *text, size_t len, long long min,
                   long long max, long long *ret_value)
{
	long long v = 0;
	bool minus = len > 0 && *text == '-';
	size_t i = minus;

	for (; i < len && isdigit((unsigned char)text[i]) && v < 1000000000000LL; i++)
		v = v * 10 + (text[i] - '0');
	if (minus)
		v = -v;
	if (i != len || i == minus)
		return rule_error_set(call->err, SL_EMALFORMED,
		                      "give a number; variables of byte_extract are not known",
		                      "%s: \"%.*s\" is not a number", call->keyword->name,
		                      (int)SL_MIN(len, (size_t)40), text);
	if (v < min || v > max)
		return rule_error_set(call->err, SL_ERANGE, "", "%s: %lld is not in %lld to %lld",
		                      call->keyword->name, v, min, max);
	*ret_value = v;
	return 0;
}

struct cond *keyword_last_content(const struct keyword_call *call)
{
	if (call->draft->last < 0) {
		(void)rule_error_set(call->err, SL_EMALFORMED, "put a content before it",
		                     "%s has no content before it", call->keyword->name);
		return NULL;
	}
	return &call->draft->conds[call->draft->last];
}

bool keyword_next_word(const char **at, size_t *left, const char **ret_word, size_t *ret_len)
{
	const char *p = *at;
	const char *end = p + *left;
	const char *comma;

	if (*left == 0)
		return false;
	comma = memchr(p, ',', *left);
	*at = comma ? comma + 1 : end;
	*left = (size_t)(end - *at);
	if (comma)
		end = comma;
	while (p < end && isspace((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	*ret_word = p;
	*ret_len = (size_t)(end - p);
	return true;
}
