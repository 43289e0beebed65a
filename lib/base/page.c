/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/page.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"

enum { PAGE_MAX = 4 * 1024 * 1024 };

void page_say(struct page *page, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (page->rc == 0)
		page->rc = buf_vprintf(page->out, fmt, ap);
	va_end(ap);
}

static FILE *open_file(const char *source, const struct page_file *file, const char *mode)
{
	char path[4096];
	FILE *stream;

	(void)snprintf(path, sizeof(path), "%s/%s", source, file->path);
	stream = fopen(path, mode);
	if (!stream)
		perror(path);
	return stream;
}

static bool write_file(const char *source, const struct page_file *file, const struct buf *text)
{
	FILE *stream = open_file(source, file, "we");
	bool ok = stream && fwrite(text->data, 1, text->len, stream) == text->len;

	return stream && fclose(stream) == 0 && ok;
}

static bool is_same(const char *source, const struct page_file *file, const struct buf *text)
{
	FILE *stream = open_file(source, file, "re");
	bool same = stream != NULL;

	for (size_t i = 0; same && i < text->len; i++)
		same = fgetc(stream) == text->data[i];
	same = same && fgetc(stream) == EOF;
	if (stream)
		(void)fclose(stream);
	return same;
}

static bool check_file(const char *tool, const char *source, const struct page_file *file,
                       const struct buf *text)
{
	if (is_same(source, file, text))
		return true;
	(void)fprintf(stderr, "%s is not what the tables say: run %s --write %s\n", file->path,
	              tool, source);
	return false;
}

int page_main(const char *tool, int argc, char **argv, const struct page_file *files, size_t count)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	bool ok = true;

	if (argc != 3 || (!write && strcmp(argv[1], "--check") != 0)) {
		(void)fprintf(stderr, "usage: %s --write|--check SOURCE\n", tool);
		return 2;
	}
	for (size_t i = 0; i < count; i++) {
		struct buf text;

		buf_init(&text, PAGE_MAX);
		if (files[i].make(&text) != 0)
			ok = false;
		else if (write)
			ok = write_file(argv[2], &files[i], &text) && ok;
		else
			ok = check_file(tool, argv[2], &files[i], &text) && ok;
		buf_fini(&text);
	}
	return ok ? 0 : 1;
}
