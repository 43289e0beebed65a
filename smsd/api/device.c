/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, for people: made, looked at, changed, revoked. */
#include "smsd/device/device.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/api/route.h"
#include "smsd/base/moment.h"
#include "smsd/device/port.h"
#include "smsd/push/licence.h"
#include "smsd/push/panic.h"
#include "smsd/push/push.h"

enum { OK = 200, CREATED = 201, NO_CONTENT = 204 };

/* ---- looking ----------------------------------------------------------------------------- */

/* What another room knows of each device, by name. */
struct extra {
	json_t *licence, *needs, *panic;
};

static void extra_fini(struct extra *extra)
{
	json_decref(extra->licence);
	json_decref(extra->needs);
	json_decref(extra->panic);
}

static int read_extra(struct api_call *call, int64_t now_ms, struct extra *extra)
{
	struct store *store = call->context->store;
	int rc = licence_summary(store, &extra->licence);

	if (rc == 0)
		rc = push_needs(store, &extra->needs);
	return rc ? rc : panic_summary(store, now_ms, &extra->panic);
}

static int add_rows(json_t *shown, const json_t *rows, const char *name)
{
	json_t *own = json_object_get(rows, name);

	return !own || json_object_update(shown, own) == 0 ? 0 : SL_ENOMEM;
}

static int add_extra(json_t *shown, const struct extra *extra, const char *name)
{
	int rc = add_rows(shown, extra->needs, name);

	if (rc == 0)
		rc = add_rows(shown, extra->licence, name);
	return rc ? rc : add_rows(shown, extra->panic, name);
}

static int answer_device(struct api_call *call, const char *name)
{
	json_t *shown = NULL;
	struct extra extra = {0};
	int64_t now_ms = moment_now_ms();
	struct device device;
	int rc = device_get(call->context->store, name, &device, &call->problem);

	if (rc != 0)
		return rc;
	api_set_revision(call, device.revision);
	rc = read_extra(call, now_ms, &extra);
	if (rc == 0)
		rc = device_show(&device, now_ms, &shown);
	if (rc == 0)
		rc = add_extra(shown, &extra, device.name);
	extra_fini(&extra);
	device_fini(&device);
	if (rc == 0)
		return api_answer(call, OK, shown);
	json_decref(shown);
	return rc;
}

int api_device_get(struct api_call *call)
{
	return answer_device(call, call->parameter[0]);
}

/* One more than the page has says that there is a next one. */
struct page {
	json_t *items;
	size_t limit;
	int64_t now_ms;
	char next[DEVICE_NAME_MAX];
	bool more;
	struct extra extra;
};

static int add_item(void *arg, const struct device *device)
{
	struct page *page = arg;
	json_t *shown = NULL;

	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return 1;
	}
	memcpy(page->next, device->name, sizeof(page->next));
	if (device_show(device, page->now_ms, &shown) != 0)
		return SL_ENOMEM;
	if (add_extra(shown, &page->extra, device->name) != 0) {
		json_decref(shown);
		return SL_ENOMEM;
	}
	/* What is long is told of one device at a time. */
	(void)json_object_del(shown, "settings");
	(void)json_object_del(shown, "capabilities");
	return json_array_append_new(page->items, shown) == 0 ? 0 : SL_ENOMEM;
}

int api_device_list(struct api_call *call)
{
	char *after = http_query_value(call->request, "after");
	struct page page = {.items = json_array(), .now_ms = moment_now_ms()};
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);

	page.limit = (size_t)limit;
	if (rc == 0)
		rc = read_extra(call, page.now_ms, &page.extra);
	if (rc == 0)
		rc = page.items ? device_list(call->context->store, after ? after : "",
		                              (unsigned)limit + 1, add_item, &page)
		                : SL_ENOMEM;
	free(after);
	extra_fini(&page.extra);
	if (rc >= 0)
		return api_answer(call, OK,
		                  json_pack("{s:o, s:s}", "items", page.items, "next",
		                            page.more ? page.next : ""));
	json_decref(page.items);
	return rc;
}

/* ---- tokens ------------------------------------------------------------------------------ */

/* Shown this once. */
static int answer_token(struct api_call *call, const char *name, char token[REMOTE_TOKEN_MAX])
{
	int rc = api_answer(call, CREATED,
	                    json_pack("{s:s, s:s, s:i, s:i}", "name", name, "token", token, "hours",
	                              DEVICE_TOKEN_S / 3600, "port",
	                              (int)call->context->devices_port));

	OPENSSL_cleanse(token, REMOTE_TOKEN_MAX);
	return rc;
}

int api_device_make(struct api_call *call)
{
	const char *name = api_body_text(call, "name");
	char token[REMOTE_TOKEN_MAX];
	int rc = device_create(call->context->store, &call->identity.actor, name ? name : "",
	                       api_body_text(call, "comment"), token, &call->problem);

	return rc ? rc : answer_token(call, name, token);
}

int api_device_token(struct api_call *call)
{
	const char *name = call->parameter[0];
	char token[REMOTE_TOKEN_MAX];
	int rc = device_new_token(call->context->store, &call->identity.actor, name, token,
	                          &call->problem);

	return rc ? rc : answer_token(call, name, token);
}

/* ---- changing ---------------------------------------------------------------------------- */

int api_device_change(struct api_call *call)
{
	const json_t *settings = json_object_get(call->body, "settings");
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = device_change(call->context->store, &call->identity.actor, call->parameter[0],
		                   revision, settings, api_body_text(call, "comment"),
		                   &call->problem);
	return rc ? rc : answer_device(call, call->parameter[0]);
}

/* A device that is online hears of it at once: the `wanted` that it waits in is answered. */
int api_device_revoke(struct api_call *call)
{
	const struct api_context *context = call->context;
	struct device device;
	int rc = device_get(context->store, call->parameter[0], &device, &call->problem);

	if (rc != 0)
		return rc;
	rc = device_revoke(context->store, &call->identity.actor, device.name, &call->problem);
	if (rc == 0 && context->port)
		port_wake(context->port, device.id);
	device_fini(&device);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

int api_device_delete(struct api_call *call)
{
	int rc = device_delete(call->context->store, &call->identity.actor, call->parameter[0],
	                       &call->problem);

	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}
