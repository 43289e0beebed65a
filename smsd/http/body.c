/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/http/body.h"

#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"

bool http_body_is_json(const struct http_request *request)
{
	static const char json[] = "application/json";
	size_t len = strcspn(request->content_type, "; \t");

	return len == sizeof(json) - 1 && strncasecmp(request->content_type, json, len) == 0;
}

int http_body_read(const struct http_request *request, const struct conf_object *shape,
                   json_t **ret_value, struct problem *problem)
{
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_object_read(shape, request->body, request->body_len, &errs, ret_value);
	if (rc != 0 && problem_add_conf(problem, &errs) == 0)
		rc = problem_add(problem, rc, "", "", "%s", err_text(rc));
	conf_errors_fini(&errs);
	return rc;
}
