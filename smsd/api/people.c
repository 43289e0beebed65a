/* SPDX-License-Identifier: Apache-2.0 */
/* People and roles, for whoever has the capability `people`. */
#include "smsd/auth/people.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/api/route.h"

enum { OK = 200, CREATED = 201, NO_CONTENT = 204 };

/* An answer about something that shows its revision. */
static int answer_shown(struct api_call *call, int status, json_t *shown)
{
	api_set_revision(call, json_integer_value(json_object_get(shown, "revision")));
	return api_answer(call, status, shown);
}

static int done(struct api_call *call, int rc)
{
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

/* ---- people ------------------------------------------------------------------------------ */

static int answer_person(struct api_call *call, const char *name)
{
	json_t *shown;
	int rc = people_show(call->context->store, name, &shown, &call->problem);

	return rc ? rc : answer_shown(call, OK, shown);
}

/* Shown once; wiped here, and in the answer by http. */
static int answer_password(struct api_call *call, int status, const char *name,
                           char password[AUTH_SECRET_MAX])
{
	int rc = api_answer(call, status,
	                    json_pack("{s:s, s:s}", "name", name, "password", password));

	OPENSSL_cleanse(password, AUTH_SECRET_MAX);
	return rc;
}

static struct people_change change_of(const struct api_call *call)
{
	return (struct people_change){.role = api_body_text(call, "role"),
	                              .comment = api_body_text(call, "comment"),
	                              .disabled = json_object_get(call->body, "disabled"),
	                              .groups = json_object_get(call->body, "groups")};
}

int api_people(struct api_call *call)
{
	char *after = http_query_value(call->request, "after");
	json_t *page = NULL;
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);

	if (rc == 0)
		rc = people_list(call->context->store, after ? after : "", (unsigned)limit, &page,
		                 &call->problem);
	free(after);
	return rc ? rc : api_answer(call, OK, page);
}

int api_person_make(struct api_call *call)
{
	const struct people_change what = change_of(call);
	const char *name = api_body_text(call, "name");
	char password[AUTH_SECRET_MAX];
	int rc = people_create(call->context->store, &call->identity, name, &what, password,
	                       &call->problem);

	return rc ? rc : answer_password(call, CREATED, name, password);
}

int api_person(struct api_call *call)
{
	return answer_person(call, call->parameter[0]);
}

int api_person_change(struct api_call *call)
{
	const struct people_change what = change_of(call);
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = people_change(call->context->store, &call->identity, call->parameter[0],
		                   revision, &what, &call->problem);
	return rc ? rc : answer_person(call, call->parameter[0]);
}

int api_person_delete(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = people_delete(call->context->store, &call->identity, call->parameter[0],
		                   revision, &call->problem);
	return done(call, rc);
}

int api_person_password(struct api_call *call)
{
	char password[AUTH_SECRET_MAX];
	int rc = people_reset_password(call->context->store, &call->identity, call->parameter[0],
	                               password, &call->problem);

	if (rc != 0)
		return rc;
	api_password_changed(call, call->parameter[0]);
	return answer_password(call, OK, call->parameter[0], password);
}

int api_person_unlock(struct api_call *call)
{
	return done(call, people_unlock(call->context->store, &call->identity, call->parameter[0],
	                                &call->problem));
}

int api_person_end_sessions(struct api_call *call)
{
	return done(call, people_end_sessions(call->context->store, &call->identity,
	                                      call->parameter[0], &call->problem));
}

int api_person_tokens(struct api_call *call)
{
	json_t *items = json_array();
	int rc = items ? people_tokens(call->context->store, call->parameter[0], api_add_token,
	                               items, &call->problem)
	               : SL_ENOMEM;

	if (rc != 0) {
		json_decref(items);
		return rc;
	}
	return api_answer(call, OK, json_pack("{s:o}", "items", items));
}

int api_person_token_drop(struct api_call *call)
{
	return done(call,
	            people_drop_token(call->context->store, &call->identity, call->parameter[0],
	                              call->parameter[1], &call->problem));
}

/* ---- roles ------------------------------------------------------------------------------- */

static int answer_role(struct api_call *call, int status, const char *name)
{
	json_t *shown;
	int rc = role_show(call->context->store, name, &shown, &call->problem);

	return rc ? rc : answer_shown(call, status, shown);
}

/* `capabilities` has room for what the body has. */
static struct role_change role_change_of(const struct api_call *call, uint64_t *capabilities)
{
	struct role_change what = {.comment = api_body_text(call, "comment")};

	if (json_object_get(call->body, "capabilities")) {
		*capabilities = api_body_capabilities(call, "capabilities");
		what.capabilities = capabilities;
	}
	return what;
}

int api_roles(struct api_call *call)
{
	json_t *list = NULL;
	int rc = role_list(call->context->store, &list, &call->problem);

	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

int api_role(struct api_call *call)
{
	return answer_role(call, OK, call->parameter[0]);
}

int api_role_make(struct api_call *call)
{
	uint64_t capabilities;
	const struct role_change what = role_change_of(call, &capabilities);
	const char *name = api_body_text(call, "name");
	int rc = role_create(call->context->store, &call->identity, name,
	                     api_body_text(call, "from"), &what, &call->problem);

	return rc ? rc : answer_role(call, CREATED, name);
}

int api_role_change(struct api_call *call)
{
	uint64_t capabilities;
	const struct role_change what = role_change_of(call, &capabilities);
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = role_change(call->context->store, &call->identity, call->parameter[0],
		                 revision, &what, &call->problem);
	return rc ? rc : answer_role(call, OK, call->parameter[0]);
}

int api_role_delete(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = role_delete(call->context->store, &call->identity, call->parameter[0],
		                 revision, &call->problem);
	return done(call, rc);
}
