/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People managed: one write that every change of a person goes through, in which it is asked
 * whether he may, and what it leaves is looked at before it is kept.
 */
#include "smsd/auth/people.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/auth/auth_priv.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"

/* A change of a person on its way. */
struct managing {
	const struct auth_identity *by;
	const char *name;
	int64_t revision; /* that was seen; 0: it does not matter */
	const char *action;
	const struct people_change *what;
	const char *token;
	const char *hash;
	struct problem *problem;
	/* What is done to the person; fills in `after` where it leaves one. */
	int (*act)(struct store_tx *tx, const struct managing *managing, struct person *person);
};

/* ---- what is refused --------------------------------------------------------------------- */

static int check_self(const struct managing *m, const struct person *person)
{
	if (person->id != m->by->actor.person)
		return 0;
	return problem_add(m->problem, SL_EPERM, "", "ask another Administrator",
	                   "nobody does this to himself");
}

/* After a change: somebody has to be left who may everything. */
static int check_last(struct store_tx *tx, struct problem *problem)
{
	const struct store_value value = store_text(ROLE_ADMINISTRATOR);
	int64_t left = 0;
	int rc =
	        store_tx_run(tx, STORE_PERSON_ENABLED_OF_ROLE, &value, 1, auth_take_integer, &left);

	if (rc != 0 || left > 0)
		return rc;
	return problem_add(problem, SL_EBUSY, "", "give another person the role first",
	                   "this is the last enabled person of the role %s", ROLE_ADMINISTRATOR);
}

/* ---- the one write ----------------------------------------------------------------------- */

/* For the audit log; free() frees. */
static int person_text(struct store_tx *tx, const struct person *person, char **ret_text)
{
	json_t *groups = NULL, *value;
	int rc = group_names(NULL, tx, person->id, &groups);

	if (rc != 0)
		return rc;
	value = json_pack("{s:s, s:s, s:b, s:o}", "role", person->role, "comment", person->comment,
	                  "disabled", person->disabled, "groups", groups);
	*ret_text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(value);
	return *ret_text ? 0 : SL_ENOMEM;
}

/* A person without a row any more has no `after`. */
static int audit_managed(struct store_tx *tx, const struct managing *m, const char *before,
                         const struct person *person)
{
	char *after = NULL;
	int rc = person->id ? person_text(tx, person, &after) : 0;
	const struct audit_line line = {.action = m->action,
	                                .kind = "person",
	                                .name = m->name,
	                                .before = before,
	                                .after = after};

	if (rc == 0)
		rc = audit_add(tx, &m->by->actor, &line);
	free(after);
	return rc;
}

/* Whose it was stands in `before`: a token's name is one's own alone. */
static int audit_token(struct store_tx *tx, const struct managing *m)
{
	json_t *value = json_pack("{s:s}", "person", m->name);
	char *before = value ? json_dumps(value, JSON_COMPACT) : NULL;
	const struct audit_line line = {
	        .action = m->action, .kind = "token", .name = m->token, .before = before};
	int rc = before ? audit_add(tx, &m->by->actor, &line) : SL_ENOMEM;

	free(before);
	json_decref(value);
	return rc;
}

static int manage_person(struct store_tx *tx, const struct managing *m, struct person *person)
{
	char *before = NULL;
	int rc = person_text(tx, person, &before);

	if (rc == 0)
		rc = m->act(tx, m, person);
	if (rc == 0)
		rc = check_last(tx, m->problem);
	if (rc == 0)
		rc = m->token ? audit_token(tx, m) : audit_managed(tx, m, before, person);
	free(before);
	return rc;
}

static int write_managed(void *arg, struct store_tx *tx)
{
	const struct managing *m = arg;
	struct person person;
	int rc = person_by_name_tx(tx, m->name, &person);

	if (rc == 0 && person.id == 0)
		rc = people_unknown(m->problem, m->name);
	if (rc == 0 && m->revision != 0)
		rc = people_check_seen("person", m->name, m->revision, person.revision, m->problem);
	if (rc == 0)
		rc = people_check_within(m->by, person.may, "", m->problem);
	if (rc == 0)
		rc = group_check_manager(tx, m->by, m->problem);
	if (rc == 0)
		rc = manage_person(tx, m, &person);
	OPENSSL_cleanse(&person, sizeof(person));
	return rc;
}

static int manage(struct store *store, struct managing *m)
{
	int rc = store_write(store, write_managed, m);

	return problem_tell(m->problem, rc);
}

/* ---- what is done to one ----------------------------------------------------------------- */

static int drop_sessions(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct store_value values[] = {store_integer(person->id), store_integer(0)};

	return store_tx_run(tx, STORE_SESSION_DROP_OTHERS, values, 2, NULL, NULL);
}

static int unlock(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct store_value values[] = {store_integer(person->id), store_integer(0),
	                                     store_integer(0)};

	return store_tx_run(tx, STORE_PERSON_TRIED, values, 3, NULL, NULL);
}

static int reset_password(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct store_value values[] = {store_integer(person->id), store_text(m->hash)};
	int rc = check_self(m, person);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_PERSON_RESET, values, 2, NULL, NULL);
	return rc ? rc : drop_sessions(tx, m, person);
}

static int delete_person(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct store_value value = store_integer(person->id);
	int rc = check_self(m, person);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_PERSON_DELETE, &value, 1, NULL, NULL);
	person->id = 0;
	return rc;
}

static int drop_token(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct store_value values[] = {store_integer(person->id), store_text(m->token)};
	int rc = store_tx_run(tx, STORE_TOKEN_DROP, values, 2, NULL, NULL);

	if (rc == 0 && store_tx_changed(tx) == 0)
		rc = problem_add(m->problem, SL_ENOENT, "", "look at the list of tokens",
		                 "\"%s\" has no token of this name", m->name);
	return rc;
}

/* The role that is said, which who gives it has to have whole. */
static int take_role(struct store_tx *tx, const struct managing *m, struct person *person)
{
	uint64_t may;
	int rc = role_find(tx, m->what->role, &may);

	if (rc == SL_ENOENT)
		return problem_add(m->problem, SL_EINVAL, "/role", "GET /api/v1/roles lists them",
		                   "there is no role \"%.64s\"", m->what->role);
	if (rc == 0)
		rc = people_check_within(m->by, may, "/role", m->problem);
	if (rc == 0)
		(void)snprintf(person->role, sizeof(person->role), "%s", m->what->role);
	return rc;
}

/* Role, groups and state of oneself: nobody locks himself out. */
static int check_change(const struct managing *m, const struct person *person)
{
	const struct people_change *what = m->what;
	bool role = what->role && strcmp(what->role, person->role) != 0;
	bool disabled = what->disabled && json_is_true(what->disabled);

	return role || disabled || what->groups ? check_self(m, person) : 0;
}

static int store_change(struct store_tx *tx, const struct person *person)
{
	const struct store_value values[] = {
	        store_integer(person->id), store_text(person->role), store_text(person->comment),
	        store_integer(person->disabled), store_integer(person->revision)};

	return store_tx_run(tx, STORE_PERSON_CHANGE, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int change_person(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct people_change *what = m->what;
	int rc = check_change(m, person);

	if (rc == 0 && what->role)
		rc = take_role(tx, m, person);
	if (rc == 0 && what->groups)
		rc = group_put_person(tx, person->id, what->groups, m->problem);
	if (rc != 0)
		return rc;
	if (what->comment)
		(void)snprintf(person->comment, sizeof(person->comment), "%s", what->comment);
	if (what->disabled)
		person->disabled = json_is_true(what->disabled);
	person->revision++;
	rc = store_change(tx, person);
	return rc == 0 && person->disabled ? drop_sessions(tx, m, person) : rc;
}

/* ---- a new one --------------------------------------------------------------------------- */

static int check_room(struct store_tx *tx, struct problem *problem)
{
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_PERSON_COUNT, NULL, 0, auth_take_integer, &count);

	if (rc != 0 || count < PEOPLE_MAX)
		return rc;
	return problem_add(problem, SL_EBUSY, "", "delete who is not needed",
	                   "there are %d people, the most that one SMS keeps", PEOPLE_MAX);
}

static int add_person(struct store_tx *tx, const struct managing *m, struct person *person)
{
	const struct store_value values[] = {
	        store_text(person->name),       store_text(m->hash),
	        store_text(person->role),       store_integer(1),
	        store_integer(moment_now_ms()), store_text(person->comment),
	};
	int rc = store_tx_run(tx, STORE_PERSON_ADD, values, SL_ARRAY_LEN(values), auth_take_integer,
	                      &person->id);

	if (rc == SL_EEXIST)
		return problem_add(m->problem, rc, "/name", "choose another name",
		                   "there is a person \"%s\" already", person->name);
	return rc;
}

static int write_created(void *arg, struct store_tx *tx)
{
	const struct managing *m = arg;
	struct person person = {.revision = 1};
	int rc = group_check_manager(tx, m->by, m->problem);

	if (rc == 0)
		rc = check_room(tx, m->problem);
	(void)snprintf(person.name, sizeof(person.name), "%s", m->name);
	(void)snprintf(person.comment, sizeof(person.comment), "%s",
	               m->what->comment ? m->what->comment : "");
	if (rc == 0)
		rc = take_role(tx, m, &person);
	if (rc == 0)
		rc = add_person(tx, m, &person);
	if (rc == 0 && m->what->groups)
		rc = group_put_person(tx, person.id, m->what->groups, m->problem);
	return rc ? rc : audit_managed(tx, m, NULL, &person);
}

static int check_new(const char *name, const struct people_change *what, struct problem *problem)
{
	int rc = auth_check_name("a person's name", name, ACTOR_NAME_MAX - 1, "@", problem);

	/* What the audit log calls smsd itself. */
	if (rc == 0 && strcmp(name, actor_smsd.name) == 0)
		rc = problem_add(problem, SL_EINVAL, "/name", "choose another",
		                 "\"%s\" is smsd itself", name);
	return rc ? rc : people_check_comment(what->comment, problem);
}

/* A random password and its hash; the password goes out when `write` has kept the hash. */
static int with_password(struct store *store, struct managing *m, store_tx_fn *write,
                         char ret_password[AUTH_SECRET_MAX])
{
	char password[AUTH_SECRET_MAX] = "", hash[PASSWORD_HASH_MAX];
	int rc = secret_make("", password);

	if (rc == 0)
		rc = password_hash(password, hash);
	m->hash = hash;
	if (rc == 0)
		rc = store_write(store, write, m);
	if (rc == 0)
		memcpy(ret_password, password, sizeof(password));
	OPENSSL_cleanse(password, sizeof(password));
	return problem_tell(m->problem, rc);
}

int people_create(struct store *store, const struct auth_identity *by, const char *name,
                  const struct people_change *what, char ret_password[AUTH_SECRET_MAX],
                  struct problem *problem)
{
	struct managing m = {
	        .by = by, .name = name, .action = "create", .what = what, .problem = problem};
	int rc = check_new(name, what, problem);

	return rc ? rc : with_password(store, &m, write_created, ret_password);
}

/* ---- the rest by name -------------------------------------------------------------------- */

int people_change(struct store *store, const struct auth_identity *by, const char *name,
                  int64_t revision, const struct people_change *what, struct problem *problem)
{
	struct managing m = {.by = by,
	                     .name = name,
	                     .revision = revision,
	                     .action = "change",
	                     .what = what,
	                     .problem = problem,
	                     .act = change_person};
	int rc = people_check_comment(what->comment, problem);

	return rc ? rc : manage(store, &m);
}

int people_delete(struct store *store, const struct auth_identity *by, const char *name,
                  int64_t revision, struct problem *problem)
{
	struct managing m = {.by = by,
	                     .name = name,
	                     .revision = revision,
	                     .action = "delete",
	                     .problem = problem,
	                     .act = delete_person};

	return manage(store, &m);
}

int people_reset_password(struct store *store, const struct auth_identity *by, const char *name,
                          char ret_password[AUTH_SECRET_MAX], struct problem *problem)
{
	struct managing m = {.by = by,
	                     .name = name,
	                     .action = "reset password",
	                     .problem = problem,
	                     .act = reset_password};

	return with_password(store, &m, write_managed, ret_password);
}

int people_unlock(struct store *store, const struct auth_identity *by, const char *name,
                  struct problem *problem)
{
	struct managing m = {
	        .by = by, .name = name, .action = "unlock", .problem = problem, .act = unlock};

	return manage(store, &m);
}

int people_end_sessions(struct store *store, const struct auth_identity *by, const char *name,
                        struct problem *problem)
{
	struct managing m = {.by = by,
	                     .name = name,
	                     .action = "end sessions",
	                     .problem = problem,
	                     .act = drop_sessions};

	return manage(store, &m);
}

int people_drop_token(struct store *store, const struct auth_identity *by, const char *name,
                      const char *token, struct problem *problem)
{
	struct managing m = {.by = by,
	                     .name = name,
	                     .action = "delete",
	                     .token = token,
	                     .problem = problem,
	                     .act = drop_token};

	return manage(store, &m);
}

int people_tokens(struct store *store, const char *name, auth_token_fn *fn, void *arg,
                  struct problem *problem)
{
	struct person person;
	struct auth_identity his = {0};
	int rc = person_by_name(store, name, &person);

	his.actor.person = person.id;
	if (rc == 0 && person.id == 0)
		rc = people_unknown(problem, name);
	if (rc == 0)
		rc = auth_token_list(store, &his, fn, arg);
	OPENSSL_cleanse(&person, sizeof(person));
	return problem_tell(problem, rc);
}
