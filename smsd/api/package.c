/* SPDX-License-Identifier: Apache-2.0 */
/* Packages: brought, compared, installed. */
#include "smsd/package/package.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/route.h"
#include "smsd/push/push.h"

enum { OK = 200, CREATED = 201, NO_CONTENT = 204, HISTORY = 100 };

static int answer_items(struct api_call *call, int rc, json_t *list)
{
	return rc ? rc : api_answer(call, OK, json_pack("{s:o}", "items", list));
}

static int read_id(struct api_call *call, int64_t *ret_id)
{
	uint64_t id;

	if (value_parse_uint(call->parameter[0], &id) != 0 || id == 0 || id > INT64_MAX)
		return problem_add(&call->problem, SL_ENOENT, "", "",
		                   "there is no package \"%.32s\"", call->parameter[0]);
	*ret_id = (int64_t)id;
	return 0;
}

/* ---- packages ---------------------------------------------------------------------------- */

int api_packages(struct api_call *call)
{
	json_t *list = NULL;
	int rc = packages_list(call->context->packages, &list);

	return answer_items(call, rc, list);
}

static int answer_package(struct api_call *call, int status, int64_t id)
{
	json_t *shown = NULL;
	int rc = packages_show(call->context->packages, id, &shown, &call->problem);

	if (rc == 0 && status == CREATED)
		(void)snprintf(call->response.location, sizeof(call->response.location),
		               API_PREFIX "/packages/%" PRId64, id);
	return rc ? rc : api_answer(call, status, shown);
}

int api_package(struct api_call *call)
{
	int64_t id;
	int rc = read_id(call, &id);

	return rc ? rc : answer_package(call, OK, id);
}

int api_package_import(struct api_call *call)
{
	int64_t upload = json_integer_value(json_object_get(call->body, "upload")), id;
	int rc = packages_import(call->context->packages, &call->identity.actor, upload, &id,
	                         &call->problem);

	return rc ? rc : answer_package(call, CREATED, id);
}

int api_package_delete(struct api_call *call)
{
	int64_t id;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = packages_delete(call->context->packages, &call->identity.actor, id,
		                     &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

int api_package_diff(struct api_call *call)
{
	json_t *diff = NULL;
	int64_t id;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = packages_diff(call->context->packages, id, &diff, &call->problem);
	return rc ? rc : api_answer(call, OK, diff);
}

/* ---- installing -------------------------------------------------------------------------- */

/* The devices of a preview that a distribution would change. */
static json_t *changed_devices(const json_t *preview)
{
	json_t *devices = json_array(), *device;
	size_t i;

	json_array_foreach(json_object_get(preview, "devices"), i, device)
	{
		const json_t *name = json_object_get(device, "name");

		if (json_array_size(json_object_get(device, "changes")) == 0 &&
		    !json_is_true(json_object_get(device, "refused")))
			continue;
		if (devices &&
		    json_array_append_new(devices, json_pack("{s:O}", "name", name)) != 0) {
			json_decref(devices);
			devices = NULL;
		}
	}
	return devices;
}

/* It is done; whom it concerns is what a preview of a distribution to all says. */
static int answer_installed(struct api_call *call, int64_t id)
{
	const struct push_options all = {.devices_count = 0};
	struct problem none = {0};
	json_t *shown = NULL, *preview = NULL, *devices;
	int rc = packages_show(call->context->packages, id, &shown, &call->problem);

	if (rc != 0)
		return rc;
	/* Without an enrolled device there is none to preview, which is no fault here. */
	rc = push_preview(call->context->push, &all, &preview, &none);
	problem_fini(&none);
	devices = rc == 0 ? changed_devices(preview) : json_array();
	json_decref(preview);
	return api_answer(call, OK, json_pack("{s:o, s:o}", "package", shown, "devices", devices));
}

int api_package_install(struct api_call *call)
{
	int64_t id;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = packages_install(call->context->packages, &call->identity.actor, id,
		                      &call->problem);
	return rc ? rc : answer_installed(call, id);
}

int api_package_uninstall(struct api_call *call)
{
	int64_t id;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = packages_uninstall(call->context->packages, &call->identity.actor, id,
		                        &call->problem);
	return rc ? rc : answer_installed(call, id);
}

int api_package_history(struct api_call *call)
{
	char *kind = http_query_value(call->request, "kind");
	json_t *list = NULL;
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, API_PAGE_MAX, HISTORY, &limit);

	if (rc == 0)
		rc = packages_history(call->context->packages, kind, (unsigned)limit, &list);
	free(kind);
	return answer_items(call, rc, list);
}

int api_categories(struct api_call *call)
{
	json_t *list = NULL;
	int rc = packages_categories(call->context->packages, &list);

	return answer_items(call, rc, list);
}
