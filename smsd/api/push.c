/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions: what is asked of the push room, and what it says. */
#include "smsd/push/push.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/route.h"

enum { OK = 200, CREATED = 201, MS_PER_S = 1000 };

/* ---- whom and how -------------------------------------------------------------------------- */

struct asked {
	struct push_options options;
	const char **names; /* point into what follows */
	json_t *holders;    /* NULL: the body's devices */
};

static void asked_fini(struct asked *asked)
{
	free(asked->names);
	json_decref(asked->holders);
}

static unsigned number_of(const struct api_call *call, const char *key, unsigned fallback)
{
	const json_t *value = json_object_get(call->body, key);

	return value ? (unsigned)json_integer_value(value) : fallback;
}

/* A list of names that lives as long as `asked`. */
static int name_devices(struct asked *asked, const json_t *list)
{
	size_t count = json_array_size(list);

	asked->names = calloc(count + 1, sizeof(*asked->names));
	if (!asked->names)
		return SL_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		asked->names[i] = name ? name : "";
	}
	asked->options.devices = asked->names;
	asked->options.devices_count = count;
	return 0;
}

/* One of three, said outright: a list that is empty by mistake is not all devices. */
static int read_whom(struct api_call *call, struct asked *asked)
{
	const json_t *devices = json_object_get(call->body, "devices");
	const char *certificate = api_body_text(call, "certificate");
	bool all = json_is_true(json_object_get(call->body, "all"));
	int rc = 0;

	if ((json_array_size(devices) > 0) + (certificate != NULL) + all != 1)
		return problem_add(&call->problem, SL_EINVAL, "/devices",
		                   "name devices, or all, or a certificate",
		                   "whom it is for is not said, or twice");
	if (certificate) {
		rc = push_holders(call->context->push, certificate, &asked->holders,
		                  &call->problem);
		devices = asked->holders;
		if (rc == 0 && json_array_size(devices) == 0)
			rc = problem_add(&call->problem, SL_EINVAL, "/certificate", "",
			                 "no device's document holds the certificate \"%.128s\"",
			                 certificate);
	}
	return rc || all ? rc : name_devices(asked, devices);
}

static int read_options(struct api_call *call, struct asked *ret_asked)
{
	const char *not_before = api_body_text(call, "not_before");
	int64_t seconds = 0;

	*ret_asked = (struct asked){
	        .options = {.comment = api_body_text(call, "comment"),
	                    .confirm_s = number_of(call, "confirm_s", REMOTE_CONFIRM_S),
	                    .staged = json_is_true(json_object_get(call->body, "staged")),
	                    .wait_s = number_of(call, "wait_s", 0)}};
	if (not_before && value_parse_time(not_before, &seconds) != 0)
		return problem_add(&call->problem, SL_EINVAL, "/not_before", "2027-01-31T08:00:00Z",
		                   "no time");
	ret_asked->options.not_before_ms = seconds * MS_PER_S;
	return read_whom(call, ret_asked);
}

/* ---- handlers -------------------------------------------------------------------------------- */

static int answer_one(struct api_call *call, int status, int64_t id, int64_t since_ms)
{
	json_t *shown = NULL;
	int rc = push_show(call->context->push, id, since_ms, &shown, &call->problem);

	if (rc == 0 && status == CREATED)
		(void)snprintf(call->response.location, sizeof(call->response.location),
		               API_PREFIX "/distributions/%" PRId64, id);
	return rc ? rc : api_answer(call, status, shown);
}

/* The path's number; what is none is no distribution. */
static int read_id(struct api_call *call, int64_t *ret_id)
{
	uint64_t id;

	if (value_parse_uint(call->parameter[0], &id) != 0 || id == 0 || id > INT64_MAX)
		return problem_add(&call->problem, SL_ENOENT, "", "",
		                   "there is no distribution \"%.32s\"", call->parameter[0]);
	*ret_id = (int64_t)id;
	return 0;
}

int api_distribution_begin(struct api_call *call)
{
	struct asked asked;
	int64_t id;
	int rc = read_options(call, &asked);

	if (rc == 0)
		rc = push_begin(call->context->push, &call->identity.actor, &asked.options, &id,
		                &call->problem);
	asked_fini(&asked);
	return rc ? rc : answer_one(call, CREATED, id, 0);
}

int api_distribution_preview(struct api_call *call)
{
	struct asked asked;
	json_t *preview = NULL;
	int rc = read_options(call, &asked);

	if (rc == 0)
		rc = push_preview(call->context->push, &asked.options, &preview, &call->problem);
	asked_fini(&asked);
	return rc ? rc : api_answer(call, OK, preview);
}

int api_distribution_get(struct api_call *call)
{
	int64_t id, since;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = api_query_number(call, "since", 0, API_NUMBER_MAX, 0, &since);
	return rc ? rc : answer_one(call, OK, id, since);
}

int api_distribution_list(struct api_call *call)
{
	int64_t before, limit;
	json_t *page = NULL;
	int rc = api_query_number(call, "before", 0, API_NUMBER_MAX, 0, &before);

	if (rc == 0)
		rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);
	if (rc == 0)
		rc = push_list(call->context->push, before, (unsigned)limit, &page, &call->problem);
	return rc ? rc : api_answer(call, OK, page);
}

int api_distribution_retry(struct api_call *call)
{
	int64_t id, again;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = push_retry(call->context->push, &call->identity.actor, id, &again,
		                &call->problem);
	return rc ? rc : answer_one(call, CREATED, again, 0);
}

int api_distribution_cancel(struct api_call *call)
{
	int64_t id;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = push_cancel(call->context->push, &call->identity.actor, id, &call->problem);
	return rc ? rc : answer_one(call, OK, id, 0);
}
