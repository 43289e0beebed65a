/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/object.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/build_priv.h"
#include "lib/conf/json_priv.h"
#include "lib/conf/node_priv.h"

enum { SCRATCH_MAX = 1024 * 1024 };

static int check(const struct conf_object *object, const struct conf_node *root,
                 struct conf_errors *errs)
{
	struct arena scratch;
	struct build b = {.errs = errs, .arena = &scratch, .page = "docs/sms-api.md"};

	if (root->kind != CONF_MAP)
		return conf_errors_add(errs, root, SL_EINVAL, "write it as {\"key\": value}",
		                       "the body is no JSON object");
	arena_init(&scratch, SCRATCH_MAX);
	build_read_object(&b, object, root, NULL);
	free(b.refs);
	arena_wipe(&scratch);
	arena_fini(&scratch);
	return conf_errors_code(errs);
}

int conf_object_read(const struct conf_object *object, const void *text, size_t len,
                     struct conf_errors *errs, json_t **ret_value)
{
	struct conf_document *doc;
	json_t *value;
	int rc = json_parse("", text, len, errs, &value);

	if (rc != 0)
		return rc;
	rc = json_tree("", value, CONF_OBJECT_TEXT_MAX, errs, &doc);
	if (rc == 0) {
		rc = check(object, conf_document_root(doc), errs);
		arena_wipe(&doc->arena);
		conf_document_destroy(doc);
	}
	if (rc == 0)
		*ret_value = value;
	else
		json_decref(value);
	return rc;
}
