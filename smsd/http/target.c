/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/http/target.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "%xy" stands for, or -1. */
static int escaped_byte(const char *at, const char *end)
{
	int high = end - at > 2 ? hex_digit(at[1]) : -1;
	int low = high >= 0 ? hex_digit(at[2]) : -1;

	return low >= 0 ? high * 16 + low : -1;
}

/* Bytes of the sequence that `at` begins with; 0: none that UTF-8 has (RFC 3629). */
static size_t utf8_len(const uint8_t *at, size_t room)
{
	static const struct {
		uint8_t first, last, low, high; /* of the first byte, and of the second */
		size_t len;
	} forms[] = {
	        {0x20, 0x7e, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
	        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
	        {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(forms); i++) {
		if (at[0] < forms[i].first || at[0] > forms[i].last)
			continue;
		if (room < forms[i].len)
			return 0;
		for (size_t n = 1; n < forms[i].len; n++)
			if (at[n] < (n == 1 ? forms[i].low : 0x80) ||
			    at[n] > (n == 1 ? forms[i].high : 0xbf))
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* UTF-8 without control characters. */
static bool is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len((const uint8_t *)text + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* Decodes into `out`, which has room for all; `form` takes "+" for a space. Length, or -1. */
static ptrdiff_t decode(const char *at, const char *end, bool form, char *out)
{
	char *start = out;

	while (at < end) {
		int byte = (unsigned char)*at;

		if (byte == '%') {
			byte = escaped_byte(at, end);
			if (byte <= 0 || (!form && (byte == '/' || byte == '\\')))
				return -1;
			at += 2;
		} else if (form && byte == '+') {
			byte = ' ';
		}
		*out++ = (char)byte;
		at++;
	}
	*out = '\0';
	return is_text(start, (size_t)(out - start)) ? out - start : -1;
}

static bool segments_are_plain(const char *path)
{
	while (*path) {
		size_t len = strcspn(++path, "/");

		/* An empty one may stand at the end alone: "/" and "/a/". */
		if ((len == 0 && *path) || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
	}
	return true;
}

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || *text == '#' || *text == '\\')
			return false;
	return true;
}

int http_target_read(const char *text, struct http_target *ret_target)
{
	size_t path_len = strcspn(text, "?");
	const char *query = text[path_len] == '?' ? text + path_len + 1 : "";
	struct http_target target;
	int rc = 0;

	if (path_len > HTTP_PATH_MAX || strlen(query) > HTTP_QUERY_MAX)
		return SL_ELIMIT;
	if (text[0] != '/' || !is_visible(text))
		return SL_EMALFORMED;
	target.path = malloc(path_len + 1);
	target.query = strdup(query);
	if (!target.path || !target.query)
		rc = SL_ENOMEM;
	else if (decode(text, text + path_len, false, target.path) < 0 ||
	         !segments_are_plain(target.path))
		rc = SL_EMALFORMED;
	if (rc != 0) {
		http_target_fini(&target);
		return rc;
	}
	*ret_target = target;
	return 0;
}

void http_target_fini(struct http_target *target)
{
	free(target->path);
	free(target->query);
	*target = (struct http_target){0};
}

const char *http_query_next(const char **at, size_t *ret_len)
{
	const char *key = *at;

	if (*key == '\0')
		return NULL;
	*ret_len = strcspn(key, "=&");
	*at = key + strcspn(key, "&");
	if (**at)
		++*at;
	return key;
}

char *http_query_find(const char *query, const char *name)
{
	size_t len;
	const char *key;

	while ((key = http_query_next(&query, &len)) != NULL) {
		const char *value = key + len + (key[len] == '=');
		const char *end = value + strcspn(value, "&");
		char *text;

		if (len != strlen(name) || memcmp(key, name, len) != 0)
			continue;
		text = malloc((size_t)(end - value) + 1);
		if (text && decode(value, end, true, text) >= 0)
			return text;
		free(text);
		return NULL;
	}
	return NULL;
}

bool http_query_names(const char *names, const char *key, size_t len)
{
	const char *name;
	size_t name_len;

	while ((name = http_query_next(&names, &name_len)) != NULL)
		if (name_len == len && memcmp(name, key, len) == 0)
			return true;
	return false;
}

/* Whether `key` stands in the query before itself already. */
static bool is_repeated(const char *query, const char *key, size_t len)
{
	const char *at = query;
	const char *other;
	size_t other_len;

	while ((other = http_query_next(&at, &other_len)) != NULL && other < key)
		if (other_len == len && memcmp(other, key, len) == 0)
			return true;
	return false;
}

int http_query_check(const char *query, const char *names, const char *where,
                     struct problem *problem)
{
	const char *at = query;
	const char *key;
	size_t len;

	while ((key = http_query_next(&at, &len)) != NULL) {
		if (!http_query_names(names, key, len))
			return problem_add(problem, SL_EINVAL, "", where,
			                   "this route has no parameter \"%.*s\"",
			                   (int)SL_MIN(len, 64U), key);
		if (is_repeated(query, key, len))
			return problem_add(problem, SL_EINVAL, "", "name it once",
			                   "the parameter \"%.*s\" came twice", (int)len, key);
	}
	return 0;
}
