/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "smsd/api/route.h"
#include "smsd/http/target.h"

enum { TEXT_MAX = 512 };

static void lower(const char *text, char ret_text[TEXT_MAX])
{
	size_t i = 0;

	for (; text[i] && i < TEXT_MAX - 1; i++)
		ret_text[i] = (char)tolower((unsigned char)text[i]);
	ret_text[i] = '\0';
}

static json_t *parameter(const char *name, size_t len, const char *in)
{
	json_t *p = json_pack("{s:s%, s:s, s:{s:s}}", "name", name, len, "in", in, "schema", "type",
	                      "string");

	if (p && strcmp(in, "path") == 0)
		(void)json_object_set_new(p, "required", json_true());
	return p;
}

static json_t *parameters_of(const struct api_route *route)
{
	const char *end = route->path + api_route_path_len(route);
	const char *at = api_route_query(route);
	json_t *list = json_array();
	const char *name;
	size_t len;

	for (const char *p = route->path; (p = memchr(p, '{', (size_t)(end - p))) != NULL; p++)
		(void)json_array_append_new(list, parameter(p + 1, strcspn(p + 1, "}"), "path"));
	while ((name = http_query_next(&at, &len)) != NULL)
		(void)json_array_append_new(list, parameter(name, len, "query"));
	return list;
}

/* {content type: {schema}} of a shape; `type` of one that is JSON. */
static json_t *content_of(enum api_shape shape, const char *type)
{
	char ref[TEXT_MAX];

	if (shape == API_SHAPE_FILE)
		return json_pack("{s:{}}", "*/*");
	if (shape == API_SHAPE_STREAM)
		return json_pack("{s:{}}", "text/event-stream");
	(void)snprintf(ref, sizeof(ref), "#/components/schemas/%s", api_shape_name(shape));
	return json_pack("{s:{s:{s:s}}}", type, "schema", "$ref", ref);
}

static json_t *responses_of(const struct api_route *route)
{
	json_t *good = json_pack("{s:s}", "description", "Done.");

	if (good && route->answer != API_SHAPE_NONE)
		(void)json_object_set_new(good, "content",
		                          content_of(route->answer, "application/json"));
	return json_pack("{s:o, s:{s:s, s:o}}", "2XX", good, "default", "description", "Refused.",
	                 "content", content_of(API_SHAPE_PROBLEM, "application/problem+json"));
}

static json_t *security_of(const struct api_route *route)
{
	if (route->access == API_ACCESS_PUBLIC)
		return json_array();
	if (route->method == HTTP_GET)
		return json_pack("[{s:[]}, {s:[]}]", "session", "token");
	return json_pack("[{s:[], s:[]}, {s:[]}]", "session", "csrf", "token");
}

static json_t *operation_of(const struct api_route *route)
{
	char id[TEXT_MAX], access[API_CAPABILITIES_TEXT_MAX];
	json_t *op;

	lower(route->id, id);
	op = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "operationId", id, "summary",
	               route->summary, "parameters", parameters_of(route), "security",
	               security_of(route), "responses", responses_of(route), "x-access",
	               api_route_access_text(route, access));
	if (op && route->body != API_SHAPE_NONE)
		(void)json_object_set_new(op, "requestBody",
		                          json_pack("{s:b, s:o}", "required", 1, "content",
		                                    content_of(route->body, "application/json")));
	return op;
}

static json_t *paths(void)
{
	json_t *all = json_object();

	for (size_t i = 0; all && i < api_routes_count; i++) {
		const struct api_route *route = &api_routes[i];
		char path[TEXT_MAX], method[TEXT_MAX];
		json_t *item;

		(void)snprintf(path, sizeof(path), API_PREFIX "%.*s",
		               (int)api_route_path_len(route), route->path);
		lower(api_method_name(route->method), method);
		item = json_object_get(all, path);
		if (!item) {
			(void)json_object_set_new(all, path, json_object());
			item = json_object_get(all, path);
		}
		(void)json_object_set_new(item, method, operation_of(route));
	}
	return all;
}

static json_t *schemas(void)
{
	json_t *all = json_object();

	for (int i = API_SHAPE_STREAM + 1; all && i < API_SHAPE_END; i++)
		(void)json_object_set_new(
		        all, api_shape_name((enum api_shape)i),
		        conf_object_json_schema(api_shape_object((enum api_shape)i)));
	return all;
}

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s}}", "session", "type",
	                 "apiKey", "in", "cookie", "name", AUTH_COOKIE, "csrf", "type", "apiKey",
	                 "in", "header", "name", "X-Sluice-CSRF", "token", "type", "http", "scheme",
	                 "bearer");
}

json_t *openapi_document(void)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:o, s:o}}", "openapi", "3.1.0", "info",
	                 "title", "Sluice SMS", "version", SLUICE_VERSION, "paths", paths(),
	                 "components", "schemas", schemas(), "securitySchemes", security_schemes());
}
