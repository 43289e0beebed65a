/* SPDX-License-Identifier: Apache-2.0 */
/* The public keys that packages are believed by. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/package/package_priv.h"

/* ---- all of them ------------------------------------------------------------------------- */

struct taking {
	struct trusted *trusted;
	struct pki_error err;
};

/* Rows: name, fingerprint, PEM, when. */
static int take_trusted(void *arg, const struct store_row *row)
{
	struct taking *t = arg;
	struct trusted *to = t->trusted;
	const char *pem = store_row_text(row, 2);
	size_t at = to->keys.count;
	int rc;

	if (at == PACKAGE_KEYS_MAX)
		return SL_EIO;
	rc = package_keys_parse(&to->keys, store_row_text(row, 0), pem, strlen(pem), &t->err);
	if (rc != 0)
		return rc;
	if (to->keys.count != at + 1)
		return SL_EIO;
	(void)snprintf(to->fingerprint[at], sizeof(to->fingerprint[at]), "%s",
	               store_row_text(row, 1));
	to->pem[at] = strdup(pem);
	return to->pem[at] ? 0 : SL_ENOMEM;
}

int trusted_load(struct packages *p, struct trusted *ret_trusted, struct problem *problem)
{
	struct taking t = {.trusted = ret_trusted};
	int rc;

	memset(ret_trusted, 0, sizeof(*ret_trusted));
	rc = store_read(p->store, STORE_PACKAGE_KEYS, NULL, 0, take_trusted, &t);
	if (rc < 0)
		trusted_fini(ret_trusted);
	return packages_failed(rc < 0 ? rc : 0, problem);
}

void trusted_fini(struct trusted *trusted)
{
	package_keys_fini(&trusted->keys);
	for (size_t i = 0; i < PACKAGE_KEYS_MAX; i++)
		free(trusted->pem[i]);
	memset(trusted, 0, sizeof(*trusted));
}

static int show_key(void *list, const struct store_row *row)
{
	char made[MOMENT_TEXT_MAX];
	json_t *key = json_pack("{s:s, s:s, s:s}", "name", store_row_text(row, 0), "fingerprint",
	                        store_row_text(row, 1), "made",
	                        moment_text(store_row_integer(row, 3), made));

	return json_array_append_new(list, key) == 0 ? 0 : SL_ENOMEM;
}

int packages_key_list(struct packages *packages, json_t **ret_list)
{
	json_t *list = json_array();
	int rc = list ? store_read(packages->store, STORE_PACKAGE_KEYS, NULL, 0, show_key, list)
	              : SL_ENOMEM;

	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	*ret_list = list;
	return 0;
}

/* ---- changes ----------------------------------------------------------------------------- */

struct change {
	const struct actor *actor;
	const char *name, *pem;
	char fingerprint[PACKAGE_FINGERPRINT_MAX];
	size_t count;
	char kind[64]; /* of a package that is installed, and signed by it */
	struct problem *problem;
};

static int audit(struct store_tx *tx, const struct change *c, const char *action)
{
	json_t *key = json_pack("{s:s}", "fingerprint", c->fingerprint);
	char *text = key ? json_dumps(key, JSON_COMPACT) : NULL;
	const struct audit_line line = {.action = action,
	                                .kind = "package key",
	                                .name = c->name,
	                                .after = c->pem ? text : NULL};
	int rc = text ? audit_add(tx, c->actor, &line) : SL_ENOMEM;

	free(text);
	json_decref(key);
	return rc;
}

static int count_row(void *arg, const struct store_row *row)
{
	(void)row;
	(*(size_t *)arg)++;
	return 0;
}

static int add(void *arg, struct store_tx *tx)
{
	struct change *c = arg;
	const struct store_value values[] = {store_text(c->name), store_text(c->fingerprint),
	                                     store_text(c->pem), store_integer(moment_now_ms())};
	int rc;

	problem_fini(c->problem);
	c->count = 0;
	rc = store_tx_run(tx, STORE_PACKAGE_KEYS, NULL, 0, count_row, &c->count);
	if (rc < 0)
		return rc;
	if (c->count >= PACKAGE_KEYS_MAX)
		return problem_add(c->problem, SL_ELIMIT, "", "delete one that is not in use",
		                   "there are %d keys", PACKAGE_KEYS_MAX);
	rc = store_tx_run(tx, STORE_PACKAGE_KEY_ADD, values, 4, NULL, NULL);
	if (rc == SL_EEXIST)
		return problem_add(c->problem, rc, "/name", "name it otherwise, or leave it",
		                   "there is a key of this name, or this key has another name");
	return rc ? rc : audit(tx, c, "create");
}

int packages_key_add(struct packages *packages, const struct actor *actor, const char *name,
                     const char *pem, struct problem *problem)
{
	struct change c = {.actor = actor, .name = name, .pem = pem, .problem = problem};
	struct package_keys keys = {.count = 0};
	struct pki_error err;
	int rc = package_keys_parse(&keys, "pem", pem, strlen(pem), &err);

	if (rc != 0)
		rc = problem_add_pki(problem, "/pem", &err);
	else if (keys.count != 1)
		rc = problem_add(problem, SL_EINVAL, "/pem", "add them one by one",
		                 "there are %zu keys in it", keys.count);
	else
		rc = package_key_fingerprint(keys.items[0], c.fingerprint);
	package_keys_fini(&keys);
	if (rc == 0)
		rc = store_write(packages->store, add, &c);
	if (rc == 0)
		passed_keys_changed(packages);
	return packages_failed(rc, problem);
}

static int take_kind(void *arg, const struct store_row *row)
{
	struct change *c = arg;

	(void)snprintf(c->kind, sizeof(c->kind), "%s", store_row_text(row, 0));
	return 1;
}

static int drop(void *arg, struct store_tx *tx)
{
	struct change *c = arg;
	const struct store_value name = store_text(c->name);
	int rc;

	problem_fini(c->problem);
	c->kind[0] = '\0';
	rc = store_tx_run(tx, STORE_PACKAGE_KEY_OF_INSTALLED, &name, 1, take_kind, c);
	if (rc < 0)
		return rc;
	if (c->kind[0])
		return problem_add(c->problem, SL_EBUSY, "",
		                   "install another package of the kind, or uninstall it",
		                   "the package of %.32s that is installed was signed by it",
		                   c->kind);
	rc = store_tx_run(tx, STORE_PACKAGE_KEY_DROP, &name, 1, NULL, NULL);
	if (rc == 0 && store_tx_changed(tx) == 0)
		return problem_add(c->problem, SL_ENOENT, "", "", "there is no key \"%.64s\"",
		                   c->name);
	return rc ? rc : audit(tx, c, "delete");
}

int packages_key_delete(struct packages *packages, const struct actor *actor, const char *name,
                        struct problem *problem)
{
	struct change c = {.actor = actor, .name = name, .problem = problem};

	return packages_failed(store_write(packages->store, drop, &c), problem);
}
