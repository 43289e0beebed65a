/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and lines out of JSON. */
#include "lib/cli/print.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16, CELL_MAX = 60, NUMBER_TEXT = 32 };

void cli_print_text(FILE *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		/* C1 controls come as 0xc2 0x80..0x9f: terminals obey them too. */
		if (c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0) {
			(void)fputc('?', out);
			p++;
		} else {
			(void)fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
		}
	}
}

static const char *scalar(const json_t *value, char text[NUMBER_TEXT])
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_string_value(value);
	case JSON_INTEGER:
		(void)snprintf(text, NUMBER_TEXT, "%lld", (long long)json_integer_value(value));
		return text;
	case JSON_REAL:
		(void)snprintf(text, NUMBER_TEXT, "%.3f", json_real_value(value));
		return text;
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	default:
		return "-";
	}
}

/* A cell's text: scalars as they are, lists joined, objects as JSON; cut and freed by the caller.
 */
static char *cell(const json_t *value)
{
	char number[NUMBER_TEXT];
	char *text = NULL;
	size_t size = 0, i;
	json_t *one;
	FILE *f;

	if (!value)
		return strdup("");
	if (json_is_object(value))
		return json_dumps(value, JSON_COMPACT);
	if (!json_is_array(value))
		return strdup(scalar(value, number));
	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	json_array_foreach(value, i, one)
	{
		char *part = cell(one);

		(void)fprintf(f, "%s%s", i ? "," : "", part ? part : "");
		free(part);
	}
	(void)fclose(f);
	return text;
}

/* Characters, not bytes: UTF-8's continuation bytes take no place. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

struct table {
	const char *keys[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX];
	size_t count;
};

static void add_column(struct table *t, const char *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->keys[i], key) == 0)
			return;
	if (t->count < COLUMNS_MAX) {
		t->widths[t->count] = strlen(key);
		t->keys[t->count++] = key;
	}
}

static void measure(struct table *t, const json_t *list)
{
	json_t *row, *value;
	const char *key;
	size_t i;

	json_array_foreach(list, i, row)
	{
		json_object_foreach(row, key, value)
		{
			add_column(t, key);
		}
		for (size_t c = 0; c < t->count; c++) {
			char *text = cell(json_object_get(row, t->keys[c]));

			if (text)
				t->widths[c] = SL_MAX(t->widths[c], width_of(text));
			free(text);
		}
	}
}

static void put_cell(FILE *out, const char *text, size_t width, bool last)
{
	size_t n = width_of(text);

	cli_print_text(out, text);
	width = last ? n : SL_MAX(width, n) + 2;
	for (; n < width; n++)
		(void)fputc(' ', out);
}

static void print_flat_table(FILE *out, const json_t *list)
{
	struct table t = {.count = 0};
	json_t *row;
	size_t i;

	measure(&t, list);
	for (size_t c = 0; c < t.count; c++) {
		t.widths[c] = SL_MIN(t.widths[c], (size_t)CELL_MAX);
		put_cell(out, t.keys[c], t.widths[c], c + 1 == t.count);
	}
	if (t.count > 0)
		(void)fputc('\n', out);
	json_array_foreach(list, i, row)
	{
		for (size_t c = 0; c < t.count; c++) {
			char *text = cell(json_object_get(row, t.keys[c]));

			put_cell(out, text ? text : "", t.widths[c], c + 1 == t.count);
			free(text);
		}
		(void)fputc('\n', out);
	}
}

/* "port_a":{"name":…} as "port_a.name": a cell is no place for an object. */
static json_t *flat_row(const json_t *row)
{
	json_t *flat = json_object(), *value, *inner;
	const char *key, *inner_key;

	json_object_foreach((json_t *)(uintptr_t)row, key, value)
	{
		if (!json_is_object(value)) {
			(void)json_object_set(flat, key, value);
			continue;
		}
		json_object_foreach(value, inner_key, inner)
		{
			char name[128];

			(void)snprintf(name, sizeof(name), "%.60s.%.60s", key, inner_key);
			(void)json_object_set(flat, name, inner);
		}
	}
	return flat;
}

void cli_print_table(FILE *out, const json_t *list)
{
	json_t *flat = json_array(), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		(void)json_array_append_new(flat, flat_row(row));
	}
	print_flat_table(out, flat);
	json_decref(flat);
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static size_t key_width(const json_t *object)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		n = SL_MAX(n, strlen(key));
	}
	return n;
}

void cli_print_object(FILE *out, const json_t *object, unsigned indent)
{
	size_t width = key_width(object);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char *text;

		(void)fprintf(out, "%*s%s", (int)indent, "", key);
		if (is_table(value)) {
			(void)fputs(":\n", out);
			cli_print_table(out, value);
			continue;
		}
		if (json_is_object(value) && json_object_size(value) > 0 && indent < 12) {
			(void)fputs(":\n", out);
			cli_print_object(out, value, indent + 2);
			continue;
		}
		text = cell(value);
		(void)fprintf(out, "%*s", (int)(width + 2 - strlen(key)), "");
		cli_print_text(out, text ? text : "");
		(void)fputc('\n', out);
		free(text);
	}
}

static void print_lines(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);

		for (char *tab = line; tab && (tab = strchr(tab, '\t')) != NULL;)
			*tab = ' ';
		cli_print_text(out, line ? line : "");
		(void)fputc('\n', out);
		free(line);
		text += len + (text[len] == '\n');
	}
}

void cli_print(FILE *out, const json_t *data)
{
	char number[NUMBER_TEXT];

	if (json_is_object(data) && json_object_size(data) == 1 &&
	    json_is_string(json_object_get(data, "text")))
		print_lines(out, json_string_value(json_object_get(data, "text")));
	else if (json_is_object(data) && json_object_size(data) > 0)
		cli_print_object(out, data, 0);
	else if (is_table(data))
		cli_print_table(out, data);
	else if (json_is_array(data) && json_array_size(data) == 0)
		(void)fputs("none\n", out);
	else if (json_is_object(data) || json_is_null(data))
		(void)fputs("done\n", out);
	else
		cli_print_text(out, scalar(data, number));
}
