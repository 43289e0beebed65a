/* SPDX-License-Identifier: Apache-2.0 */
/* What is installed: a row more, never a row changed. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/package/package_priv.h"

/* ---- rows -------------------------------------------------------------------------------- */

static int drop_old(struct store_tx *tx, enum package_kind kind)
{
	const struct store_value values[] = {store_text(package_kind_name(kind)),
	                                     store_integer(PACKAGES_INSTALLS_KEPT)};

	return store_tx_run(tx, STORE_PACKAGE_INSTALLS_DROP, values, 2, NULL, NULL);
}

static int audit(struct store_tx *tx, const struct actor *actor, const struct package_row *row,
                 const char *action)
{
	json_t *after = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)row->id, "kind",
	                          package_kind_name(row->kind), "version", row->version);
	char *text = after ? json_dumps(after, JSON_COMPACT) : NULL;
	const struct audit_line line = {
	        .action = action, .kind = "package", .name = row->name, .after = text};
	int rc = text ? audit_add(tx, actor, &line) : SL_ENOMEM;

	free(text);
	json_decref(after);
	return rc;
}

int install_tx(struct store_tx *tx, const struct actor *actor, const struct package_row *row,
               bool install)
{
	const struct store_value values[] = {store_text(package_kind_name(row->kind)),
	                                     store_integer(install ? row->id : 0),
	                                     store_text(row->name),
	                                     store_text(row->version),
	                                     store_text(actor->name),
	                                     store_integer(moment_now_ms())};
	int rc = store_tx_run(tx, STORE_PACKAGE_INSTALL_ADD, values, 6, NULL, NULL);

	if (rc == 0)
		rc = drop_old(tx, row->kind);
	return rc ? rc : audit(tx, actor, row, install ? "install" : "uninstall");
}

/* ---- changes ----------------------------------------------------------------------------- */

struct change {
	const struct actor *actor;
	int64_t id;
	struct package_found found;
	bool believed;
	enum package_kind kind;
	struct problem *problem;
};

static int get(struct store_tx *tx, struct change *c)
{
	const struct store_value value = store_integer(c->id);
	int rc;

	problem_fini(c->problem);
	package_row_fini(&c->found.row);
	c->found.found = false;
	rc = store_tx_run(tx, STORE_PACKAGE, &value, 1, package_row_take, &c->found);
	if (rc < 0)
		return rc;
	c->kind = c->found.row.kind;
	return c->found.found ? 0
	                      : problem_add(c->problem, SL_ENOENT, "", "",
	                                    "there is no package %lld", (long long)c->id);
}

static int take_signer(void *arg, const struct store_row *row)
{
	struct change *c = arg;

	c->believed = c->believed || strcmp(store_row_text(row, 1), c->found.row.signer) == 0;
	return 0;
}

static int install(void *arg, struct store_tx *tx)
{
	struct change *c = arg;
	int rc = get(tx, c);

	if (rc != 0)
		return rc;
	if (c->found.row.installed)
		return problem_add(c->problem, SL_EEXIST, "", "", "it is installed");
	c->believed = false;
	rc = store_tx_run(tx, STORE_PACKAGE_KEYS, NULL, 0, take_signer, c);
	if (rc < 0)
		return rc;
	if (!c->believed)
		return problem_add(c->problem, SL_EMISMATCH, "",
		                   "add the key again, if it is right",
		                   "it was signed by a key that is not trusted any more: %s",
		                   c->found.row.signer);
	return install_tx(tx, c->actor, &c->found.row, true);
}

static int uninstall(void *arg, struct store_tx *tx)
{
	struct change *c = arg;
	int rc = get(tx, c);

	if (rc == 0 && !c->found.row.installed)
		rc = problem_add(c->problem, SL_EBUSY, "", "", "it is not installed");
	return rc ? rc : install_tx(tx, c->actor, &c->found.row, false);
}

static int drop(void *arg, struct store_tx *tx)
{
	struct change *c = arg;
	const struct store_value value = store_integer(c->id);
	int rc = get(tx, c);

	if (rc == 0 && c->found.row.installed)
		rc = problem_add(c->problem, SL_EBUSY, "", "uninstall it, or install another",
		                 "it is installed");
	if (rc == 0)
		rc = store_tx_run(tx, STORE_PACKAGE_DROP, &value, 1, NULL, NULL);
	if (rc == 0)
		rc = passed_delete_tx(tx, c->found.row.sha256);
	return rc ? rc : audit(tx, c->actor, &c->found.row, "delete");
}

static int run(struct packages *p, struct change *c, store_tx_fn *fn, bool tell)
{
	int rc = store_write(p->store, fn, c);

	if (rc == 0 && tell && p->installed)
		p->installed(p->installed_arg, c->kind);
	package_row_fini(&c->found.row);
	return packages_failed(rc, c->problem);
}

int packages_install(struct packages *packages, const struct actor *actor, int64_t id,
                     struct problem *problem)
{
	struct change c = {.actor = actor, .id = id, .problem = problem};

	return run(packages, &c, install, true);
}

int packages_uninstall(struct packages *packages, const struct actor *actor, int64_t id,
                       struct problem *problem)
{
	struct change c = {.actor = actor, .id = id, .problem = problem};

	return run(packages, &c, uninstall, true);
}

int packages_delete(struct packages *packages, const struct actor *actor, int64_t id,
                    struct problem *problem)
{
	struct change c = {.actor = actor, .id = id, .problem = problem};

	return run(packages, &c, drop, false);
}

/* ---- what is installed ------------------------------------------------------------------- */

/* The bytes again, and whose they are: a row of the database alone is believed nothing. */
static int read_content(struct packages *p, const struct package_row *row, struct buf *out,
                        struct problem *problem)
{
	struct trusted trusted;
	struct package *package;
	struct pki_error err;
	struct buf bytes;
	int rc = trusted_load(p, &trusted, problem);

	if (rc != 0)
		return rc;
	buf_init(&bytes, (size_t)row->size + 1);
	rc = blob_read(p->store, row->sha256, 0, (size_t)row->size, &bytes);
	if (rc == 0 &&
	    package_open(bytes.data, bytes.len, row->kind, &trusted.keys, &package, &err) != 0) {
		rc = problem_add(problem, SL_EMISMATCH, "", err.remedy, "%s", err.text);
	} else if (rc == 0) {
		rc = package_read(package, publish_section(row->kind), out);
		package_close(package);
	}
	buf_fini(&bytes);
	trusted_fini(&trusted);
	return packages_failed(rc, problem);
}

static int get_of_kind(struct packages *p, enum package_kind kind, struct package_found *found)
{
	const struct store_value value = store_text(package_kind_name(kind));

	*found = (struct package_found){.found = false};
	return store_read(p->store, STORE_PACKAGE_OF_KIND, &value, 1, package_row_take, found);
}

int package_installed(struct packages *packages, enum package_kind kind, struct buf *out,
                      struct problem *problem)
{
	struct package_found found;
	int rc = get_of_kind(packages, kind, &found);

	if (rc >= 0 && !found.found)
		rc = problem_add(problem, SL_ENOENT, "", "", "no package of %s is installed",
		                 package_kind_title(kind));
	if (rc >= 0)
		rc = read_content(packages, &found.row, out, problem);
	package_row_fini(&found.row);
	return packages_failed(rc < 0 ? rc : 0, problem);
}

/* ---- against what is installed ----------------------------------------------------------- */

static int diff(struct packages *p, const struct package_row *to, const struct package_found *from,
                json_t **ret_diff, struct problem *problem)
{
	size_t max = (size_t)SL_MAX(publish_content_max(to->kind), UINT64_C(1));
	struct buf old_content, content;
	json_t *found = NULL;
	int rc = 0;

	buf_init(&old_content, max);
	buf_init(&content, max);
	if (from->found)
		rc = read_content(p, &from->row, &old_content, problem);
	if (rc == 0)
		rc = read_content(p, to, &content, problem);
	if (rc == 0)
		rc = publish_content_diff(to->kind, old_content.data, old_content.len, content.data,
		                          content.len, &found);
	if (rc == 0) {
		(void)json_object_set_new(found, "to", json_string(to->version));
		if (from->found)
			(void)json_object_set_new(found, "from", json_string(from->row.version));
		*ret_diff = found;
	}
	buf_fini(&old_content);
	buf_fini(&content);
	return packages_failed(rc, problem);
}

int packages_diff(struct packages *packages, int64_t id, json_t **ret_diff, struct problem *problem)
{
	struct package_found from = {.found = false};
	struct package_row to;
	int rc = package_row_get(packages, id, &to, problem);

	if (rc != 0)
		return rc;
	(void)pthread_mutex_lock(&packages->importing);
	rc = get_of_kind(packages, to.kind, &from);
	rc = rc < 0 ? packages_failed(rc, problem) : diff(packages, &to, &from, ret_diff, problem);
	(void)pthread_mutex_unlock(&packages->importing);
	package_row_fini(&from.row);
	package_row_fini(&to);
	return rc;
}
