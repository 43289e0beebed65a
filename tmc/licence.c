/* SPDX-License-Identifier: Apache-2.0 */
/* A licence out of YAML or JSON. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/licence/licence.h"
#include "tmc/tmc.h"

/* Everything that is wrong with it, with line and column. */
static enum tmc_exit say_errors(const char *path, const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];

		(void)tmc_fail(TMC_REFUSED, "%s:%u:%u: %s: %s (%s)", path, e->line, e->column,
		               e->pointer, e->text, e->remedy);
	}
	return TMC_REFUSED;
}

static int read_licence(const char *path, struct conf_errors *errs, json_t **ret_licence)
{
	struct conf_document *doc = NULL;
	int rc = conf_load_file(path, errs, &doc);

	if (rc == 0 && !conf_document_root(doc))
		rc = conf_errors_add(errs, NULL, SL_EINVAL, "", "it is empty");
	if (rc == 0)
		rc = licence_of_node(conf_document_root(doc), errs, ret_licence);
	conf_document_destroy(doc);
	return rc;
}

enum tmc_exit tmc_make_licence(const struct tmc *tmc, const json_t *arguments)
{
	const char *path = tmc_argument(arguments, "file", "");
	struct package_section section = {.name = LICENCE_SECTION};
	enum tmc_exit status = TMC_REFUSED;
	struct conf_errors errs;
	json_t *licence = NULL, *summary = json_object();
	char *text = NULL;

	conf_errors_init(&errs);
	if (read_licence(path, &errs, &licence) != 0) {
		status = say_errors(path, &errs);
	} else if ((text = json_dumps(licence, JSON_COMPACT | JSON_SORT_KEYS)) != NULL) {
		section.data = text;
		section.len = strlen(text);
		status = tmc_make(tmc, arguments, PACKAGE_LICENCE, &section, "Licence", summary);
	}
	free(text);
	json_decref(licence);
	json_decref(summary);
	conf_errors_fini(&errs);
	return status;
}
