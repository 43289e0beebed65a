/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api-doc: writes docs/sms-api.md from the tables of routes and shapes, or checks that the
 * committed one is what they say. A tool of the build.
 *
 *   api-doc --write SOURCE
 *   api-doc --check SOURCE    exit status 1 when it is not up to date
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "smsd/api/openapi.h"

enum { PAGE_MAX = 4 * 1024 * 1024, PATH_LEN = 4096 };

static bool write_page(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "we");
	bool ok = file && fwrite(text->data, 1, text->len, file) == text->len;

	return file && fclose(file) == 0 && ok;
}

static bool check_page(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "re");
	bool same = file != NULL;

	for (size_t i = 0; same && i < text->len; i++)
		same = fgetc(file) == text->data[i];
	same = same && fgetc(file) == EOF;
	if (file)
		(void)fclose(file);
	if (!same)
		(void)fprintf(stderr,
		              "%s is not what the tables say: run smsd/api/api-doc --write\n",
		              path);
	return same;
}

int main(int argc, char **argv)
{
	bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
	char path[PATH_LEN];
	struct buf text;
	bool ok;

	if (argc != 3 || (!write && strcmp(argv[1], "--check") != 0)) {
		(void)fprintf(stderr, "usage: api-doc --write|--check SOURCE\n");
		return 2;
	}
	(void)snprintf(path, sizeof(path), "%s/docs/sms-api.md", argv[2]);
	buf_init(&text, PAGE_MAX);
	ok = openapi_page(&text) == 0 &&
	     (write ? write_page(path, &text) : check_page(path, &text));
	buf_fini(&text);
	return ok ? 0 : 1;
}
