/* SPDX-License-Identifier: Apache-2.0 */
/* What of the installed packages a device gets with its document. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/document_priv.h"

enum { PATH_SIZE = 1024 };

struct adding {
	const struct document_shelf *shelf;
	const struct document_device *device;
	struct conf_errors *errs;
	struct draft *draft;
	json_t *to; /* the document's `device` */
};

/* A path there that the SMS gave it before is no setting of its own. */
static bool says_itself(const struct adding *a, const char *key)
{
	const char *path = json_string_value(json_object_get(a->to, key));
	size_t len = strlen(a->device->files);

	return path && path[0] != '\0' &&
	       (strncmp(path, a->device->files, len) != 0 || path[len] != '/');
}

/* The file's path on the device; it comes with the document. */
static int lay_down(const struct adding *a, const struct installed_file *file, json_t **ret_path)
{
	char hex[BLOB_HEX_MAX], path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", a->device->files,
	               blob_digest_text(file->sha256, hex));
	*ret_path = json_string(path);
	return *ret_path ? draft_add_file(a->draft, file->sha256, file->size) : SL_ENOMEM;
}

static int set_path(const struct adding *a, const char *key, const struct installed_file *file)
{
	json_t *path = NULL;
	int rc = lay_down(a, file, &path);

	if (rc != 0) {
		json_decref(path);
		return rc;
	}
	return json_object_set_new(a->to, key, path) == 0 ? 0 : SL_ENOMEM;
}

/* ---- default CA certificates (R78, R87) -------------------------------------------------- */

/* A client policy without a trust store verifies by them, too. */
static bool wants_ca(const json_t *root)
{
	json_t *item, *policy;
	size_t i, k;

	json_array_foreach(json_object_get(root, "trust_stores"), i, item)
	{
		if (!json_is_false(json_object_get(item, "include_default_ca_certificates")))
			return true;
	}
	json_array_foreach(json_object_get(root, "profiles"), i, item)
	{
		json_array_foreach(json_object_get(item, "ssl_client_policies"), k, policy)
		{
			if (!json_object_get(policy, "trust_store"))
				return true;
		}
	}
	return false;
}

static int add_ca(const struct adding *a)
{
	const struct installed *ca = &a->shelf->packages.of[PACKAGE_CA];

	if (!ca->there || says_itself(a, "default_ca_file") || !wants_ca(a->draft->root))
		return 0;
	return set_path(a, "default_ca_file", &ca->content);
}

/* ---- categories (R106, R107) ------------------------------------------------------------- */

static bool has_category(const struct installed *categories, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(categories->summary, "categories"), i, one)
	{
		const char *its = json_string_value(json_object_get(one, "category"));

		if (its && strcmp(its, name) == 0)
			return true;
	}
	return false;
}

static void notice(const struct adding *a, size_t policy, const char *remedy, const char *text)
{
	char pointer[PROBLEM_POINTER_MAX];

	(void)snprintf(pointer, sizeof(pointer), "/decryption_policies/%zu/categories", policy);
	(void)conf_errors_add_at(a->errs, "", 0, 0, pointer, 0, remedy, "%s", text);
}

/* What it names and nothing has matches nothing: the name is decrypted, which nobody would see. */
static void tell_unknown(const struct adding *a, const struct installed *categories, size_t policy,
                         const json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name)
	{
		const char *unknown = json_string_value(name);
		char text[PROBLEM_TEXT_MAX];

		if (!unknown || has_category(categories, unknown))
			continue;
		(void)snprintf(text, sizeof(text),
		               "the category package has no category \"%.64s\": it matches nothing",
		               unknown);
		notice(a, policy, "sms categories lists what it has", text);
	}
}

/* Each policy that names categories; whether there is one. */
static bool look_at_policies(const struct adding *a, const struct installed *categories, bool own)
{
	json_t *policy, *names;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(a->draft->root, "decryption_policies"), i, policy)
	{
		names = json_object_get(policy, "categories");
		if (json_array_size(names) == 0)
			continue;
		any = true;
		if (!own && !categories->there)
			notice(a, i, "install one: sms package import",
			       "no package of categories is installed: all categories are "
			       "decrypted");
		else if (!own)
			tell_unknown(a, categories, i, names);
	}
	return any;
}

static int add_key(const struct adding *a, const struct installed_file *key)
{
	json_t *keys = json_object_get(a->to, "package_keys"), *path = NULL, *list;
	int rc = lay_down(a, key, &path);

	list = json_is_array(keys) ? json_incref(keys) : json_array();
	if (rc == 0 && (!list || json_array_append(list, path) != 0 ||
	                json_object_set(a->to, "package_keys", list) != 0))
		rc = SL_ENOMEM;
	json_decref(list);
	json_decref(path);
	return rc;
}

static int add_categories(const struct adding *a)
{
	const struct installed *categories = &a->shelf->packages.of[PACKAGE_CATEGORIES];
	bool own = says_itself(a, "category_package");
	int rc;

	if (!look_at_policies(a, categories, own) || own || !categories->there)
		return 0;
	rc = set_path(a, "category_package", &categories->package);
	return rc ? rc : add_key(a, &categories->key);
}

int draft_add_packages(const struct document_shelf *shelf, const struct document_device *device,
                       struct conf_errors *errs, struct draft *draft)
{
	struct adding a = {.shelf = shelf,
	                   .device = device,
	                   .errs = errs,
	                   .draft = draft,
	                   .to = json_object_get(draft->root, "device")};
	int rc;

	/* What is no map is the check's to say. */
	if (!json_is_object(a.to))
		return 0;
	rc = add_ca(&a);
	return rc ? rc : add_categories(&a);
}
