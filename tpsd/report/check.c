/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/report/check.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"

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

int check_workers(const char *path, FILE *out, unsigned *ret_workers)
{
	struct conf_errors errs;
	struct config *config;
	int rc;

	conf_errors_init(&errs);
	rc = load(path, &errs, &config);
	if (rc == 0) {
		*ret_workers = config->device.workers;
		config_put(config);
	} else {
		print(&errs, out);
	}
	conf_errors_fini(&errs);
	return rc;
}
