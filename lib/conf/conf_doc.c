/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf-doc: writes the reference and the JSON Schema from the schema's tables, or checks that the
 * committed ones are what the tables say. A tool of the build, not of the device.
 *
 *   conf-doc --write SOURCE    writes docs/configuration.md and docs/schema/tpsd.schema.json
 *   conf-doc --check SOURCE    exit status 1 when one of them is not up to date
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/conf/doc.h"

enum { PAGE_MAX = 4 * 1024 * 1024 };

static const struct page {
	const char *path;
	int (*make)(struct buf *out);
} pages[] = {
        {"docs/configuration.md", conf_doc_reference},
        {"docs/schema/tpsd.schema.json", conf_doc_json_schema},
};

static FILE *open_page(const char *source, const struct page *page, const char *mode)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", source, page->path);
	file = fopen(path, mode);
	if (!file)
		perror(path);
	return file;
}

static bool write_page(const char *source, const struct page *page, const struct buf *text)
{
	FILE *file = open_page(source, page, "we");
	bool ok = file && fwrite(text->data, 1, text->len, file) == text->len;

	return file && fclose(file) == 0 && ok;
}

static bool check_page(const char *source, const struct page *page, const struct buf *text)
{
	FILE *file = open_page(source, page, "re");
	bool same = file != NULL;

	for (size_t i = 0; same && i < text->len; i++)
		same = fgetc(file) == text->data[i];
	same = same && fgetc(file) == EOF;
	if (file)
		(void)fclose(file);
	if (!same)
		fprintf(stderr,
		        "%s is not what the schema says: run lib/conf/conf-doc --write %s\n",
		        page->path, source);
	return same;
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	bool ok = true;

	if (argc != 3 || (!write && strcmp(argv[1], "--check") != 0)) {
		fprintf(stderr, "usage: conf-doc --write|--check SOURCE\n");
		return 2;
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(pages); i++) {
		struct buf text;

		buf_init(&text, PAGE_MAX);
		if (pages[i].make(&text) != 0)
			ok = false;
		else if (write)
			ok = write_page(argv[2], &pages[i], &text) && ok;
		else
			ok = check_page(argv[2], &pages[i], &text) && ok;
		buf_fini(&text);
	}
	return ok ? 0 : 1;
}
