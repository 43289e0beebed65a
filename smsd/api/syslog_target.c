/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog servers that events are sent to. */
#include "lib/base/err.h"
#include "smsd/api/route.h"
#include "smsd/auth/group.h"
#include "smsd/forward/forward.h"

enum { OK = 200, CREATED = 201, ACCEPTED = 202, NO_CONTENT = 204 };

static int answer_target(struct api_call *call, const char *name, int status)
{
	json_t *shown = NULL;
	int rc = forward_show(call->context->forward, name, &shown, &call->problem);

	if (rc != 0)
		return rc;
	api_set_revision(call, json_integer_value(json_object_get(shown, "revision")));
	return api_answer(call, status, shown);
}

int api_syslog_targets(struct api_call *call)
{
	json_t *list = NULL;
	int rc = forward_list(call->context->forward, &list);

	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

int api_syslog_target(struct api_call *call)
{
	return answer_target(call, call->parameter[0], OK);
}

/* Who sets a server sends it the events of all devices. */
static int check_whole(struct api_call *call)
{
	unsigned whole = 0;
	int rc = auth_items_whole(call->context->store, &call->identity, &whole);

	if (rc == 0 && !(whole >> AUTH_ITEM_DEVICE & 1))
		rc = problem_add(&call->problem, SL_EPERM, "", "ask somebody who has all devices",
		                 "a syslog server gets the events of all devices");
	return rc;
}

static int put(struct api_call *call, const char *name, int64_t revision)
{
	int rc = check_whole(call);

	if (rc != 0)
		return rc;
	return forward_put(call->context->forward, &call->identity.actor, name, revision,
	                   call->body, &call->problem);
}

int api_syslog_target_make(struct api_call *call)
{
	const char *name = api_body_text(call, "name");
	int rc = put(call, name, 0);

	return rc ? rc : answer_target(call, name, CREATED);
}

int api_syslog_target_change(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = put(call, call->parameter[0], revision);
	return rc ? rc : answer_target(call, call->parameter[0], OK);
}

int api_syslog_target_delete(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = forward_delete(call->context->forward, &call->identity.actor,
		                    call->parameter[0], revision, &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

int api_syslog_target_test(struct api_call *call)
{
	int rc = forward_test(call->context->forward, &call->identity.actor, call->parameter[0],
	                      &call->problem);

	return rc ? rc : answer_target(call, call->parameter[0], ACCEPTED);
}
