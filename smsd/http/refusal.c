/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/http/refusal.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "smsd/http/answer.h"

enum { FAILED = 500 };

/* What is not here is smsd's own failure. */
static const struct {
	int code, status;
} statuses[] = {
        {SL_EINVAL, 400}, {SL_ERANGE, 400},       {SL_ESHORT, 400},    {SL_EMALFORMED, 400},
        {SL_EEOF, 400},   {SL_EUNSUPPORTED, 400}, {SL_EMISMATCH, 400}, {SL_EEXPIRED, 400},
        {SL_EPERM, 403},  {SL_EREFUSED, 403},     {SL_EREVOKED, 403},  {SL_ENOENT, 404},
        {SL_EEXIST, 409}, {SL_EBUSY, 409},        {SL_ELIMIT, 409},    {SL_ECONFLICT, 412},
        {SL_EAGAIN, 503}, {SL_ETIMEOUT, 503},     {SL_ENOMEM, 503},    {SL_EFULL, 507},
};

int refusal_status(int code)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return FAILED;
}

/* "urn:sluice:noent" */
static const char *type_of(int code, char text[64])
{
	int len = snprintf(text, 64, "urn:sluice:%s", err_name(code));

	for (int i = 0; i < len; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	return text;
}

/* A text from outside that was cut may end within a character: json_string refuses that. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

static json_t *errors_of(const struct problem *problem)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < problem->count; i++) {
		const struct problem_item *item = &problem->items[i];
		json_t *one = json_pack("{s:o, s:o}", "pointer", text_value(item->pointer), "text",
		                        text_value(item->text));

		if (one && item->remedy[0])
			(void)json_object_set_new(one, "remedy", text_value(item->remedy));
		(void)json_array_append_new(list, one);
	}
	return list;
}

static json_t *value_of(const struct problem *problem, int status)
{
	char type[64];
	json_t *value = json_pack("{s:s, s:s, s:i}", "type", type_of(problem->code, type), "title",
	                          err_text(problem->code), "status", status);

	if (value && problem->count > 0) {
		(void)json_object_set_new(value, "detail", text_value(problem->items[0].text));
		(void)json_object_set_new(value, "errors", errors_of(problem));
	}
	if (value && problem->more > 0)
		(void)json_object_set_new(value, "more", json_integer((json_int_t)problem->more));
	return value;
}

void refusal_answer(struct http_response *response, const struct problem *problem, int status)
{
	json_t *value;

	if (status == 0)
		status = refusal_status(problem->code);
	value = value_of(problem, status);
	http_response_fini(response);
	http_response_init(response);
	if (answer_json(response, status, value) != 0)
		response->status = FAILED;
	response->content_type = "application/problem+json";
	response->retry_after_s = problem->retry_s;
	if (status == 503 && response->retry_after_s == 0)
		response->retry_after_s = 1;
}
