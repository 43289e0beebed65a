/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/object.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/build_priv.h"
#include "lib/conf/canon.h"
#include "lib/conf/canon_priv.h"
#include "lib/conf/diff_priv.h"
#include "lib/conf/json_priv.h"
#include "lib/conf/node_priv.h"
#include "lib/conf/version.h"

enum { SCRATCH_MAX = 1024 * 1024 };

static int check(const struct conf_object *object, const struct conf_node *root, bool is_body,
                 struct conf_errors *errs)
{
	struct arena scratch;
	struct build b = {.errs = errs,
	                  .arena = &scratch,
	                  .is_body = is_body,
	                  .version = conf_version(),
	                  .page = is_body ? "docs/sms-api.md" : "docs/configuration.md"};

	if (root->kind != CONF_MAP && is_body)
		return conf_errors_add(errs, root, SL_EINVAL, "write it as {\"key\": value}",
		                       "the body is no JSON object");
	if (root->kind != CONF_MAP)
		return conf_errors_add(errs, root, SL_EINVAL,
		                       "write its settings as \"key: value\"",
		                       "the %s is no map of settings", object->name);
	arena_init(&scratch, SCRATCH_MAX);
	build_read_object(&b, object, root, NULL);
	free(b.refs);
	arena_wipe(&scratch);
	arena_fini(&scratch);
	return conf_errors_code(errs);
}

/* As nodes, checked with an `object`. */
static int to_nodes(const struct conf_object *object, const json_t *value, struct conf_errors *errs,
                    struct conf_document **ret_doc)
{
	/* jansson walks maps by a pointer that is not const; nothing is changed. */
	int rc = json_tree("", (json_t *)(uintptr_t)value, CONF_OBJECT_TEXT_MAX, errs, ret_doc);

	if (rc != 0 || !object)
		return rc;
	rc = check(object, conf_document_root(*ret_doc), true, errs);
	if (rc == 0)
		return 0;
	arena_wipe(&(*ret_doc)->arena);
	conf_document_destroy(*ret_doc);
	return rc;
}

int conf_object_check(const struct conf_object *object, const json_t *value,
                      struct conf_errors *errs)
{
	struct conf_document *doc;
	int rc = to_nodes(object, value, errs, &doc);

	if (rc != 0)
		return rc;
	arena_wipe(&doc->arena);
	conf_document_destroy(doc);
	return 0;
}

int conf_load_value(const char *file, json_t *value, struct conf_errors *errs,
                    struct conf_document **ret)
{
	return json_tree(file, value, CONF_SCALAR_MAX, errs, ret);
}

int conf_object_read(const struct conf_object *object, const void *text, size_t len,
                     struct conf_errors *errs, json_t **ret_value)
{
	json_t *value;
	int rc = json_parse("", text, len, CONF_OBJECT_MAX, errs, &value);

	if (rc != 0)
		return rc;
	rc = conf_object_check(object, value, errs);
	if (rc == 0)
		*ret_value = value;
	else
		json_decref(value);
	return rc;
}

int conf_object_canonical(const struct conf_object *object, const json_t *value, unsigned flags,
                          json_t **ret_value)
{
	struct conf_document *doc;
	struct conf_errors errs;
	json_t *canonical;
	int rc;

	conf_errors_init(&errs);
	rc = to_nodes(NULL, value, &errs, &doc);
	conf_errors_fini(&errs);
	if (rc != 0)
		return rc;
	canonical = canon_object(object, conf_document_root(doc), flags);
	arena_wipe(&doc->arena);
	conf_document_destroy(doc);
	if (!canonical)
		return SL_ENOMEM;
	*ret_value = canonical;
	return 0;
}

int conf_object_of_node(const struct conf_object *object, const struct conf_node *node,
                        struct conf_errors *errs, json_t **ret_value)
{
	json_t *value;
	int rc = check(object, node, false, errs);

	if (rc != 0)
		return rc;
	value = canon_object(object, node, 0);
	if (!value)
		return conf_errors_add(errs, NULL, SL_ENOMEM, "", "out of memory");
	*ret_value = value;
	return 0;
}

/* NULL stays NULL. */
static int canonical_or_none(const struct conf_object *object, const json_t *value, unsigned flags,
                             json_t **ret_value)
{
	*ret_value = NULL;
	return value ? conf_object_canonical(object, value, flags, ret_value) : 0;
}

int conf_object_diff(const struct conf_object *object, const json_t *old_value,
                     const json_t *new_value, struct conf_changes *ret_changes)
{
	unsigned flags = old_value && new_value ? CONF_CANON_DEFAULTS : 0;
	json_t *old = NULL, *new = NULL;
	int rc = canonical_or_none(object, old_value, flags, &old);

	if (rc == 0)
		rc = canonical_or_none(object, new_value, flags, &new);
	if (rc == 0)
		rc = diff_values(object, old, new, ret_changes);
	json_decref(old);
	json_decref(new);
	return rc;
}
