/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/auth/record.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"

int record_missing(const struct record_kind *kind, const char *name, struct problem *problem)
{
	return problem_add(problem, SL_ENOENT, "", "", "there is no %s \"%.64s\"", kind->noun,
	                   name);
}

static int audit(struct store_tx *tx, const struct record_change *c, const char *action,
                 const char *before)
{
	const struct audit_line line = {.action = action,
	                                .kind = c->kind->audited,
	                                .name = c->name,
	                                .before = before,
	                                .after = c->body};

	return audit_add(tx, c->actor, &line);
}

int record_audit_tx(struct store_tx *tx, const struct record_kind *kind, const struct actor *actor,
                    const char *action, const char *name)
{
	const struct record_change none = {.kind = kind, .actor = actor, .name = name};

	return audit(tx, &none, action, NULL);
}

static int count_row(void *arg, const struct store_row *row)
{
	(void)row;
	(*(unsigned *)arg)++;
	return 0;
}

static int make(struct store_tx *tx, const struct record_change *c)
{
	const struct store_value values[] = {store_text(c->name), store_text(c->body),
	                                     store_integer(c->more)};
	unsigned count = 0;
	int rc = store_tx_run(tx, c->kind->all, NULL, 0, count_row, &count);

	if (rc < 0)
		return rc;
	if (count >= c->kind->max)
		return problem_add(c->problem, SL_ELIMIT, "", "delete one", "there are %u %ss",
		                   c->kind->max, c->kind->noun);
	rc = store_tx_run(tx, c->kind->add, values, SL_ARRAY_LEN(values), NULL, NULL);
	if (rc == SL_EEXIST)
		return problem_add(c->problem, rc, "/name", "name it otherwise, or change that one",
		                   "there is a %s \"%.64s\"", c->kind->noun, c->name);
	return rc ? rc : audit(tx, c, "create", NULL);
}

/* A row as it was. */
struct was {
	int64_t revision; /* 0: there is none */
	char *body;
};

static int take_was(void *arg, const struct store_row *row)
{
	struct was *was = arg;

	was->revision = store_row_integer(row, 2);
	was->body = strdup(store_row_text(row, 3));
	return was->body ? 1 : SL_ENOMEM;
}

/* What is there must be what was seen. */
static int get_seen(struct store_tx *tx, const struct record_change *c, struct was *was)
{
	const struct store_value name = store_text(c->name);
	int rc = store_tx_run(tx, c->kind->one, &name, 1, take_was, was);

	if (rc < 0)
		return rc;
	if (was->revision == 0)
		return record_missing(c->kind, c->name, c->problem);
	if (was->revision != c->revision)
		return problem_add(c->problem, SL_ECONFLICT, "", "look at it again",
		                   "the %s was changed meanwhile", c->kind->noun);
	return 0;
}

static int put(struct store_tx *tx, const struct record_change *c)
{
	const struct store_value values[] = {store_text(c->name), store_integer(c->revision + 1),
	                                     store_text(c->body), store_integer(c->more)};

	if (!c->body)
		return store_tx_run(tx, c->kind->drop, values, 1, NULL, NULL);
	return store_tx_run(tx, c->kind->change, values, SL_ARRAY_LEN(values), NULL, NULL);
}

int record_change_tx(struct store_tx *tx, const struct record_change *change)
{
	struct was was = {.revision = 0};
	int rc;

	problem_fini(change->problem);
	if (change->body && change->revision == 0)
		return make(tx, change);
	rc = get_seen(tx, change, &was);
	if (rc == 0)
		rc = put(tx, change);
	if (rc == 0)
		rc = audit(tx, change, change->body ? "change" : "delete", was.body);
	free(was.body);
	return rc;
}
