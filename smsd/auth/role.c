/* SPDX-License-Identifier: Apache-2.0 */
/* Roles: those that are always there (role.def), and those that were made here of others (R134). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/auth/people.h"
#include "smsd/base/problem.h"

enum { USERS_TOLD = 16 };

/* As it is shown and as the store has it. */
struct role {
	char name[ROLE_NAME_MAX];
	int64_t revision; /* 0: there is none */
	uint64_t may;
	char made_from[ROLE_NAME_MAX];
	char comment[PEOPLE_COMMENT_MAX + 1];
};

#define ROLE_EVERYTHING UINT64_MAX

static const struct {
	const char *name;
	uint64_t may;
	const char *help;
} defaults[] = {
#define X(NAME, name, capabilities, source, help) {name, capabilities, help},
#include "smsd/auth/role.def"
#undef X
};

static bool default_role(const char *name, struct role *ret_role)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(defaults); i++) {
		if (strcmp(defaults[i].name, name) != 0)
			continue;
		*ret_role = (struct role){.revision = 1,
		                          .may = auth_capability_closure(defaults[i].may)};
		(void)snprintf(ret_role->name, sizeof(ret_role->name), "%s", name);
		(void)snprintf(ret_role->comment, sizeof(ret_role->comment), "%s",
		               defaults[i].help);
		return true;
	}
	return false;
}

uint64_t role_may(const char *name, const char *text)
{
	struct role role;

	return default_role(name, &role) ? role.may : scopes_read(text);
}

/* ---- of the store ------------------------------------------------------------------------ */

static void take_row(const struct store_row *row, struct role *ret_role)
{
	(void)snprintf(ret_role->name, ROLE_NAME_MAX, "%s", store_row_text(row, 0));
	ret_role->revision = store_row_integer(row, 1);
	ret_role->may = scopes_read(store_row_text(row, 2));
	(void)snprintf(ret_role->made_from, ROLE_NAME_MAX, "%s", store_row_text(row, 3));
	(void)snprintf(ret_role->comment, sizeof(ret_role->comment), "%s", store_row_text(row, 4));
}

static int take_role(void *arg, const struct store_row *row)
{
	take_row(row, arg);
	return 0;
}

static int no_role(struct problem *problem, const char *name)
{
	return problem_add(problem, SL_ENOENT, "", "GET /api/v1/roles lists them",
	                   "there is no role \"%.64s\"", name);
}

/* revision 0 when there is none. */
static int read_tx(struct store_tx *tx, const char *name, struct role *ret_role)
{
	const struct store_value value = store_text(name);

	if (default_role(name, ret_role))
		return 0;
	*ret_role = (struct role){0};
	return store_tx_run(tx, STORE_ROLE_BY_NAME, &value, 1, take_role, ret_role);
}

int role_find(struct store_tx *tx, const char *name, uint64_t *ret_may)
{
	struct role role;
	int rc = read_tx(tx, name, &role);

	if (rc == 0 && role.revision == 0)
		rc = SL_ENOENT;
	if (rc == 0)
		*ret_may = role.may;
	return rc;
}

/* ---- looked at --------------------------------------------------------------------------- */

static json_t *role_value(const struct role *role)
{
	struct role found;

	return json_pack("{s:s, s:b, s:s, s:s, s:o, s:I}", "name", role->name, "default",
	                 default_role(role->name, &found), "from", role->made_from, "comment",
	                 role->comment, "capabilities", auth_capability_list(role->may), "revision",
	                 (json_int_t)role->revision);
}

static int add_role(void *arg, const struct store_row *row)
{
	struct role role;
	json_t *value;

	take_row(row, &role);
	value = role_value(&role);
	if (!value)
		return SL_EIO;
	return json_array_append_new(arg, value) == 0 ? 0 : SL_ENOMEM;
}

static json_t *default_list(void)
{
	json_t *list = json_array();
	struct role role;

	for (size_t i = 0; i < SL_ARRAY_LEN(defaults); i++)
		if (default_role(defaults[i].name, &role))
			(void)json_array_append_new(list, role_value(&role));
	return list;
}

int role_list(struct store *store, json_t **ret_list, struct problem *problem)
{
	json_t *list = default_list();
	int rc = list ? store_read(store, STORE_ROLE_LIST, NULL, 0, add_role, list) : SL_ENOMEM;

	if (rc == 0)
		*ret_list = list;
	else
		json_decref(list);
	return problem_tell(problem, rc);
}

int role_show(struct store *store, const char *name, json_t **ret_shown, struct problem *problem)
{
	const struct store_value value = store_text(name);
	struct role role = {0};
	int rc = 0;

	if (!default_role(name, &role))
		rc = store_read(store, STORE_ROLE_BY_NAME, &value, 1, take_role, &role);
	if (rc == 0 && role.revision == 0)
		rc = no_role(problem, name);
	if (rc == 0) {
		*ret_shown = role_value(&role);
		rc = *ret_shown ? 0 : SL_ENOMEM;
	}
	return problem_tell(problem, rc);
}

/* ---- changes ----------------------------------------------------------------------------- */

struct changing {
	const struct auth_identity *by;
	const char *name, *from;
	int64_t revision;
	const struct role_change *what;
	struct problem *problem;
};

static char *role_text(const struct role *role)
{
	json_t *value =
	        json_pack("{s:o, s:s, s:s}", "capabilities", auth_capability_list(role->may),
	                  "comment", role->comment, "from", role->made_from);
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(value);
	return text;
}

/* `before` and `after` NULL: it was not, it is not. */
static int audit_role(struct store_tx *tx, const struct changing *c, const char *action,
                      const struct role *before, const struct role *after)
{
	char *old = before ? role_text(before) : NULL, *new = after ? role_text(after) : NULL;
	const struct audit_line line = {
	        .action = action, .kind = "role", .name = c->name, .before = old, .after = new};
	int rc = (before && !old) || (after && !new) ? SL_ENOMEM
	                                             : audit_add(tx, &c->by->actor, &line);

	free(old);
	free(new);
	return rc;
}

/* What is said into the role, which who says it has to have whole. */
static int apply(const struct changing *c, struct role *role)
{
	if (c->what->capabilities)
		role->may = auth_capability_closure(*c->what->capabilities);
	if (c->what->comment)
		(void)snprintf(role->comment, sizeof(role->comment), "%s", c->what->comment);
	return people_check_within(c->by, role->may, "/capabilities", c->problem);
}

static int check_room(struct store_tx *tx, struct problem *problem)
{
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_ROLE_COUNT, NULL, 0, auth_take_integer, &count);

	if (rc != 0 || count < ROLES_MAX)
		return rc;
	return problem_add(problem, SL_EBUSY, "", "delete what is not needed",
	                   "there are %d roles, the most that one SMS keeps", ROLES_MAX);
}

/* ROLE_ADD or ROLE_CHANGE, which take the same. */
static int write_role(struct store_tx *tx, enum store_statement statement, const struct role *role)
{
	char may[SCOPES_TEXT_MAX];
	struct store_value values[] = {store_text(role->name), store_integer(role->revision),
	                               store_null(), store_text(role->made_from),
	                               store_text(role->comment)};

	scopes_write(role->may, may);
	values[2] = store_text(may);
	return store_tx_run(tx, statement, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int add_new(struct store_tx *tx, const struct changing *c, const struct role *role)
{
	int rc = write_role(tx, STORE_ROLE_ADD, role);

	if (rc == SL_EEXIST)
		return problem_add(c->problem, rc, "/name", "choose another name",
		                   "there is a role \"%s\" already", role->name);
	return rc ? rc : audit_role(tx, c, "create", NULL, role);
}

static int write_create(void *arg, struct store_tx *tx)
{
	const struct changing *c = arg;
	struct role role;
	int rc = check_room(tx, c->problem);

	if (rc == 0)
		rc = read_tx(tx, c->from, &role);
	if (rc != 0)
		return rc;
	if (role.revision == 0)
		return problem_add(c->problem, SL_EINVAL, "/from", "GET /api/v1/roles lists them",
		                   "there is no role \"%.64s\"", c->from);
	(void)snprintf(role.name, sizeof(role.name), "%s", c->name);
	(void)snprintf(role.made_from, sizeof(role.made_from), "%s", c->from);
	role.revision = 1;
	if (!c->what->comment)
		role.comment[0] = '\0';
	rc = apply(c, &role);
	return rc ? rc : add_new(tx, c, &role);
}

int role_create(struct store *store, const struct auth_identity *by, const char *name,
                const char *from, const struct role_change *what, struct problem *problem)
{
	struct changing c = {
	        .by = by, .name = name, .from = from, .what = what, .problem = problem};
	struct role taken;
	int rc = auth_check_name("a role's name", name, ROLE_NAME_MAX - 1, "", problem);

	if (rc == 0)
		rc = people_check_comment(what->comment, problem);
	if (rc == 0 && default_role(name, &taken))
		rc = problem_add(problem, SL_EEXIST, "/name", "choose another name",
		                 "there is a role \"%s\" always", name);
	if (rc == 0)
		rc = store_write(store, write_create, &c);
	return problem_tell(problem, rc);
}

/* One that was made here, as it was seen, of somebody who has all of it. */
static int read_changeable(struct store_tx *tx, const struct changing *c, struct role *ret_role)
{
	int rc = read_tx(tx, c->name, ret_role);

	if (rc == 0 && ret_role->revision == 0)
		rc = no_role(c->problem, c->name);
	if (rc == 0 && default_role(c->name, ret_role))
		rc = problem_add(c->problem, SL_EPERM, "", "make a new one from it",
		                 "the role \"%s\" is a default one, which nobody changes", c->name);
	if (rc == 0)
		rc = people_check_seen("role", c->name, c->revision, ret_role->revision,
		                       c->problem);
	return rc ? rc : people_check_within(c->by, ret_role->may, "", c->problem);
}

static int write_change(void *arg, struct store_tx *tx)
{
	const struct changing *c = arg;
	struct role before, after;
	int rc = read_changeable(tx, c, &before);

	if (rc != 0)
		return rc;
	after = before;
	after.revision++;
	rc = apply(c, &after);
	if (rc == 0)
		rc = write_role(tx, STORE_ROLE_CHANGE, &after);
	return rc ? rc : audit_role(tx, c, "change", &before, &after);
}

int role_change(struct store *store, const struct auth_identity *by, const char *name,
                int64_t revision, const struct role_change *what, struct problem *problem)
{
	struct changing c = {
	        .by = by, .name = name, .revision = revision, .what = what, .problem = problem};
	int rc = people_check_comment(what->comment, problem);

	if (rc == 0)
		rc = store_write(store, write_change, &c);
	return problem_tell(problem, rc);
}

static int add_user(void *arg, const struct store_row *row)
{
	(void)problem_add(arg, SL_EBUSY, "", "give that person another role first", "\"%s\" has it",
	                  store_row_text(row, 0));
	return 0;
}

static int write_delete(void *arg, struct store_tx *tx)
{
	const struct changing *c = arg;
	const struct store_value values[] = {store_text(c->name), store_integer(USERS_TOLD)};
	struct role role;
	int rc = read_changeable(tx, c, &role);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_PERSON_OF_ROLE, values, 2, add_user, c->problem);
	if (rc == 0)
		rc = c->problem->code;
	if (rc == 0)
		rc = store_tx_run(tx, STORE_ROLE_DELETE, values, 1, NULL, NULL);
	return rc ? rc : audit_role(tx, c, "delete", &role, NULL);
}

int role_delete(struct store *store, const struct auth_identity *by, const char *name,
                int64_t revision, struct problem *problem)
{
	struct changing c = {.by = by, .name = name, .revision = revision, .problem = problem};
	int rc = store_write(store, write_delete, &c);

	return problem_tell(problem, rc);
}
