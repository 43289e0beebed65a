/* SPDX-License-Identifier: Apache-2.0 */
/* Where packages come from: rows, and which of them is looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "smsd/auth/record.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/package/package_priv.h"

enum { MS_PER_MINUTE = 60 * 1000 };

static const struct record_kind kind = {
        .noun = "source",
        .audited = "package source",
        .max = PACKAGES_SOURCES_MAX,
        .all = STORE_PACKAGE_SOURCES,
        .one = STORE_PACKAGE_SOURCE,
        .add = STORE_PACKAGE_SOURCE_ADD,
        .change = STORE_PACKAGE_SOURCE_CHANGE,
        .drop = STORE_PACKAGE_SOURCE_DROP,
};

/* ---- rows -------------------------------------------------------------------------------- */

void source_row_fini(struct source_row *row)
{
	json_decref(row->body);
	*row = (struct source_row){.id = 0};
}

/* Rows: id, name, revision, body, due, checked, error. */
static int read_row(const struct store_row *row, struct source_row *ret)
{
	*ret = (struct source_row){.id = store_row_integer(row, 0),
	                           .revision = store_row_integer(row, 2),
	                           .body = json_loads(store_row_text(row, 3), 0, NULL),
	                           .due_ms = store_row_integer(row, 4),
	                           .checked_ms = store_row_integer(row, 5)};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", store_row_text(row, 1));
	(void)snprintf(ret->error, sizeof(ret->error), "%s", store_row_text(row, 6));
	return ret->body ? 0 : SL_EIO;
}

static int take_one(void *arg, const struct store_row *row)
{
	int rc = read_row(row, arg);

	return rc ? rc : 1;
}

int source_get(struct packages *p, const char *name, struct source_row *ret_row,
               struct problem *problem)
{
	const struct store_value value = store_text(name);
	struct source_row row = {.id = 0};
	int rc = store_read(p->store, STORE_PACKAGE_SOURCE, &value, 1, take_one, &row);

	if (rc >= 0 && row.id == 0)
		rc = record_missing(&kind, name, problem);
	if (rc < 0) {
		source_row_fini(&row);
		return packages_failed(rc, problem);
	}
	*ret_row = row;
	return 0;
}

/* ---- who looks at which ------------------------------------------------------------------ */

bool source_is_checked(struct packages *p, int64_t id)
{
	bool found = false;

	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < PACKAGES_CHECKS; i++)
		found = found || p->checked[i] == id;
	(void)pthread_mutex_unlock(&p->lock);
	return found;
}

static bool claim(struct packages *p, int64_t id)
{
	int64_t *room = NULL;
	bool taken = false;

	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < PACKAGES_CHECKS; i++) {
		taken = taken || p->checked[i] == id;
		if (p->checked[i] == 0)
			room = &p->checked[i];
	}
	if (room && !taken)
		*room = id;
	(void)pthread_mutex_unlock(&p->lock);
	return room && !taken;
}

void source_release(struct packages *p, int64_t id)
{
	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < PACKAGES_CHECKS; i++)
		if (p->checked[i] == id)
			p->checked[i] = 0;
	(void)pthread_mutex_unlock(&p->lock);
}

struct claiming {
	struct packages *p;
	struct source_row *row;
	bool found;
};

static int take_due(void *arg, const struct store_row *row)
{
	struct claiming *c = arg;
	int rc;

	if (!claim(c->p, store_row_integer(row, 0)))
		return 0;
	rc = read_row(row, c->row);
	c->found = true;
	return rc ? rc : 1;
}

int source_claim(struct packages *p, int64_t now_ms, struct source_row *ret_row)
{
	const struct store_value value = store_integer(now_ms);
	struct claiming c = {.p = p, .row = ret_row};
	int rc = store_read(p->store, STORE_PACKAGE_SOURCES_DUE, &value, 1, take_due, &c);

	if (rc >= 0)
		return c.found;
	if (c.found) {
		source_release(p, ret_row->id);
		source_row_fini(ret_row);
	}
	return rc;
}

/* ---- a look's rows ----------------------------------------------------------------------- */

/* The next time; INT64_MAX: by hand alone. */
static int64_t next_ms(const json_t *body, int64_t now_ms)
{
	json_int_t minutes = json_integer_value(json_object_get(body, "minutes"));

	return minutes > 0 ? now_ms + minutes * MS_PER_MINUTE : INT64_MAX;
}

struct step {
	enum store_statement statement;
	const struct store_value *values;
	size_t count;
};

static int run_step(void *arg, struct store_tx *tx)
{
	const struct step *s = arg;

	return store_tx_run(tx, s->statement, s->values, s->count, NULL, NULL);
}

int source_begun(struct packages *p, const struct source_row *row, int64_t now_ms)
{
	const struct store_value values[] = {store_integer(row->id),
	                                     store_integer(next_ms(row->body, now_ms))};
	struct step s = {STORE_PACKAGE_SOURCE_BEGUN, values, 2};

	return store_write(p->store, run_step, &s);
}

int source_ended(struct packages *p, const struct source_row *row, int64_t now_ms,
                 const char *error)
{
	const struct store_value values[] = {store_integer(row->id), store_integer(now_ms),
	                                     store_text(error)};
	struct step s = {STORE_PACKAGE_SOURCE_CHECKED, values, 3};

	return store_write(p->store, run_step, &s);
}

/* ---- looking ----------------------------------------------------------------------------- */

/* From when it is due until what came of it is written: `checked` is moved on in between. */
static bool is_asked(struct packages *p, const struct source_row *row)
{
	return source_is_checked(p, row->id) || row->due_ms <= moment_now_ms();
}

static int show_row(struct packages *p, const struct source_row *row, json_t **ret_shown)
{
	json_t *shown = json_deep_copy(row->body);
	char time[MOMENT_TEXT_MAX];
	int rc = shown ? 0 : SL_ENOMEM;

	rc |= json_object_set_new(shown, "name", json_string(row->name));
	rc |= json_object_set_new(shown, "revision", json_integer(row->revision));
	rc |= json_object_set_new(shown, "checking", json_boolean(is_asked(p, row)));
	if (row->checked_ms > 0)
		rc |= json_object_set_new(shown, "checked",
		                          json_string(moment_text(row->checked_ms, time)));
	if (row->error[0])
		rc |= json_object_set_new(shown, "error", json_string(row->error));
	if (rc != 0) {
		json_decref(shown);
		return SL_ENOMEM;
	}
	*ret_shown = shown;
	return 0;
}

int packages_source_show(struct packages *packages, const char *name, json_t **ret_shown,
                         struct problem *problem)
{
	struct source_row row;
	int rc = source_get(packages, name, &row, problem);

	if (rc != 0)
		return rc;
	rc = show_row(packages, &row, ret_shown);
	source_row_fini(&row);
	return packages_failed(rc, problem);
}

struct listing {
	struct packages *p;
	json_t *list;
};

static int take_shown(void *arg, const struct store_row *row)
{
	struct listing *l = arg;
	struct source_row source;
	json_t *shown = NULL;
	int rc = read_row(row, &source);

	if (rc == 0)
		rc = show_row(l->p, &source, &shown);
	source_row_fini(&source);
	if (rc == 0 && json_array_append_new(l->list, shown) != 0)
		rc = SL_ENOMEM;
	return rc;
}

int packages_source_list(struct packages *packages, json_t **ret_list)
{
	struct listing l = {packages, json_array()};
	int rc =
	        l.list ? store_read(packages->store, STORE_PACKAGE_SOURCES, NULL, 0, take_shown, &l)
	               : SL_ENOMEM;

	if (rc < 0) {
		json_decref(l.list);
		return rc;
	}
	*ret_list = l.list;
	return 0;
}

/* ---- changes ----------------------------------------------------------------------------- */

static int change(void *arg, struct store_tx *tx)
{
	return record_change_tx(tx, arg);
}

static int check_body(const json_t *body, struct problem *problem)
{
	const char *address = json_string_value(json_object_get(body, "address"));
	const char *ca = json_string_value(json_object_get(body, "ca"));
	STACK_OF(X509) * certs;
	struct pki_error err;

	if (!address || !fetch_is_address(address))
		return problem_add(problem, SL_EINVAL, "/address",
		                   "write https://NAME/PATH, or /PATH of a directory of this host",
		                   "this is no address of a source");
	if (!ca || ca[0] == '\0')
		return 0;
	if (address[0] == '/')
		return problem_add(problem, SL_EINVAL, "/ca", "leave it out",
		                   "a directory has no certificate");
	if (pki_certificates_parse("ca", ca, strlen(ca), &certs, &err) != 0)
		return problem_add_pki(problem, "/ca", &err);
	sk_X509_pop_free(certs, X509_free);
	return 0;
}

/* What is kept of what was asked, with the defaults. */
static char *body_text(const json_t *asked)
{
	const char *ca = json_string_value(json_object_get(asked, "ca"));
	const json_t *minutes = json_object_get(asked, "minutes");
	const json_t *automatic = json_object_get(asked, "automatic");
	json_t *body =
	        json_pack("{s:O, s:s, s:I, s:o}", "address", json_object_get(asked, "address"),
	                  "ca", ca ? ca : "", "minutes",
	                  minutes ? json_integer_value(minutes) : (json_int_t)PACKAGES_MINUTES,
	                  "automatic", automatic ? json_deep_copy(automatic) : json_array());
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(body);
	return text;
}

int packages_source_put(struct packages *packages, const struct actor *actor, const char *name,
                        int64_t revision, const json_t *body, struct problem *problem)
{
	struct record_change c = {.kind = &kind,
	                          .actor = actor,
	                          .name = name,
	                          .revision = revision,
	                          .more = moment_now_ms(),
	                          .problem = problem};
	int rc = check_body(body, problem);
	char *text;

	if (rc != 0)
		return rc;
	text = body_text(body);
	c.body = text;
	rc = text ? store_write(packages->store, change, &c) : SL_ENOMEM;
	free(text);
	return packages_failed(rc, problem);
}

int packages_source_delete(struct packages *packages, const struct actor *actor, const char *name,
                           int64_t revision, struct problem *problem)
{
	struct record_change c = {.kind = &kind,
	                          .actor = actor,
	                          .name = name,
	                          .revision = revision,
	                          .problem = problem};

	return packages_failed(store_write(packages->store, change, &c), problem);
}

static int make_due(void *arg, struct store_tx *tx)
{
	const struct record_change *c = arg;
	const struct store_value values[] = {store_text(c->name), store_integer(moment_now_ms())};
	int rc;

	problem_fini(c->problem);
	rc = store_tx_run(tx, STORE_PACKAGE_SOURCE_DUE, values, 2, NULL, NULL);
	if (rc == 0 && store_tx_changed(tx) == 0)
		return record_missing(c->kind, c->name, c->problem);
	return rc ? rc : record_audit_tx(tx, c->kind, c->actor, "check", c->name);
}

int packages_source_check(struct packages *packages, const struct actor *actor, const char *name,
                          struct problem *problem)
{
	struct record_change c = {.kind = &kind, .actor = actor, .name = name, .problem = problem};

	return packages_failed(store_write(packages->store, make_due, &c), problem);
}
