/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of all objects: looked at, and gone back to. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/route.h"
#include "smsd/api/setting.h"
#include "smsd/auth/group.h"
#include "smsd/object/object.h"

enum { OK = 200, BAD_REQUEST = 400, MS = 1000 };

int api_changes(struct api_call *call)
{
	json_t *items = NULL;
	int64_t before, limit;
	int rc = api_query_number(call, "before", 0, API_NUMBER_MAX, 0, &before);

	if (rc == 0)
		rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);
	if (rc == 0)
		rc = object_changes(call->context->store, before, (unsigned)limit, &items,
		                    &call->problem);
	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", items));
}

/* Bits of the kinds whose capability he has. */
static uint32_t kinds_of(const struct api_call *call)
{
	const uint64_t has = call->identity.capabilities;
	uint32_t kinds = 0;

#define KIND(NAME, name, collection, key, capability, help)                                        \
	if (has >> AUTH_##capability & 1)                                                          \
		kinds |= 1U << OBJECT_##NAME;
#include "smsd/object/kind.def"
#undef KIND
	return kinds;
}

static int read_moment(struct api_call *call, struct setting_moment *ret_to)
{
	const json_t *change = json_object_get(call->body, "change");
	const char *time = api_body_text(call, "time");
	int64_t seconds = 0;

	if (!change == !time)
		return problem_add(&call->problem, SL_EINVAL, "", "write {\"change\": ID}",
		                   "say either change or time");
	if (time && value_parse_time(time, &seconds) != 0)
		return SL_EINVAL; /* its shape has refused it */
	*ret_to = (struct setting_moment){.change = json_integer_value(change),
	                                  .time_ms = seconds * MS + MS - 1};
	return 0;
}

/* Who does not see all of them would change what he does not see. */
static int check_groups(struct api_call *call)
{
	if (call->items_whole == AUTH_ITEMS_ALL)
		return 0;
	return problem_add(&call->problem, SL_EPERM, "", "ask somebody who has all of them",
	                   "your groups give you single ones, so you do not change all of them");
}

static int roll_back(struct api_call *call, const struct setting_change *how)
{
	struct setting_moment to;
	json_t *objects = NULL, *notices = NULL;
	int rc = read_moment(call, &to);

	if (rc == 0)
		rc = check_groups(call);
	if (rc == 0)
		rc = setting_rollback_all(call->context->store, how, kinds_of(call), &to, &objects,
		                          &notices, &call->problem);
	/* What the path names is there; a name in a body that nothing has is the body's fault. */
	if (rc == SL_ENOENT)
		call->refusal = BAD_REQUEST;
	if (rc != 0)
		return rc;
	return api_answer(call, OK,
	                  json_pack("{s:b, s:o, s:o}", "checked", how->check_only, "notices",
	                            notices, "diff", objects));
}

int api_rollback_all(struct api_call *call)
{
	return api_setting_change(call, roll_back);
}
