/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/http/answer.h"

#include "lib/base/err.h"
#include "smsd/http/http.h"

static int add(const char *text, size_t len, void *arg)
{
	return buf_add(arg, text, len) == 0 ? 0 : -1;
}

int answer_json(struct http_response *response, int status, json_t *value)
{
	int rc = SL_ENOMEM;

	if (value && json_dump_callback(value, add, &response->body, JSON_COMPACT) == 0)
		rc = buf_add(&response->body, "\n", 1);
	json_decref(value);
	response->status = status;
	response->content_type = "application/json";
	return rc;
}
