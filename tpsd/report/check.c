/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/report/check.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/check_keys.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "tpsd/report/compile.h"
#include "tpsd/report/origin.h"

enum { REPORT_MAX = 4 * 1024 * 1024 };

static int load(const char *path, struct conf_errors *errs, struct config **ret_config)
{
	struct conf_document *doc;
	int rc = conf_load_file(path, errs, &doc);

	if (rc != 0)
		return rc;
	rc = config_build(conf_document_root(doc), errs, ret_config);
	conf_document_destroy(doc);
	return rc;
}

static void print(const struct conf_errors *errs, FILE *out)
{
	struct buf text;

	buf_init(&text, REPORT_MAX);
	if (conf_errors_print(errs, &text) == 0)
		(void)fputs(buf_text(&text), out);
	buf_fini(&text);
}

int check_workers(const char *path, FILE *out, unsigned *ret_workers, bool *ret_authority)
{
	struct conf_errors errs;
	struct config *config;
	int rc;

	conf_errors_init(&errs);
	rc = load(path, &errs, &config);
	if (rc == 0) {
		*ret_workers = config->device.workers;
		*ret_authority = config->device.licence_keys[0] != '\0';
		config_put(config);
	} else {
		print(&errs, out);
	}
	conf_errors_fini(&errs);
	return rc;
}

static int read_text(const char *path, struct buf *text)
{
	FILE *f = fopen(path, "re");
	size_t n = 1;
	int rc = f ? 0 : SL_ESYS;

	while (rc == 0 && n > 0) {
		uint8_t *room;

		rc = buf_reserve(text, 65536, &room);
		if (rc != 0)
			break;
		n = fread(room, 1, 65536, f);
		text->len += n;
	}
	if (rc == 0 && ferror(f))
		rc = SL_ESYS;
	if (f)
		(void)fclose(f);
	return rc;
}

static void print_verdict(const char *path, const struct compiled *c, FILE *out)
{
	size_t notices = 0;

	for (size_t i = 0; i < c->errs.count; i++)
		notices += c->errs.items[i].notice;
	if (c->status == 0)
		(void)fprintf(out, "%s: valid, %zu notices\n", path, notices);
	else
		(void)fprintf(out, "%s: refused, %zu errors, %zu notices\n", path, c->errs.refusals,
		              notices);
}

int check_file(const char *path, FILE *out)
{
	struct compile_source source = {.name = path, .revision = 1};
	struct compiled compiled;
	struct buf text;
	int rc;

	buf_init(&text, CONF_TEXT_MAX);
	rc = read_text(path, &text);
	if (rc != 0) {
		(void)fprintf(out, "%s: it cannot be read: %s\n", path, strerror(errno));
		buf_fini(&text);
		return rc;
	}
	source.text = text.data ? text.data : (uint8_t *)"";
	source.len = text.len;
	compile_now(&source, &compiled);
	if (compiled.status == 0)
		compiled.status = config_check_keys(compiled.config, path, &compiled.errs);
	print(&compiled.errs, out);
	print_verdict(path, &compiled, out);
	rc = compiled.status;
	compiled_fini(&compiled);
	buf_fini(&text);
	return rc;
}
