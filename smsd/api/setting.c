/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that become settings: the same routes for every kind of kind.def that has a key. A
 * route's path says which kind it is of; a body has been checked by the schema's own row.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/object_page.h"
#include "smsd/api/route.h"
#include "smsd/api/setting.h"
#include "smsd/base/moment.h"
#include "smsd/object/object.h"

enum { OK = 200, CREATED = 201, NO_CONTENT = 204, BAD_REQUEST = 400 };

static enum object_kind kind_of(const struct api_call *call)
{
	const char *path = call->route->path + 1;
	size_t len = strcspn(path, "/?");

	for (unsigned i = 0; i < OBJECT_KIND_END; i++) {
		const char *collection = object_kind_collection(i);

		if (strlen(collection) == len && memcmp(path, collection, len) == 0)
			return i;
	}
	return OBJECT_KIND_END; /* no route of route.def */
}

/* ---- looking ----------------------------------------------------------------------------- */

int api_setting_get(struct api_call *call)
{
	struct object object;
	json_t *shown = NULL;
	int rc = object_get(call->context->store, kind_of(call), call->parameter[0], &object,
	                    &call->problem);

	if (rc != 0)
		return rc;
	api_set_revision(call, object.revision);
	rc = setting_show(call->context->store, &object, &shown, &call->problem);
	object_fini(&object);
	return rc ? rc : api_answer(call, OK, shown);
}

static json_t *show_in_page(const struct object *object)
{
	char time[MOMENT_TEXT_MAX];

	return json_pack("{s:s, s:I, s:s, s:O}", "name", object->name, "revision",
	                 (json_int_t)object->revision, "changed",
	                 moment_text(object->changed_ms, time), "body", object->body);
}

int api_setting_list(struct api_call *call)
{
	return api_answer_objects(call, kind_of(call), show_in_page);
}

/* ---- changing ---------------------------------------------------------------------------- */

int api_setting_change(struct api_call *call, api_setting_fn *fn)
{
	char *comment;
	bool check = false;
	int rc = api_query_flag(call, "check", &check);

	if (rc != 0)
		return rc;
	comment = http_query_value(call->request, "comment");
	const struct setting_change how = {
	        .actor = &call->identity.actor,
	        .comment = comment,
	        .may_locked = call->identity.capabilities >> AUTH_LOCK_SSL_FILTER & 1,
	        .check_only = check,
	};

	rc = fn(call, &how);
	free(comment);
	return rc;
}

/* The revision of the name as it is now; 0: there is none. */
static int64_t revision_of(struct api_call *call, const char *name)
{
	struct problem unsaid = {0};
	struct object object;
	int64_t revision = 0;

	if (object_get(call->context->store, kind_of(call), name, &object, &unsaid) == 0) {
		revision = object.revision;
		object_fini(&object);
	}
	problem_fini(&unsaid);
	return revision;
}

/* What was written, or would be: `before` NULL for a new one. Takes `notices` over. */
static int answer_written(struct api_call *call, const struct setting_change *how, int status,
                          const char *name, const json_t *before, const json_t *after,
                          json_t *notices)
{
	int64_t revision = revision_of(call, name);
	json_t *diff = NULL;
	int rc = setting_diff(kind_of(call), before, after, &diff);

	if (rc != 0) {
		json_decref(notices);
		return rc;
	}
	if (revision > 0)
		api_set_revision(call, revision);
	return api_answer(call, how->check_only ? OK : status,
	                  json_pack("{s:s, s:I, s:b, s:o, s:o}", "name", name, "revision",
	                            (json_int_t)revision, "checked", how->check_only, "notices",
	                            notices, "diff", diff));
}

/* A name in the body that nothing has: what the path names is there. */
static int refuse(struct api_call *call, int rc)
{
	if (rc == SL_ENOENT && call->problem.count > 0 && call->problem.items[0].pointer[0])
		call->refusal = BAD_REQUEST;
	return rc;
}

static int create(struct api_call *call, const struct setting_change *how)
{
	json_t *notices = NULL;
	int rc = setting_create(call->context->store, how, kind_of(call), call->body, &notices,
	                        &call->problem);

	return rc ? refuse(call, rc)
	          : answer_written(call, how, CREATED, api_body_text(call, "name"), NULL,
	                           call->body, notices);
}

int api_setting_create(struct api_call *call)
{
	return api_setting_change(call, create);
}

static int replace(struct api_call *call, const struct setting_change *how)
{
	struct store *store = call->context->store;
	struct object before;
	json_t *notices = NULL;
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = object_get(store, kind_of(call), call->parameter[0], &before, &call->problem);
	if (rc != 0)
		return rc;
	rc = setting_replace(store, how, kind_of(call), call->parameter[0], revision, call->body,
	                     &notices, &call->problem);
	if (rc == 0)
		rc = answer_written(call, how, OK,
		                    how->check_only ? call->parameter[0]
		                                    : api_body_text(call, "name"),
		                    before.body, call->body, notices);
	object_fini(&before);
	return refuse(call, rc);
}

int api_setting_replace(struct api_call *call)
{
	return api_setting_change(call, replace);
}

static int drop(struct api_call *call, const struct setting_change *how)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = setting_delete(call->context->store, how, kind_of(call), call->parameter[0],
		                    revision, &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

int api_setting_delete(struct api_call *call)
{
	return api_setting_change(call, drop);
}

/* The other one, by one of two keys. */
static int read_move(struct api_call *call, struct setting_move *ret_move)
{
	const char *before = api_body_text(call, "before");
	const char *after = api_body_text(call, "after");

	if (!before == !after)
		return problem_add(&call->problem, SL_EINVAL, "", "write {\"before\": NAME}",
		                   "say either before or after");
	*ret_move = (struct setting_move){.other = before ? before : after, .before = before};
	return 0;
}

static int move(struct api_call *call, const struct setting_change *how)
{
	struct store *store = call->context->store;
	const char *name = call->parameter[0];
	struct object before = {0}, after = {0};
	struct setting_move move;
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = read_move(call, &move);
	if (rc == 0)
		rc = object_get(store, kind_of(call), name, &before, &call->problem);
	if (rc == 0)
		rc = setting_move(store, how, kind_of(call), name, revision, &move, &call->problem);
	if (rc == 0)
		rc = object_get(store, kind_of(call), name, &after, &call->problem);
	if (rc == 0)
		rc = answer_written(call, how, OK, name, before.body, after.body, json_array());
	object_fini(&before);
	object_fini(&after);
	return refuse(call, rc);
}

int api_setting_move(struct api_call *call)
{
	return api_setting_change(call, move);
}

/* ---- revisions --------------------------------------------------------------------------- */

int api_setting_history(struct api_call *call)
{
	json_t *list = NULL;
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, OBJECT_HISTORY_MAX, API_PAGE, &limit);

	if (rc == 0)
		rc = object_history(call->context->store, kind_of(call), call->parameter[0],
		                    (unsigned)limit, &list, &call->problem);
	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

static int read_version(struct api_call *call, int64_t revision, json_t **ret_change)
{
	return object_version(call->context->store, kind_of(call), call->parameter[0], revision,
	                      ret_change, &call->problem);
}

static const json_t *object_or_none(const json_t *change, const char *key)
{
	const json_t *body = json_object_get(change, key);

	return json_is_object(body) ? body : NULL;
}

/* `from` NULL: what the change itself changed. */
static int answer_revision(struct api_call *call, const json_t *change, const json_t *from)
{
	const json_t *before =
	        from ? object_or_none(from, "after") : object_or_none(change, "before");
	json_t *answer = json_copy((json_t *)(uintptr_t)change);
	json_t *diff = NULL;
	int rc =
	        answer ? setting_diff(kind_of(call), before, object_or_none(change, "after"), &diff)
	               : SL_ENOMEM;

	if (rc == 0 && (json_object_set_new(answer, "diff", diff) != 0 ||
	                json_object_set(answer, "body", json_object_get(change, "after")) != 0))
		rc = SL_ENOMEM;
	if (rc != 0) {
		json_decref(answer);
		return rc;
	}
	(void)json_object_del(answer, "before");
	(void)json_object_del(answer, "after");
	return api_answer(call, OK, answer);
}

int api_setting_revision(struct api_call *call)
{
	json_t *change = NULL, *before = NULL;
	uint64_t revision = 0;
	int64_t from = 0;
	int rc = api_query_number(call, "from", 0, INT64_MAX, 0, &from);

	if (rc == 0 &&
	    (value_parse_uint(call->parameter[1], &revision) != 0 || revision > INT64_MAX))
		rc = problem_add(&call->problem, SL_EINVAL, "", "", "a revision is a number");
	if (rc == 0)
		rc = read_version(call, (int64_t)revision, &change);
	if (rc == 0 && from > 0)
		rc = read_version(call, from, &before);
	if (rc == 0)
		rc = answer_revision(call, change, before);
	json_decref(change);
	json_decref(before);
	return rc;
}

/* Of what is there, and of what is gone: without If-Match. */
static int roll_back(struct api_call *call, const struct setting_change *how)
{
	struct store *store = call->context->store;
	int64_t to = json_integer_value(json_object_get(call->body, "revision"));
	struct object before = {0};
	json_t *notices = NULL, *change = NULL;
	int64_t seen = 0;
	int rc = read_version(call, to, &change);

	if (rc == 0 && revision_of(call, call->parameter[0]) > 0) {
		rc = api_if_match(call, &seen);
		if (rc == 0)
			rc = object_get(store, kind_of(call), call->parameter[0], &before,
			                &call->problem);
	}
	if (rc == 0)
		rc = setting_rollback(store, how, kind_of(call), call->parameter[0], seen, to,
		                      &notices, &call->problem);
	if (rc == 0)
		rc = answer_written(call, how, OK,
		                    how->check_only
		                            ? call->parameter[0]
		                            : json_string_value(json_object_get(change, "name")),
		                    before.body, object_or_none(change, "after"), notices);
	json_decref(change);
	object_fini(&before);
	return refuse(call, rc);
}

int api_setting_rollback(struct api_call *call)
{
	return api_setting_change(call, roll_back);
}
