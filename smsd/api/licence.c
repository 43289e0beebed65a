/* SPDX-License-Identifier: Apache-2.0 */
/* What devices may: what the installed licence gives, and what they say. */
#include "smsd/push/licence.h"

#include "lib/base/err.h"
#include "smsd/api/route.h"
#include "smsd/base/moment.h"

enum { OK = 200 };

int api_licences(struct api_call *call)
{
	json_t *shown = NULL;
	int rc = licence_show(call->context->store, moment_now_ms(), &shown);

	return rc ? rc : api_answer(call, OK, shown);
}
