/* SPDX-License-Identifier: Apache-2.0 */
/* Groups, for whoever has the capability `people` and sees every item. */
#include "smsd/auth/group.h"

#include "lib/base/err.h"
#include "smsd/api/route.h"

enum { OK = 200, CREATED = 201, NO_CONTENT = 204 };

static int answer_group(struct api_call *call, int status, const char *name)
{
	json_t *shown;
	int rc = group_show(call->context->store, name, &shown, &call->problem);

	if (rc != 0)
		return rc;
	api_set_revision(call, json_integer_value(json_object_get(shown, "revision")));
	return api_answer(call, status, shown);
}

int api_groups(struct api_call *call)
{
	json_t *list = NULL;
	int rc = group_list(call->context->store, &list, &call->problem);

	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

int api_group(struct api_call *call)
{
	return answer_group(call, OK, call->parameter[0]);
}

int api_group_make(struct api_call *call)
{
	const char *name = api_body_text(call, "name");
	int rc = group_create(call->context->store, &call->identity, name, call->body,
	                      &call->problem);

	return rc ? rc : answer_group(call, CREATED, name);
}

int api_group_change(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = group_change(call->context->store, &call->identity, call->parameter[0],
		                  revision, call->body, &call->problem);
	return rc ? rc : answer_group(call, OK, call->parameter[0]);
}

int api_group_delete(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = group_delete(call->context->store, &call->identity, call->parameter[0],
		                  revision, &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}
