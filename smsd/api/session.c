/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and out, oneself, and one's own tokens. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/api/route.h"
#include "smsd/base/moment.h"

enum { CREATED = 201, NO_CONTENT = 204, TOO_MANY_REQUESTS = 429 };

/* Of the parsed body; the request's own bytes are http's to wipe. */
static void wipe_text(struct api_call *call, const char *name)
{
	json_t *value = json_object_get(call->body, name);

	if (json_is_string(value))
		OPENSSL_cleanse((char *)json_string_value(value), json_string_length(value));
}

static json_t *me_value(const struct auth_identity *identity)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "name", identity->actor.name, "via",
	                 identity->actor.via, "must_change", identity->must_change, "capabilities",
	                 auth_capability_list(identity->capabilities));
}

static int answer_login(struct api_call *call, const struct auth_session *session)
{
	json_t *value = me_value(&session->identity);

	if (value)
		(void)json_object_set_new(value, "csrf", json_string(session->csrf));
	auth_set_cookie(session, call->response.set_cookie);
	return api_answer(call, 200, value);
}

int api_login(struct api_call *call)
{
	struct auth_session session;
	int rc = auth_login(call->context->store, api_body_text(call, "name"),
	                    api_body_text(call, "password"), call->request->from, &session,
	                    &call->problem);

	wipe_text(call, "password");
	if (rc == SL_EAGAIN && call->problem.retry_s > 0)
		call->refusal = TOO_MANY_REQUESTS;
	if (rc != 0)
		return rc;
	rc = answer_login(call, &session);
	OPENSSL_cleanse(&session, sizeof(session));
	return rc;
}

int api_logout(struct api_call *call)
{
	int rc = auth_logout(call->context->store, &call->identity);

	if (rc != 0)
		return rc;
	if (call->identity.session != 0)
		auth_set_cookie(NULL, call->response.set_cookie);
	call->response.status = NO_CONTENT;
	return 0;
}

int api_me(struct api_call *call)
{
	return api_answer(call, 200, me_value(&call->identity));
}

void api_password_changed(const struct api_call *call, const char *name)
{
	const char *path = call->context->first_password;

	if (path && strcmp(name, AUTH_FIRST_PERSON) == 0 && unlink(path) == 0)
		log_info("%s is removed: its password counts no more", path);
}

int api_me_password(struct api_call *call)
{
	int rc = auth_change_password(call->context->store, &call->identity,
	                              api_body_text(call, "old"), api_body_text(call, "new"),
	                              &call->problem);

	wipe_text(call, "old");
	wipe_text(call, "new");
	if (rc == SL_EAGAIN && call->problem.retry_s > 0)
		call->refusal = TOO_MANY_REQUESTS;
	if (rc != 0)
		return rc;
	api_password_changed(call, call->identity.actor.name);
	call->response.status = NO_CONTENT;
	return 0;
}

/* Routes for whoever is logged in are no business of who has to change the password first. */
static int check_password_changed(struct api_call *call)
{
	if (!call->identity.must_change)
		return 0;
	return problem_add(&call->problem, SL_EPERM, "", "POST " API_PREFIX "/me/password",
	                   "the password must be changed before anything else");
}

/* Without a list all that the caller may. */
static uint64_t body_scopes(const struct api_call *call)
{
	return json_object_get(call->body, "scopes") ? api_body_capabilities(call, "scopes")
	                                             : call->identity.capabilities;
}

static unsigned body_days(const struct api_call *call)
{
	const json_t *days = json_object_get(call->body, "days");

	return json_is_integer(days) ? (unsigned)json_integer_value(days) : AUTH_TOKEN_DAYS;
}

int api_token_make(struct api_call *call)
{
	const char *name = api_body_text(call, "name");
	char token[AUTH_SECRET_MAX];
	int rc = check_password_changed(call);

	if (rc == 0)
		rc = auth_token_make(call->context->store, &call->identity, name, body_scopes(call),
		                     body_days(call), token, &call->problem);
	if (rc != 0)
		return rc;
	rc = api_answer(call, CREATED, json_pack("{s:s, s:s}", "name", name, "token", token));
	OPENSSL_cleanse(token, sizeof(token));
	return rc;
}

int api_add_token(void *arg, const char *name, uint64_t scopes, int64_t made_ms, int64_t ends_ms,
                  int64_t used_ms)
{
	char made[MOMENT_TEXT_MAX], ends[MOMENT_TEXT_MAX], used[MOMENT_TEXT_MAX];
	json_t *value = json_pack("{s:s, s:o, s:s, s:s}", "name", name, "scopes",
	                          auth_capability_list(scopes), "made", moment_text(made_ms, made),
	                          "ends", moment_text(ends_ms, ends));

	if (value && used_ms > 0)
		(void)json_object_set_new(value, "used", json_string(moment_text(used_ms, used)));
	return json_array_append_new(arg, value) == 0 ? 0 : SL_ENOMEM;
}

int api_tokens(struct api_call *call)
{
	json_t *items = json_array();
	int rc = items ? check_password_changed(call) : SL_ENOMEM;

	if (rc == 0)
		rc = auth_token_list(call->context->store, &call->identity, api_add_token, items);
	if (rc != 0) {
		json_decref(items);
		return rc;
	}
	return api_answer(call, 200, json_pack("{s:o}", "items", items));
}

int api_token_drop(struct api_call *call)
{
	int rc = check_password_changed(call);

	if (rc == 0)
		rc = auth_token_drop(call->context->store, &call->identity, call->parameter[0],
		                     &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}
