/* SPDX-License-Identifier: Apache-2.0 */
/* What devices report, as the port of devices brings it. */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/device/port.h"
#include "smsd/http/answer.h"
#include "smsd/ingest/ingest.h"

enum { OK = 200, NO_CONTENT = 204 };

static int answer_of(struct port_call *call, const char *epoch, const struct ingest_answer *a)
{
	return answer_json(&call->response, OK,
	                   json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "epoch", epoch, "next",
	                             (json_int_t)a->next, "stored", (json_int_t)a->stored,
	                             "repeated", (json_int_t)a->repeated, "refused",
	                             (json_int_t)a->refused, "lost", (json_int_t)a->lost));
}

static int take(struct port_call *call, const char *epoch, const char *first)
{
	struct ingest_batch batch = {.device = call->device.name,
	                             .epoch = epoch ? epoch : "",
	                             .lines = call->request->body,
	                             .len = call->request->body_len};
	struct ingest_answer answer;
	int rc;

	if (!first || value_parse_uint(first, &batch.first) != 0)
		return problem_add(&call->problem, SL_EINVAL, "", "",
		                   "first is the number of the first line");
	rc = ingest_take(call->ingest, &batch, &answer, &call->problem);
	return rc ? rc : answer_of(call, epoch, &answer);
}

int ingest_port_events(struct port_call *call)
{
	char *epoch = http_query_value(call->request, "epoch");
	char *first = http_query_value(call->request, "first");
	int rc = take(call, epoch, first);

	free(epoch);
	free(first);
	return rc;
}

int ingest_port_counters(struct port_call *call)
{
	call->response.status = NO_CONTENT;
	return ingest_count(call->ingest, call->device.name, json_object_get(call->body, "minutes"),
	                    &call->problem);
}
