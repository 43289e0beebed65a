/* SPDX-License-Identifier: Apache-2.0 */
/* A call of a device, before its handler; and the handlers of enrolment. */
#include <string.h>

#include "lib/base/err.h"
#include "smsd/device/port_priv.h"
#include "smsd/http/answer.h"
#include "smsd/http/body.h"
#include "smsd/http/target.h"

enum { OK = 200, BAD_REQUEST = 400, UNSUPPORTED_MEDIA = 415 };

/* ---- which call -------------------------------------------------------------------------- */

static const char *query_of(const struct remote_call *row)
{
	const char *query = strchr(row->path, '?');

	return query ? query + 1 : "";
}

const struct remote_call *port_match(const struct http_request *request, const char **ret_allow)
{
	const size_t prefix = sizeof(REMOTE_PREFIX) - 1;
	const char *path = request->path;

	*ret_allow = "";
	if (strncmp(path, REMOTE_PREFIX, prefix) != 0)
		return NULL;
	path += prefix;
	for (size_t i = 0; i < REMOTE_CALL_END; i++) {
		const struct remote_call *row = &remote_calls[i];
		size_t len = strcspn(row->path, "?");

		if (strlen(path) != len || memcmp(path, row->path, len) != 0)
			continue;
		if (request->method == (row->method == REMOTE_GET ? HTTP_GET : HTTP_POST))
			return row;
		*ret_allow = row->method == REMOTE_GET ? "GET" : "POST";
	}
	return NULL;
}

/* Those that bring a document's text may be large; a body where none is taken is refused later. */
size_t port_body_max(const struct remote_call *row)
{
	if (row->body == REMOTE_SHAPE_FILE)
		return REMOTE_EVENTS_MAX;
	return row->body == REMOTE_SHAPE_ENROL || row->body == REMOTE_SHAPE_STATUS
	               ? REMOTE_BODY_MAX
	               : PORT_BODY_SMALL_MAX;
}

/* ---- what it passes ---------------------------------------------------------------------- */

static int identify(struct port_call *call)
{
	int rc;

	if (!call->request->peer)
		return problem_add(&call->problem, SL_EPERM, "",
		                   "enrol the device: tps sms enrol ADDRESS",
		                   "this call is for devices with a certificate");
	rc = device_identify(call->store, call->request->peer, &call->device);
	if (rc == SL_EREVOKED)
		return problem_add(&call->problem, rc, "",
		                   "ask for a new token, and enrol the device again",
		                   "the device's certificate counts for nothing");
	return problem_tell(&call->problem, rc);
}

/* All its codes are status 400 or 415, as the API's. */
static int check_body(struct port_call *call, const struct remote_call *row, int *ret_status)
{
	const struct conf_object *shape = remote_shape_object(row->body);
	int rc = 0;

	*ret_status = BAD_REQUEST;
	if (row->body == REMOTE_SHAPE_NONE && call->request->body_len > 0)
		return problem_add(&call->problem, SL_EINVAL, "", "leave it out",
		                   "this call takes no body");
	if (shape && !http_body_is_json(call->request)) {
		*ret_status = UNSUPPORTED_MEDIA;
		return problem_add(&call->problem, SL_EUNSUPPORTED, "",
		                   "send Content-Type: application/json", "the body is no JSON");
	}
	if (shape)
		rc = http_body_read(call->request, shape, &call->body, &call->problem);
	if (rc == 0)
		*ret_status = 0;
	return rc;
}

int port_check(struct port_call *call, const struct remote_call *row, int *ret_status)
{
	int rc = row->enrolled ? identify(call) : 0;

	*ret_status = 0;
	if (rc == 0)
		rc = http_query_check(call->request->query, query_of(row),
		                      "docs/internals/link.md has the calls", &call->problem);
	return rc ? rc : check_body(call, row, ret_status);
}

/* ---- handlers ---------------------------------------------------------------------------- */

int port_enrol(struct port_call *call)
{
	json_t *answer = NULL;
	int rc = device_enrol(call->store, call->vault, call->request->from, call->body, &answer,
	                      &call->problem);

	return rc ? rc : answer_json(&call->response, OK, answer);
}

int port_renew(struct port_call *call)
{
	json_t *answer = NULL;
	int rc = device_renew(call->store, call->vault, &call->device, call->request->from,
	                      call->body, &answer, &call->problem);

	return rc ? rc : answer_json(&call->response, OK, answer);
}
