/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The category package (R40, R41), read into a section of an image once its signature was verified,
 * and what policies name that it does not have (R107). Whether the device is licensed for
 * categories is asked when a name is judged, not here.
 */
#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"
#include "lib/domain/category.h"
#include "lib/package/package.h"

/* ---- the package ------------------------------------------------------------------------- */

static void refuse(const struct gather *g, const char *path, const struct pki_error *err)
{
	(void)conf_errors_add(g->errs, g->node, err->code, err->remedy, "%s: %s", path, err->text);
}

static int read_package(const struct gather *g, const char *path, struct buf *bytes)
{
	int rc = gather_read(path, bytes);

	if (rc == SL_ESYS)
		(void)conf_errors_add(g->errs, g->node, SL_ENOENT,
		                      "check the path and who may read it",
		                      "%s: the package cannot be read: %s", path, strerror(errno));
	else if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "", "%s: the package is not taken: %s",
		                      path, err_text(rc));
	return rc;
}

static int load_keys(struct gather *g, const struct conf_node *device, struct package_keys *keys)
{
	const struct config_device *d = &conf_image_maker_config(g->m)->device;
	struct pki_error err;
	int rc = 0;

	g->node = conf_node_find(device, "package_keys");
	for (size_t i = 0; i < d->package_keys.count; i++) {
		int one = package_keys_load(keys, d->package_keys.items[i], &err);

		if (one != 0)
			(void)conf_errors_add(g->errs, g->node, one, err.remedy, "%s", err.text);
		rc = rc ? rc : one;
	}
	return rc;
}

/* Out of the package into the image. */
static int add_categories(struct gather *g, const char *path, const struct package *p)
{
	struct categories categories;
	struct buf bytes;
	int rc;

	buf_init(&bytes, CONF_IMAGE_MAX);
	rc = package_read(p, PACKAGE_SECTION_CATEGORIES, &bytes);
	if (rc == 0)
		rc = categories_open(bytes.data, bytes.len, &categories);
	if (rc == 0)
		rc = conf_image_add(g->m, CONF_SECTION_CATEGORIES, bytes.data, bytes.len);
	buf_fini(&bytes);
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "get the file again",
		                      "%s: its categories are not taken: %s", path, err_text(rc));
	return rc;
}

static int gather_package(struct gather *g, const struct conf_node *device, const char *path)
{
	struct package_keys keys = {.count = 0};
	struct package *p = NULL;
	struct pki_error err;
	struct buf bytes;
	int rc = load_keys(g, device, &keys);

	buf_init(&bytes, PACKAGE_MAX);
	g->node = conf_node_find(device, "category_package");
	if (rc == 0)
		rc = read_package(g, path, &bytes);
	if (rc == 0) {
		rc = package_open(bytes.data, bytes.len, PACKAGE_CATEGORIES, &keys, &p, &err);
		if (rc != 0)
			refuse(g, path, &err);
	}
	if (rc == 0)
		rc = add_categories(g, path, p);
	package_close(p);
	package_keys_fini(&keys);
	buf_fini(&bytes);
	return rc;
}

/* ---- what policies name of it ------------------------------------------------------------ */

static void notice_unknown(struct gather *g, const struct config_decryption_policy *policy,
                           const struct categories *categories)
{
	uint32_t category;

	for (size_t i = 0; i < policy->categories.count; i++) {
		const char *name = policy->categories.items[i];

		if (category_find(categories, name, &category) != 0)
			conf_errors_notice(
			        g->errs, g->node, "tps categories show PACKAGE lists what it has",
			        "the category package has no category \"%.64s\": it matches "
			        "nothing",
			        name);
	}
}

/* Each policy that names categories, against the section or its absence. */
static void notice_policies(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);
	struct categories categories;
	const void *data;
	size_t len;
	bool any = conf_image_maker_section(g->m, CONF_SECTION_CATEGORIES, &data, &len) == 0 &&
	           categories_open(data, len, &categories) == 0;

	for (size_t i = 0; i < c->decryption_policies_count; i++) {
		const struct config_decryption_policy *policy = &c->decryption_policies[i];

		if (policy->categories.count == 0)
			continue;
		g->node = gather_policy_node(root, i, "categories");
		if (any)
			notice_unknown(g, policy, &categories);
		else
			conf_errors_notice(
			        g->errs, g->node, "name a package in device.category_package",
			        "there is no category package: the policy \"%s\" decrypts all "
			        "categories",
			        policy->name);
	}
}

/* The keys are read again by who verifies licences; here is said whether they can be. */
static void check_licence_keys(struct gather *g, const struct conf_node *device)
{
	const char *path = conf_image_maker_config(g->m)->device.licence_keys;
	struct package_keys keys = {.count = 0};
	struct pki_error err;

	g->node = device ? conf_node_find(device, "licence_keys") : NULL;
	if (path[0] != '\0' && package_keys_load(&keys, path, &err) != 0)
		(void)conf_errors_add(g->errs, g->node, err.code, err.remedy, "%s", err.text);
	package_keys_fini(&keys);
}

void gather_categories(struct gather *g, const struct conf_node *root)
{
	const struct config_device *d = &conf_image_maker_config(g->m)->device;
	const struct conf_node *device = conf_node_find(root, "device");

	check_licence_keys(g, device);
	if (device && d->category_package[0] != '\0' &&
	    gather_package(g, device, d->category_package) != 0)
		return;
	notice_policies(g, root);
}
