/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: reading, and each change with its version and its line in the audit log. */
#include "smsd/object/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/setting.h"
#include "smsd/store/store.h"

static const struct {
	const char *name;
	const char *collection;
	const char *key;
} kinds[] = {
#define KIND(NAME, name, collection, key, capability, help) {name, collection, key},
#include "smsd/object/kind.def"
#undef KIND
};

const char *object_kind_name(enum object_kind kind)
{
	return kinds[kind].name;
}

const char *object_kind_collection(enum object_kind kind)
{
	return kinds[kind].collection;
}

const char *object_kind_key(enum object_kind kind)
{
	return kinds[kind].key;
}

int object_kind_parse(const char *collection, enum object_kind *ret_kind)
{
	for (unsigned i = 0; i < OBJECT_KIND_END; i++) {
		if (strcmp(kinds[i].collection, collection) == 0) {
			*ret_kind = i;
			return 0;
		}
	}
	return SL_ENOENT;
}

int64_t object_place(enum object_kind kind, const json_t *body)
{
	const struct conf_object *shape = setting_shape(kind);
	const json_t *place = json_object_get(body, "place");

	if (!shape || !conf_object_field(shape, "place"))
		return 0;
	return json_is_integer(place) ? json_integer_value(place) : CONF_PLACE_MAX + 1;
}

void object_fini(struct object *object)
{
	json_decref(object->body);
	*object = (struct object){0};
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Rows of all statements here: id, name, revision, changed, body. */
static int from_row(const struct store_row *row, enum object_kind kind, struct object *ret_object)
{
	struct object object = {.id = store_row_integer(row, 0),
	                        .kind = kind,
	                        .revision = store_row_integer(row, 2),
	                        .changed_ms = store_row_integer(row, 3)};

	(void)snprintf(object.name, sizeof(object.name), "%s", store_row_text(row, 1));
	object.body = json_loads(store_row_text(row, 4), 0, NULL);
	if (!json_is_object(object.body)) {
		json_decref(object.body);
		return SL_EIO;
	}
	*ret_object = object;
	return 0;
}

/* Of both ways to read one. */
struct get {
	enum object_kind kind;
	bool found;
	struct object *object;
};

static int take_one(void *arg, const struct store_row *row)
{
	struct get *get = arg;
	int rc = from_row(row, get->kind, get->object);

	get->found = rc == 0;
	return rc;
}

static int got(const struct get *get, const char *name, int rc, struct problem *problem)
{
	const char *kind = object_kind_name(get->kind);

	if (rc < 0)
		return problem_add(problem, rc, "", "", "the %s \"%.128s\" cannot be read: %s",
		                   kind, name, err_text(rc));
	if (!get->found)
		return problem_add(problem, SL_ENOENT, "", "look at the list of names",
		                   "there is no %s \"%.128s\"", kind, name);
	return 0;
}

int object_get(struct store *store, enum object_kind kind, const char *name,
               struct object *ret_object, struct problem *problem)
{
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(name)};
	struct get get = {.kind = kind, .object = ret_object};
	int rc = store_read(store, STORE_OBJECT_BY_NAME, values, 2, take_one, &get);

	return got(&get, name, rc, problem);
}

int object_get_tx(struct store_tx *tx, enum object_kind kind, const char *name,
                  struct object *ret_object, struct problem *problem)
{
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(name)};
	struct get get = {.kind = kind, .object = ret_object};
	int rc = store_tx_run(tx, STORE_OBJECT_BY_NAME, values, 2, take_one, &get);

	return got(&get, name, rc, problem);
}

int object_get_id_tx(struct store_tx *tx, enum object_kind kind, int64_t id,
                     struct object *ret_object)
{
	const struct store_value value = store_integer(id);
	struct get get = {.kind = kind, .object = ret_object};
	int rc = store_tx_run(tx, STORE_OBJECT_BY_ID, &value, 1, take_one, &get);

	return rc < 0 ? rc : get.found ? 0 : SL_ENOENT;
}

struct list {
	enum object_kind kind;
	object_fn *fn;
	void *arg;
};

static int take_next(void *arg, const struct store_row *row)
{
	const struct list *list = arg;
	struct object object;
	int rc = from_row(row, list->kind, &object);

	if (rc != 0)
		return rc;
	rc = list->fn(list->arg, &object);
	object_fini(&object);
	return rc;
}

int object_list(struct store *store, enum object_kind kind, const char *after, unsigned limit,
                object_fn *fn, void *arg)
{
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(after),
	                                     store_integer(limit)};
	struct list list = {.kind = kind, .fn = fn, .arg = arg};
	int rc = store_read(store, STORE_OBJECT_LIST, values, 3, take_next, &list);

	return rc < 0 ? rc : 0;
}

/* ---- versions ---------------------------------------------------------------------------- */

/* The same object in the same bytes always; free() frees. */
static char *canonical(const json_t *body)
{
	return json_dumps(body, JSON_SORT_KEYS | JSON_COMPACT);
}

/* A change as it is written down; `before` and `after` may be NULL. */
struct version {
	const struct object *object; /* as it is afterwards */
	const char *before, *after;
};

static int add_version(struct store_tx *tx, const struct object_change *how,
                       const struct version *v)
{
	const struct object *o = v->object;
	const struct store_value values[] = {
	        store_integer(o->changed_ms), store_integer(how->actor->person),
	        store_text(how->actor->name), store_text(object_kind_name(o->kind)),
	        store_integer(o->id),         store_text(o->name),
	        store_integer(o->revision),   store_text(how->action),
	        store_text(how->comment),     store_text(v->before),
	        store_text(v->after),
	};
	const struct audit_line line = {.action = how->action,
	                                .kind = object_kind_name(o->kind),
	                                .name = o->name,
	                                .before = v->before,
	                                .after = v->after};
	int rc = store_tx_run(tx, STORE_CHANGE_ADD, values, SL_ARRAY_LEN(values), NULL, NULL);

	return rc ? rc : audit_add(tx, how->actor, &line);
}

struct last_change {
	char who[ACTOR_NAME_MAX];
	int64_t time_ms;
};

static int take_last(void *arg, const struct store_row *row)
{
	struct last_change *last = arg;

	(void)snprintf(last->who, sizeof(last->who), "%s", store_row_text(row, 0));
	last->time_ms = store_row_integer(row, 1);
	return 1;
}

static int conflict(struct store_tx *tx, const struct object *object, int64_t revision,
                    struct problem *problem)
{
	const struct store_value value = store_integer(object->id);
	struct last_change last = {.who = "somebody"};
	char time[MOMENT_TEXT_MAX];
	int rc = store_tx_run(tx, STORE_CHANGE_LAST, &value, 1, take_last, &last);

	if (rc < 0)
		return rc;
	return problem_add(problem, SL_ECONFLICT, "", "look at it again, and then change it",
	                   "the %s \"%s\" was changed in between: revision %lld is there, by %s at "
	                   "%s, not %lld",
	                   object_kind_name(object->kind), object->name,
	                   (long long)object->revision, last.who, moment_text(last.time_ms, time),
	                   (long long)revision);
}

int object_get_seen(struct store_tx *tx, enum object_kind kind, const char *name, int64_t revision,
                    struct object *ret_object, struct problem *problem)
{
	struct object object;
	int rc = object_get_tx(tx, kind, name, &object, problem);

	if (rc != 0)
		return rc;
	if (object.revision != revision)
		rc = conflict(tx, &object, revision, problem);
	if (rc != 0) {
		object_fini(&object);
		return rc;
	}
	*ret_object = object;
	return 0;
}

/* ---- changes ----------------------------------------------------------------------------- */

static int take_integer(void *ret_number, const struct store_row *row)
{
	*(int64_t *)ret_number = store_row_integer(row, 0);
	return 1;
}

/* By which lists are in order. */
static int set_place(struct store_tx *tx, const struct object *object, const json_t *body)
{
	int64_t place = object_place(object->kind, body);
	const struct store_value values[] = {store_integer(object->id), store_integer(place)};

	return place ? store_tx_run(tx, STORE_OBJECT_SET_PLACE, values, 2, NULL, NULL) : 0;
}

static int check_room(struct store_tx *tx, struct problem *problem)
{
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_OBJECT_COUNT, NULL, 0, take_integer, &count);

	if (rc < 0)
		return rc;
	if (count < OBJECTS_MAX)
		return 0;
	return problem_add(problem, SL_ELIMIT, "", "delete what is not needed",
	                   "there are %d objects, the most that one SMS keeps", OBJECTS_MAX);
}

static int taken(int rc, enum object_kind kind, const char *name, struct problem *problem)
{
	if (rc == SL_EEXIST)
		return problem_add(problem, rc, "/name", "choose another name",
		                   "there is a %s \"%.128s\" already", object_kind_name(kind),
		                   name);
	return rc < 0 ? rc : 0;
}

int object_create(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                  const char *name, const json_t *body, int64_t *ret_id, struct problem *problem)
{
	struct object object = {.kind = kind, .revision = 1, .changed_ms = moment_now_ms()};
	char *text = canonical(body);
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(name),
	                                     store_integer(object.changed_ms), store_text(text)};
	const struct version version = {.object = &object, .after = text};
	int rc = text ? check_room(tx, problem) : SL_ENOMEM;

	(void)snprintf(object.name, sizeof(object.name), "%s", name);
	if (rc == 0)
		rc = taken(store_tx_run(tx, STORE_OBJECT_ADD, values, 4, take_integer, &object.id),
		           kind, name, problem);
	if (rc == 0)
		rc = set_place(tx, &object, body);
	if (rc == 0)
		rc = add_version(tx, how, &version);
	if (rc == 0 && ret_id)
		*ret_id = object.id;
	free(text);
	return rc;
}

int object_restore(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                   int64_t id, const char *name, const json_t *body, struct problem *problem)
{
	struct object object = {.id = id, .kind = kind, .changed_ms = moment_now_ms()};
	char *text = canonical(body);
	const struct version version = {.object = &object, .after = text};
	int rc = text ? check_room(tx, problem) : SL_ENOMEM;

	(void)snprintf(object.name, sizeof(object.name), "%s", name);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_CHANGE_LAST_REVISION,
		                  (const struct store_value[]){store_integer(id)}, 1, take_integer,
		                  &object.revision);
	if (rc >= 0) {
		const struct store_value values[] = {store_integer(id),
		                                     store_text(object_kind_name(kind)),
		                                     store_text(name),
		                                     store_integer(++object.revision),
		                                     store_integer(object.changed_ms),
		                                     store_text(text)};

		rc = taken(store_tx_run(tx, STORE_OBJECT_ADD_AGAIN, values, SL_ARRAY_LEN(values),
		                        NULL, NULL),
		           kind, name, problem);
	}
	if (rc == 0)
		rc = set_place(tx, &object, body);
	if (rc == 0)
		rc = add_version(tx, how, &version);
	free(text);
	return rc;
}

/* Name and body as they are from now on. */
static int update(struct store_tx *tx, const struct object_change *how, struct object *object,
                  const char *name, const json_t *body, struct problem *problem)
{
	char *before = canonical(object->body);
	char *after = canonical(body);
	const struct version version = {.object = object, .before = before, .after = after};
	int rc = before && after ? 0 : SL_ENOMEM;

	object->revision++;
	object->changed_ms = moment_now_ms();
	(void)snprintf(object->name, sizeof(object->name), "%s", name);
	if (rc == 0) {
		const struct store_value values[] = {
		        store_integer(object->id), store_text(object->name),
		        store_integer(object->revision), store_integer(object->changed_ms),
		        store_text(after)};

		rc = taken(store_tx_run(tx, STORE_OBJECT_UPDATE, values, 5, NULL, NULL),
		           object->kind, name, problem);
	}
	if (rc == 0)
		rc = set_place(tx, object, body);
	if (rc == 0)
		rc = add_version(tx, how, &version);
	free(before);
	free(after);
	return rc;
}

/* `new_name` and `body` NULL: as they are. */
static int update_seen(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                       const char *name, int64_t revision, const char *new_name, const json_t *body,
                       struct problem *problem)
{
	struct object object;
	int rc = object_get_seen(tx, kind, name, revision, &object, problem);

	if (rc != 0)
		return rc;
	rc = update(tx, how, &object, new_name ? new_name : name, body ? body : object.body,
	            problem);
	object_fini(&object);
	return rc;
}

int object_replace(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                   const char *name, int64_t revision, const json_t *body, struct problem *problem)
{
	return update_seen(tx, how, kind, name, revision, NULL, body, problem);
}

int object_rename(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                  const char *name, int64_t revision, const char *new_name, struct problem *problem)
{
	return update_seen(tx, how, kind, name, revision, new_name, NULL, problem);
}

int object_replace_as(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                      const char *name, int64_t revision, const char *new_name, const json_t *body,
                      struct problem *problem)
{
	return update_seen(tx, how, kind, name, revision, new_name, body, problem);
}

static int add_user(void *arg, const struct store_row *row)
{
	return problem_add(arg, SL_EBUSY, "", "change that first", "it is in use by the %s \"%s\"",
	                   store_row_text(row, 0), store_row_text(row, 1)) == SL_EBUSY
	               ? 0
	               : SL_EIO;
}

static int check_unused(struct store_tx *tx, int64_t id, struct problem *problem)
{
	const struct store_value values[] = {store_integer(id), store_integer(PROBLEM_ITEMS_MAX)};
	int rc = store_tx_run(tx, STORE_OBJECT_USERS, values, 2, add_user, problem);

	return rc < 0 ? rc : problem->code;
}

int object_delete(struct store_tx *tx, const struct object_change *how, enum object_kind kind,
                  const char *name, int64_t revision, struct problem *problem)
{
	struct object object;
	char *before;
	int rc = object_get_seen(tx, kind, name, revision, &object, problem);

	if (rc != 0)
		return rc;
	before = canonical(object.body);
	rc = before ? check_unused(tx, object.id, problem) : SL_ENOMEM;
	if (rc == 0) {
		const struct store_value value = store_integer(object.id);

		rc = store_tx_run(tx, STORE_OBJECT_DELETE, &value, 1, NULL, NULL);
	}
	if (rc == 0) {
		const struct version version = {.object = &object, .before = before};

		object.revision++;
		object.changed_ms = moment_now_ms();
		rc = add_version(tx, how, &version);
	}
	free(before);
	object_fini(&object);
	return rc;
}

int object_refer(struct store_tx *tx, int64_t from_id, int64_t to_id)
{
	const struct store_value values[] = {store_integer(from_id), store_integer(to_id)};

	return store_tx_run(tx, STORE_REFERENCE_ADD, values, 2, NULL, NULL);
}

int object_forget(struct store_tx *tx, int64_t from_id)
{
	const struct store_value value = store_integer(from_id);

	return store_tx_run(tx, STORE_REFERENCE_DROP, &value, 1, NULL, NULL);
}
