/* SPDX-License-Identifier: Apache-2.0 */
/* Servers as rows, and what people change of them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "smsd/base/problem.h"
#include "smsd/forward/forward_priv.h"

/* ---- rows -------------------------------------------------------------------------------- */

void target_row_fini(struct target_row *row)
{
	json_decref(row->body);
	*row = (struct target_row){.id = 0};
}

/* Rows: id, name, revision, body, arrival, seq, sent, skipped, skipped_ms, failing_ms, enabled. */
static int read_row(const struct store_row *row, struct target_row *ret)
{
	*ret = (struct target_row){.id = store_row_integer(row, 0),
	                           .revision = store_row_integer(row, 2),
	                           .body = json_loads(store_row_text(row, 3), 0, NULL),
	                           .at = {.row = store_row_integer(row, 4),
	                                  .seq = (uint64_t)store_row_integer(row, 5)},
	                           .sent = store_row_integer(row, 6),
	                           .skipped = store_row_integer(row, 7),
	                           .skipped_ms = store_row_integer(row, 8),
	                           .failing_ms = store_row_integer(row, 9),
	                           .enabled = store_row_integer(row, 10) != 0};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", store_row_text(row, 1));
	return ret->body ? 0 : SL_EIO;
}

static int take_one(void *arg, const struct store_row *row)
{
	int rc = read_row(row, arg);

	return rc ? rc : 1;
}

static int get_one(struct store *store, enum store_statement statement,
                   const struct store_value *value, struct target_row *ret_row)
{
	struct target_row row = {.id = 0};
	int rc = store_read(store, statement, value, 1, take_one, &row);

	if (rc >= 0 && row.id != 0) {
		*ret_row = row;
		return 0;
	}
	target_row_fini(&row);
	return rc < 0 ? rc : SL_ENOENT;
}

int target_by_id(struct store *store, int64_t id, struct target_row *ret_row)
{
	const struct store_value value = store_integer(id);

	return get_one(store, STORE_SYSLOG_TARGET_BY_ID, &value, ret_row);
}

int target_by_name(struct store *store, const char *name, struct target_row *ret_row)
{
	const struct store_value value = store_text(name);

	return get_one(store, STORE_SYSLOG_TARGET, &value, ret_row);
}

struct all_rows {
	struct target_row rows[FORWARD_TARGETS_MAX];
	size_t count;
};

static int take_row(void *arg, const struct store_row *row)
{
	struct all_rows *all = arg;

	if (all->count == FORWARD_TARGETS_MAX)
		return 1;
	return read_row(row, &all->rows[all->count++]);
}

/* A row's function may ask the store, which one within a read may not. */
int target_each(struct store *store, target_fn *fn, void *arg)
{
	struct all_rows all = {.count = 0};
	int rc = SL_MIN(store_read(store, STORE_SYSLOG_TARGETS, NULL, 0, take_row, &all), 0);

	for (size_t i = 0; i < all.count; i++) {
		if (rc == 0)
			rc = fn(arg, &all.rows[i]);
		else
			target_row_fini(&all.rows[i]);
	}
	return rc;
}

const char *target_text(const struct target_row *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row->body, key));

	return text ? text : "";
}

int64_t target_number(const struct target_row *row, const char *key)
{
	return json_integer_value(json_object_get(row->body, key));
}

static int drop_old(struct store_tx *tx)
{
	return store_tx_run(tx, STORE_ARRIVAL_DROP_OLD, NULL, 0, NULL, NULL);
}

static int save(void *arg, struct store_tx *tx)
{
	const struct target_row *row = arg;
	const struct store_value values[] = {store_integer(row->id),
	                                     store_integer(row->at.row),
	                                     store_integer((int64_t)row->at.seq),
	                                     store_integer(row->sent),
	                                     store_integer(row->skipped),
	                                     store_integer(row->skipped_ms),
	                                     store_integer(row->failing_ms)};
	int rc = store_tx_run(tx, STORE_SYSLOG_TARGET_AT, values, SL_ARRAY_LEN(values), NULL, NULL);

	return rc ? rc : drop_old(tx);
}

int target_save(struct store *store, const struct target_row *row)
{
	struct target_row copy = *row;

	return store_write(store, save, &copy);
}

/* ---- changes ----------------------------------------------------------------------------- */

const struct record_kind target_kind = {
        .noun = "syslog server",
        .audited = "syslog server",
        .max = FORWARD_TARGETS_MAX,
        .all = STORE_SYSLOG_TARGETS,
        .one = STORE_SYSLOG_TARGET,
        .add = STORE_SYSLOG_TARGET_ADD,
        .change = STORE_SYSLOG_TARGET_CHANGE,
        .drop = STORE_SYSLOG_TARGET_DROP,
};

static int change(void *arg, struct store_tx *tx)
{
	int rc = record_change_tx(tx, arg);

	return rc ? rc : drop_old(tx);
}

static int run_change(struct forward *forward, struct record_change *c)
{
	int rc = store_write(forward->store, change, c);

	if (rc == 0)
		rc = forward_changed(forward);
	return problem_tell(c->problem, rc);
}

/* ---- what is asked ----------------------------------------------------------------------- */

static bool is_host(const char *host)
{
	size_t len = strlen(host);

	for (const char *at = host; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr(".-_:", *at))
			return false;
	return len > 0 && len <= FORWARD_HOST_MAX && host[0] != '-';
}

static int check_kinds(const json_t *kinds, struct problem *problem)
{
	const json_t *kind;
	char pointer[32];
	size_t i;

	json_array_foreach(kinds, i, kind)
	{
		const char *text = json_string_value(kind);
		size_t len = text ? strlen(text) : 0;

		if (len > 0 && len <= MESSAGE_KIND_MAX &&
		    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len)
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/kinds/%zu", i);
		return problem_add(problem, SL_EINVAL, pointer,
		                   "write it as event_type has it: ssl_inspection, system, ...",
		                   "no event is of the kind \"%.32s\"", text ? text : "");
	}
	return 0;
}

static int check_ca(const char *ca, bool tls, struct problem *problem)
{
	STACK_OF(X509) * certs;
	struct pki_error err;

	if (!ca || ca[0] == '\0')
		return 0;
	if (!tls)
		return problem_add(problem, SL_EINVAL, "/ca", "leave it out, or set transport: tls",
		                   "a server without TLS has no certificate");
	if (pki_certificates_parse("ca", ca, strlen(ca), &certs, &err) != 0)
		return problem_add_pki(problem, "/ca", &err);
	sk_X509_pop_free(certs, X509_free);
	return 0;
}

static bool is_tls(const json_t *asked)
{
	const char *transport = json_string_value(json_object_get(asked, "transport"));

	return !transport || strcmp(transport, "tls") == 0;
}

static int check_body(const json_t *asked, struct problem *problem)
{
	const char *host = json_string_value(json_object_get(asked, "host"));
	int rc;

	if (!host || !is_host(host))
		return problem_add(problem, SL_EINVAL, "/host", "write a name of DNS or an address",
		                   "this is no host");
	rc = check_kinds(json_object_get(asked, "kinds"), problem);
	return rc ? rc
	          : check_ca(json_string_value(json_object_get(asked, "ca")), is_tls(asked),
	                     problem);
}

static json_int_t number_or(const json_t *asked, const char *key, json_int_t fallback)
{
	json_int_t value = json_integer_value(json_object_get(asked, key));

	return value ? value : fallback;
}

/* What is kept of what was asked, with the defaults. */
static char *body_text(const json_t *asked, bool *ret_enabled)
{
	const char *ca = json_string_value(json_object_get(asked, "ca"));
	const json_t *kinds = json_object_get(asked, "kinds");
	const json_t *enabled = json_object_get(asked, "enabled");
	bool tls = is_tls(asked);
	json_t *body;
	char *text;

	*ret_enabled = !json_is_false(enabled);
	body = json_pack("{s:O, s:I, s:s, s:s, s:o, s:b, s:I}", "host",
	                 json_object_get(asked, "host"), "port",
	                 number_or(asked, "port", tls ? FORWARD_PORT_TLS : FORWARD_PORT_TCP),
	                 "transport", tls ? "tls" : "tcp", "ca", ca ? ca : "", "kinds",
	                 kinds ? json_deep_copy(kinds) : json_array(), "enabled", *ret_enabled,
	                 "spool", number_or(asked, "spool", FORWARD_SPOOL));
	text = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(body);
	return text;
}

int forward_put(struct forward *forward, const struct actor *actor, const char *name,
                int64_t revision, const json_t *body, struct problem *problem)
{
	struct record_change c = {.kind = &target_kind,
	                          .actor = actor,
	                          .name = name,
	                          .revision = revision,
	                          .problem = problem};
	int rc = check_body(body, problem);
	bool enabled;
	char *text;

	if (rc != 0)
		return rc;
	text = body_text(body, &enabled);
	c.body = text;
	c.more = enabled;
	rc = text ? run_change(forward, &c) : problem_tell(problem, SL_ENOMEM);
	free(text);
	return rc;
}

int forward_delete(struct forward *forward, const struct actor *actor, const char *name,
                   int64_t revision, struct problem *problem)
{
	struct record_change c = {.kind = &target_kind,
	                          .actor = actor,
	                          .name = name,
	                          .revision = revision,
	                          .problem = problem};

	return run_change(forward, &c);
}
