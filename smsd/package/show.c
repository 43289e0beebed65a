/* SPDX-License-Identifier: Apache-2.0 */
/* Packages as they are shown. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/object.h"
#include "smsd/package/package_priv.h"

/* ---- rows -------------------------------------------------------------------------------- */

void package_row_fini(struct package_row *row)
{
	json_decref(row->content);
	json_decref(row->summary);
	*row = (struct package_row){.id = 0};
}

/* Rows: id, kind, name, version, description, created, imported, source, signer, size, digest,
 * content, summary, whether it is installed. */
static int read_row(const struct store_row *row, struct package_row *ret)
{
	size_t len;
	const void *sha256 = store_row_blob(row, 10, &len);

	*ret = (struct package_row){.id = store_row_integer(row, 0),
	                            .kind = package_kind_find(store_row_text(row, 1)),
	                            .created_ms = store_row_integer(row, 5),
	                            .imported_ms = store_row_integer(row, 6),
	                            .size = (uint64_t)store_row_integer(row, 9),
	                            .installed = store_row_integer(row, 13) != 0};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", store_row_text(row, 2));
	(void)snprintf(ret->version, sizeof(ret->version), "%s", store_row_text(row, 3));
	(void)snprintf(ret->description, sizeof(ret->description), "%s", store_row_text(row, 4));
	(void)snprintf(ret->source, sizeof(ret->source), "%s", store_row_text(row, 7));
	(void)snprintf(ret->signer, sizeof(ret->signer), "%s", store_row_text(row, 8));
	if (len != BLOB_DIGEST || ret->kind == PACKAGE_KIND_END || ret->size > PACKAGE_MAX)
		return SL_EIO;
	memcpy(ret->sha256, sha256, len);
	ret->content =
	        store_row_is_null(row, 11) ? NULL : json_loads(store_row_text(row, 11), 0, NULL);
	ret->summary = json_loads(store_row_text(row, 12), 0, NULL);
	return ret->summary ? 0 : SL_EIO;
}

int package_row_take(void *arg, const struct store_row *row)
{
	struct package_found *found = arg;
	int rc = read_row(row, &found->row);

	found->found = rc == 0;
	return rc ? rc : 1;
}

int package_row_get(struct packages *p, int64_t id, struct package_row *ret_row,
                    struct problem *problem)
{
	const struct store_value value = store_integer(id);
	struct package_found found = {.found = false};
	int rc = store_read(p->store, STORE_PACKAGE, &value, 1, package_row_take, &found);

	if (rc >= 0 && !found.found)
		rc = problem_add(problem, SL_ENOENT, "", "", "there is no package %lld",
		                 (long long)id);
	if (rc < 0) {
		package_row_fini(&found.row);
		return packages_failed(rc, problem);
	}
	*ret_row = found.row;
	return 0;
}

/* ---- shown ------------------------------------------------------------------------------- */

json_t *package_row_show(const struct package_row *row, bool whole)
{
	char created[MOMENT_TEXT_MAX], imported[MOMENT_TEXT_MAX], hex[BLOB_HEX_MAX];
	json_t *shown =
	        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:O, s:b}", "id",
	                  (json_int_t)row->id, "kind", package_kind_name(row->kind), "name",
	                  row->name, "version", row->version, "description", row->description,
	                  "created", moment_text(row->created_ms, created), "imported",
	                  moment_text(row->imported_ms, imported), "source", row->source, "signer",
	                  row->signer, "size", (json_int_t)row->size, "sha256",
	                  blob_digest_text(row->sha256, hex), "summary", row->summary, "installed",
	                  row->installed);

	if (shown && whole && row->content && row->kind == PACKAGE_DECRYPTION)
		(void)json_object_set(shown, "policy", row->content);
	return shown;
}

/* R105: who made an object of the policy's name goes on with that. */
static int is_overridden(struct packages *p, bool *ret_overridden)
{
	struct problem problem = {0};
	struct object object;
	int rc = object_get(p->store, OBJECT_DECRYPTION_POLICY, PUBLISH_POLICY, &object, &problem);

	if (rc == 0)
		object_fini(&object);
	problem_fini(&problem);
	*ret_overridden = rc == 0;
	return rc == SL_ENOENT ? 0 : rc;
}

static int mark(json_t *shown, bool overridden)
{
	const char *kind = json_string_value(json_object_get(shown, "kind"));
	bool is_policy = kind && strcmp(kind, package_kind_name(PACKAGE_DECRYPTION)) == 0;

	if (!is_policy || !json_is_true(json_object_get(shown, "installed")))
		return 0;
	return json_object_set_new(shown, "overridden", json_boolean(overridden));
}

int packages_show(struct packages *packages, int64_t id, json_t **ret_shown,
                  struct problem *problem)
{
	struct package_row row;
	bool overridden = false;
	json_t *shown;
	int rc = package_row_get(packages, id, &row, problem);

	if (rc != 0)
		return rc;
	shown = package_row_show(&row, true);
	package_row_fini(&row);
	rc = is_overridden(packages, &overridden);
	if (rc == 0 && (!shown || mark(shown, overridden) != 0))
		rc = SL_ENOMEM;
	if (rc == 0)
		*ret_shown = shown;
	else
		json_decref(shown);
	return packages_failed(rc, problem);
}

static int take_shown(void *list, const struct store_row *row)
{
	struct package_row package;
	int rc = read_row(row, &package);

	if (rc == 0 && json_array_append_new(list, package_row_show(&package, false)) != 0)
		rc = SL_ENOMEM;
	package_row_fini(&package);
	return rc;
}

int packages_list(struct packages *packages, json_t **ret_list)
{
	json_t *list = json_array(), *shown;
	bool overridden = false;
	size_t i;
	int rc = list ? store_read(packages->store, STORE_PACKAGES, NULL, 0, take_shown, list)
	              : SL_ENOMEM;

	if (rc >= 0)
		rc = is_overridden(packages, &overridden);
	json_array_foreach(list, i, shown)
	{
		if (rc == 0 && mark(shown, overridden) != 0)
			rc = SL_ENOMEM;
	}
	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	*ret_list = list;
	return 0;
}

static int take_install(void *list, const struct store_row *row)
{
	char time[MOMENT_TEXT_MAX];
	json_t *install = json_pack(
	        "{s:I, s:s, s:s, s:s, s:s, s:s}", "package", (json_int_t)store_row_integer(row, 1),
	        "kind", store_row_text(row, 2), "name", store_row_text(row, 3), "version",
	        store_row_text(row, 4), "who", store_row_text(row, 5), "time",
	        moment_text(store_row_integer(row, 6), time));

	return json_array_append_new(list, install) == 0 ? 0 : SL_ENOMEM;
}

int packages_history(struct packages *packages, const char *kind, unsigned limit, json_t **ret_list)
{
	const struct store_value values[] = {store_text(kind ? kind : ""), store_integer(limit)};
	json_t *list = json_array();
	int rc = list ? store_read(packages->store, STORE_PACKAGE_INSTALLS, values, 2, take_install,
	                           list)
	              : SL_ENOMEM;

	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	*ret_list = list;
	return 0;
}

int packages_categories(struct packages *packages, json_t **ret_list)
{
	const struct store_value kind = store_text(package_kind_name(PACKAGE_CATEGORIES));
	struct package_found found = {.found = false};
	json_t *list;
	int rc = store_read(packages->store, STORE_PACKAGE_OF_KIND, &kind, 1, package_row_take,
	                    &found);

	if (rc < 0) {
		package_row_fini(&found.row);
		return rc;
	}
	list = json_object_get(found.row.summary, "categories");
	*ret_list = list ? json_incref(list) : json_array();
	package_row_fini(&found.row);
	return *ret_list ? 0 : SL_ENOMEM;
}
