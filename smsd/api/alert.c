/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts, for whoever may look at events. Of what groups give single ones of (R136) each sees those
 * about what he has; what is about none of such a kind is seen by who has all devices. */
#include "smsd/alert/alert.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/route.h"
#include "smsd/auth/group.h"

enum { OK = 200 };

/* 0, SL_EPERM, or the store's code. */
static int may_see(struct api_call *call, const json_t *shown)
{
	const json_t *about = json_object_get(shown, "about");
	const char *kind = json_string_value(json_object_get(about, "kind"));
	unsigned whole = 0;
	int rc = auth_items_whole(call->context->store, &call->identity, &whole);

	for (unsigned i = 0; i < AUTH_ITEM_END && rc == 0; i++)
		if (kind && strcmp(auth_item_kind(i), kind) == 0)
			return whole >> i & 1
			               ? 0
			               : auth_may_item(
			                         call->context->store, &call->identity, i,
			                         json_string_value(json_object_get(about, "name")));
	if (rc != 0)
		return rc;
	return whole >> AUTH_ITEM_DEVICE & 1 ? 0 : SL_EPERM;
}

struct page {
	struct api_call *call;
	json_t *items;
	int64_t limit, count, last; /* rows that were looked at, the last one's id */
};

static int add_alert(void *arg, int64_t id, json_t *shown)
{
	struct page *page = arg;
	int rc = may_see(page->call, shown);

	page->count++;
	page->last = id;
	if (rc == 0)
		return json_array_append_new(page->items, shown) == 0 ? 0 : SL_ENOMEM;
	json_decref(shown);
	return rc == SL_EPERM ? 0 : rc;
}

int api_alert_list(struct api_call *call)
{
	struct page page = {.call = call};
	int64_t before;
	bool all;
	int rc = api_query_flag(call, "all", &all);

	if (rc == 0)
		rc = api_query_number(call, "before", 0, API_NUMBER_MAX, 0, &before);
	if (rc == 0)
		rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &page.limit);
	if (rc != 0)
		return rc;
	page.items = json_array();
	rc = page.items ? alerts_list(call->context->store, all, before, (unsigned)page.limit,
	                              add_alert, &page)
	                : SL_ENOMEM;
	if (rc != 0) {
		json_decref(page.items);
		return rc;
	}
	return api_answer(call, OK,
	                  json_pack("{s:o, s:I}", "items", page.items, "next",
	                            (json_int_t)(page.count == page.limit ? page.last : 0)));
}

int api_alert_acknowledge(struct api_call *call)
{
	json_t *shown = NULL;
	uint64_t id;
	int rc = value_parse_uint(call->parameter[0], &id);

	if (rc != 0 || id > API_NUMBER_MAX)
		return problem_add(&call->problem, SL_ENOENT, "", "look at the list of alerts",
		                   "there is no such alert");
	rc = alerts_get(call->context->store, (int64_t)id, &shown, &call->problem);
	if (rc == 0)
		rc = may_see(call, shown);
	json_decref(shown);
	shown = NULL;
	if (rc == SL_EPERM)
		return problem_add(&call->problem, SL_ENOENT, "", "look at the list of alerts",
		                   "there is no such alert");
	if (rc == 0)
		rc = alerts_acknowledge(call->context->store, &call->identity.actor, (int64_t)id,
		                        &call->problem);
	if (rc == 0)
		rc = alerts_get(call->context->store, (int64_t)id, &shown, &call->problem);
	return rc ? rc : api_answer(call, OK, shown);
}
