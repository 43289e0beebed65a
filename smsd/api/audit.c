/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log, for who may read it. */
#include "smsd/auth/audit.h"

#include "lib/base/err.h"
#include "smsd/api/route.h"

int api_audit(struct api_call *call)
{
	int64_t before, limit;
	json_t *items;
	int rc = api_query_number(call, "before", 0, API_NUMBER_MAX, 0, &before);

	if (rc == 0)
		rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);
	if (rc == 0)
		rc = audit_list(call->context->store, before, (unsigned)limit, &items);
	return rc ? rc : api_answer(call, 200, json_pack("{s:o}", "items", items));
}
