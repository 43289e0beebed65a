/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers make their answers and read their requests with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/access.h"
#include "smsd/api/call.h"
#include "smsd/http/answer.h"

int api_answer(struct api_call *call, int status, json_t *value)
{
	int rc = value ? access_filter(call, value) : SL_ENOMEM;

	if (rc == 0)
		rc = answer_json(&call->response, status, value);
	else
		json_decref(value);

	return problem_tell(&call->problem, rc);
}

void api_set_revision(struct api_call *call, int64_t revision)
{
	(void)snprintf(call->response.etag, sizeof(call->response.etag), "\"%" PRId64 "\"",
	               revision);
}

int api_if_match(struct api_call *call, int64_t *ret_revision)
{
	const char *text = call->request->if_match;
	size_t len = strlen(text);
	char digits[24];
	uint64_t value;

	if (len == 0) {
		call->refusal = 428;
		return problem_add(&call->problem, SL_EINVAL, "",
		                   "read it first, and send its ETag in If-Match",
		                   "a change must say which revision it is of");
	}
	if (len > 2 && len - 2 < sizeof(digits) && text[0] == '"' && text[len - 1] == '"') {
		memcpy(digits, text + 1, len - 2);
		digits[len - 2] = '\0';
		/* 0 is no revision of what there is, and makes what there is not. */
		if (value_parse_uint(digits, &value) == 0 && value > 0 && value <= INT64_MAX) {
			*ret_revision = (int64_t)value;
			return 0;
		}
	}
	return problem_add(&call->problem, SL_EINVAL, "", "send the ETag as it came",
	                   "If-Match is no revision of an object");
}

int api_query_number(struct api_call *call, const char *name, int64_t min, int64_t max,
                     int64_t fallback, int64_t *ret_number)
{
	char *text = http_query_value(call->request, name);
	uint64_t value = 0;
	int rc = 0;

	if (text)
		rc = value_parse_uint(text, &value);
	else
		value = (uint64_t)fallback;
	free(text);
	if (rc != 0 || value > INT64_MAX || (int64_t)value < min || (int64_t)value > max)
		return problem_add(&call->problem, SL_ERANGE, "", "",
		                   "%s is from %" PRId64 " to %" PRId64, name, min, max);
	*ret_number = (int64_t)value;
	return 0;
}

int api_query_flag(struct api_call *call, const char *name, bool *ret_flag)
{
	char *text = http_query_value(call->request, name);
	bool is_true = text && strcmp(text, "true") == 0;
	bool is_flag = !text || is_true || strcmp(text, "false") == 0;

	free(text);
	if (!is_flag)
		return problem_add(&call->problem, SL_EINVAL, "", "", "%s is true or false", name);
	*ret_flag = is_true;
	return 0;
}

const char *api_body_text(const struct api_call *call, const char *name)
{
	return json_string_value(json_object_get(call->body, name));
}

uint64_t api_body_capabilities(const struct api_call *call, const char *name)
{
	const json_t *words = json_object_get(call->body, name);
	uint64_t capabilities = 0;
	json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
	{
		enum auth_capability capability;

		if (auth_capability_parse(json_string_value(word), &capability) == 0)
			capabilities |= UINT64_C(1) << capability;
	}
	return capabilities;
}
