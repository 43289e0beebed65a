/* SPDX-License-Identifier: Apache-2.0 */
/* Where packages come from, and whom they are believed. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/route.h"
#include "smsd/package/package.h"

enum { OK = 200, CREATED = 201, ACCEPTED = 202, NO_CONTENT = 204 };

/* ---- keys -------------------------------------------------------------------------------- */

static int answer_keys(struct api_call *call, int status)
{
	json_t *list = NULL;
	int rc = packages_key_list(call->context->packages, &list);

	return rc ? rc : api_answer(call, status, json_pack("{s:o}", "items", list));
}

int api_package_keys(struct api_call *call)
{
	return answer_keys(call, OK);
}

int api_package_key_add(struct api_call *call)
{
	int rc = packages_key_add(call->context->packages, &call->identity.actor,
	                          api_body_text(call, "name"), api_body_text(call, "pem"),
	                          &call->problem);

	return rc ? rc : answer_keys(call, CREATED);
}

int api_package_key_delete(struct api_call *call)
{
	int rc = packages_key_delete(call->context->packages, &call->identity.actor,
	                             call->parameter[0], &call->problem);

	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

/* ---- sources ----------------------------------------------------------------------------- */

static int answer_source(struct api_call *call, const char *name, int status)
{
	json_t *shown = NULL;
	int rc = packages_source_show(call->context->packages, name, &shown, &call->problem);

	if (rc != 0)
		return rc;
	api_set_revision(call, json_integer_value(json_object_get(shown, "revision")));
	return api_answer(call, status, shown);
}

int api_package_sources(struct api_call *call)
{
	json_t *list = NULL;
	int rc = packages_source_list(call->context->packages, &list);

	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

int api_package_source(struct api_call *call)
{
	return answer_source(call, call->parameter[0], OK);
}

/* Each word a kind. */
static int check_automatic(struct api_call *call)
{
	json_t *word;
	size_t i;

	json_array_foreach(json_object_get(call->body, "automatic"), i, word)
	{
		const char *text = json_string_value(word);
		char pointer[64];

		if (text && package_kind_find(text) != PACKAGE_KIND_END)
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/automatic/%zu", i);
		return problem_add(&call->problem, SL_EINVAL, pointer,
		                   "categories, ca-certificates, decryption-policy or licence",
		                   "there is no kind \"%.32s\"", text ? text : "");
	}
	return 0;
}

static int put(struct api_call *call, const char *name, int64_t revision)
{
	int rc = check_automatic(call);

	return rc ? rc
	          : packages_source_put(call->context->packages, &call->identity.actor, name,
	                                revision, call->body, &call->problem);
}

int api_package_source_make(struct api_call *call)
{
	const char *name = api_body_text(call, "name");
	int rc = put(call, name, 0);

	return rc ? rc : answer_source(call, name, CREATED);
}

int api_package_source_change(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = put(call, call->parameter[0], revision);
	return rc ? rc : answer_source(call, call->parameter[0], OK);
}

int api_package_source_delete(struct api_call *call)
{
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = packages_source_delete(call->context->packages, &call->identity.actor,
		                            call->parameter[0], revision, &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

int api_package_source_check(struct api_call *call)
{
	int rc = packages_source_check(call->context->packages, &call->identity.actor,
	                               call->parameter[0], &call->problem);

	return rc ? rc : answer_source(call, call->parameter[0], ACCEPTED);
}
