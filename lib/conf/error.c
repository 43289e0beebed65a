/* SPDX-License-Identifier: Apache-2.0 */
/* The list of complaints; a complaint that finds no memory still counts as a refusal. */
#include "lib/conf/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/node.h"

enum { ERROR_TEXT_MAX = 1024, ERRORS_FIRST_SIZE = 16 };

void conf_errors_init(struct conf_errors *errs)
{
	*errs = (struct conf_errors){0};
}

static void error_fini(struct conf_error *e)
{
	free(e->file);
	free(e->pointer);
	free(e->text);
	free(e->remedy);
}

void conf_errors_fini(struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++)
		error_fini(&errs->items[i]);
	free(errs->items);
	conf_errors_init(errs);
}

static struct conf_error *error_slot(struct conf_errors *errs)
{
	size_t size = errs->size ? errs->size * 2 : ERRORS_FIRST_SIZE;
	struct conf_error *items;

	if (errs->count == CONF_ERRORS_MAX)
		return NULL;
	if (errs->count == errs->size) {
		items = realloc(errs->items, size * sizeof(*items));
		if (!items)
			return NULL;
		errs->items = items;
		errs->size = size;
	}
	return &errs->items[errs->count];
}

/* `where` has everything but the texts. */
static void error_keep(struct conf_errors *errs, const struct conf_error *where, const char *remedy,
                       const char *fmt, va_list ap) SL_PRINTF(4, 0);

static void error_keep(struct conf_errors *errs, const struct conf_error *where, const char *remedy,
                       const char *fmt, va_list ap)
{
	char text[ERROR_TEXT_MAX];
	struct conf_error *slot;
	struct conf_error e = *where;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (!e.notice && errs->refusals++ == 0)
		errs->first = e.code;
	slot = error_slot(errs);
	e.file = strdup(where->file);
	e.pointer = strdup(where->pointer);
	e.text = strdup(text);
	e.remedy = strdup(remedy ? remedy : "");
	if (!slot || !e.file || !e.pointer || !e.text || !e.remedy) {
		error_fini(&e);
		errs->lost++;
		return;
	}
	*slot = e;
	errs->count++;
}

static void error_at_node(struct conf_errors *errs, const struct conf_node *node, int code,
                          bool notice, const char *remedy, const char *fmt, va_list ap)
        SL_PRINTF(6, 0);

static void error_at_node(struct conf_errors *errs, const struct conf_node *node, int code,
                          bool notice, const char *remedy, const char *fmt, va_list ap)
{
	char pointer[CONF_POINTER_MAX] = "";
	char none[] = "";
	struct conf_error where = {
	        .code = code, .notice = notice, .file = none, .pointer = pointer};

	if (node) {
		where.file = (char *)node->file;
		where.line = node->key ? node->key_line : node->line;
		where.column = node->key ? node->key_column : node->column;
		conf_node_pointer(node, pointer);
	}
	error_keep(errs, &where, remedy, fmt, ap);
}

int conf_errors_add(struct conf_errors *errs, const struct conf_node *node, int code,
                    const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_at_node(errs, node, code, false, remedy, fmt, ap);
	va_end(ap);
	return code;
}

void conf_errors_notice(struct conf_errors *errs, const struct conf_node *node, const char *remedy,
                        const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_at_node(errs, node, SL_OK, true, remedy, fmt, ap);
	va_end(ap);
}

int conf_errors_add_at(struct conf_errors *errs, const char *file, unsigned line, unsigned column,
                       const char *pointer, int code, const char *remedy, const char *fmt, ...)
{
	struct conf_error where = {.code = code,
	                           .notice = code == SL_OK,
	                           .file = (char *)file,
	                           .line = line,
	                           .column = column,
	                           .pointer = (char *)pointer};
	va_list ap;

	va_start(ap, fmt);
	error_keep(errs, &where, remedy, fmt, ap);
	va_end(ap);
	return code;
}

int conf_errors_code(const struct conf_errors *errs)
{
	return errs->first;
}

static bool stands_behind(const struct conf_error *a, const struct conf_error *b)
{
	if (a->line == 0 || b->line == 0 || strcmp(a->file, b->file) != 0)
		return false;
	return a->line > b->line || (a->line == b->line && a->column > b->column);
}

/* By insertion: there are at most CONF_ERRORS_MAX, and equal places keep their order. */
void conf_errors_sort(struct conf_errors *errs)
{
	for (size_t i = 1; i < errs->count; i++) {
		struct conf_error e = errs->items[i];
		size_t at = i;

		for (; at > 0 && stands_behind(&errs->items[at - 1], &e); at--)
			errs->items[at] = errs->items[at - 1];
		errs->items[at] = e;
	}
}

static int error_print(const struct conf_error *e, struct buf *out)
{
	int rc = 0;

	if (e->file[0])
		rc = buf_printf(out, "%s:", e->file);
	if (rc == 0 && e->line)
		rc = buf_printf(out, "%u:%u:", e->line, e->column);
	if (rc == 0 && out->len > 0 && out->data[out->len - 1] == ':')
		rc = buf_printf(out, " ");
	if (rc == 0)
		rc = buf_printf(out, "%s%s%s%s\n", e->notice ? "notice: " : "error: ", e->pointer,
		                e->pointer[0] ? ": " : "", e->text);
	if (rc == 0 && e->remedy[0])
		rc = buf_printf(out, "\t%s\n", e->remedy);
	return rc;
}

int conf_errors_print(const struct conf_errors *errs, struct buf *out)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < errs->count; i++)
		rc = error_print(&errs->items[i], out);
	if (rc == 0 && errs->lost > 0)
		rc = buf_printf(out, "and %zu more\n", errs->lost);
	return rc;
}
