/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/check.h"

#include <string.h>

#include "lib/base/err.h"
#include "smsd/api/access.h"
#include "smsd/api/route.h"
#include "smsd/http/body.h"
#include "smsd/http/target.h"

enum { UNAUTHORIZED = 401, BAD_REQUEST = 400, UNSUPPORTED_MEDIA = 415 };

static int identify(struct api_call *call)
{
	const struct http_request *request = call->request;
	const struct auth_credentials credentials = {
	        .authorization = request->authorization,
	        .cookie = request->cookie,
	        .csrf = request->csrf_token,
	        .safe = request->method == HTTP_GET,
	        .again = call->going.on,
	        .from = request->from,
	};
	int rc = auth_identify(call->context->store, &credentials, &call->identity);

	if (rc == SL_EPERM) {
		call->refusal = UNAUTHORIZED;
		return problem_add(&call->problem, rc, "", "log in, or send a token that is valid",
		                   "nobody is logged in by this request");
	}
	if (rc == SL_EREFUSED)
		return problem_add(&call->problem, rc, "",
		                   "send the token of the login in X-Sluice-CSRF",
		                   "the session's CSRF token is missing or another's");
	return problem_tell(&call->problem, rc);
}

static int check_access(struct api_call *call)
{
	uint64_t capabilities = api_route_capabilities(call->route);
	char text[API_CAPABILITIES_TEXT_MAX];
	int rc;

	if (call->route->access == API_ACCESS_PUBLIC)
		return 0;
	rc = identify(call);
	if (rc != 0 || call->route->access == API_ACCESS_ANYONE)
		return rc;
	if (call->identity.capabilities & capabilities)
		return 0;
	if (call->identity.must_change)
		return problem_add(&call->problem, SL_EPERM, "", "POST " API_PREFIX "/me/password",
		                   "the password must be changed before anything else");
	return problem_add(&call->problem, SL_EPERM, "",
	                   "ask whoever gives roles, or use a token with this scope",
	                   "this needs the capability %s%s",
	                   capabilities & (capabilities - 1) ? "of one of these: " : "",
	                   api_route_access_text(call->route, text));
}

int check_query(struct api_call *call)
{
	return http_query_check(call->request->query, api_route_query(call->route),
	                        "docs/sms-api.md lists them", &call->problem);
}

/* Fills in call->body. All its codes are status 400 or 415, whatever the table says of them. */
static int check_body(struct api_call *call)
{
	const struct conf_object *shape = api_shape_object(call->route->body);

	call->refusal = BAD_REQUEST;
	if (call->route->body == API_SHAPE_NONE && call->request->body_len > 0)
		return problem_add(&call->problem, SL_EINVAL, "", "leave it out",
		                   "this route takes no body");
	if (shape && !http_body_is_json(call->request)) {
		call->refusal = UNSUPPORTED_MEDIA;
		return problem_add(&call->problem, SL_EUNSUPPORTED, "",
		                   "send Content-Type: application/json", "the body is no JSON");
	}
	if (shape) {
		int rc = http_body_read(call->request, shape, &call->body, &call->problem);

		if (rc != 0)
			return rc;
	}
	call->refusal = 0;
	return 0;
}

int check_call(struct api_call *call)
{
	bool somebodys = call->route->access != API_ACCESS_PUBLIC;
	int rc = check_access(call);

	if (rc == 0 && somebodys)
		rc = access_check_path(call);
	if (rc == 0)
		rc = check_query(call);
	if (rc == 0)
		rc = check_body(call);
	return rc == 0 && somebodys ? access_check_body(call) : rc;
}
