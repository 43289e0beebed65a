/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/route.h"

#include <stdio.h>
#include <string.h>

const struct api_route api_routes[] = {
#define ROUTE(ID, METHOD, path, access, body, answer, handler, summary)                            \
	{#ID,     HTTP_##METHOD, path, API_ACCESS_##access, API_SHAPE_##body, API_SHAPE_##answer,  \
	 handler, summary},
#include "smsd/api/route.def"
#undef ROUTE
};

const size_t api_routes_count = SL_ARRAY_LEN(api_routes);

/* What it takes is an upload, by its body's rows. */
static bool takes_upload(const struct api_route *route)
{
	const struct conf_object *body = api_shape_object(route->body);

	return body && conf_object_field(body, "upload");
}

uint64_t api_route_capabilities(const struct api_route *route)
{
	uint64_t capabilities = 0;

	if (route->access >= 0)
		return UINT64_C(1) << route->access;
	if (route->access != API_ACCESS_UPLOADERS)
		return 0;
	for (size_t i = 0; i < api_routes_count; i++)
		if (api_routes[i].access >= 0 && takes_upload(&api_routes[i]))
			capabilities |= UINT64_C(1) << api_routes[i].access;
	return capabilities;
}

const char *api_route_access_text(const struct api_route *route,
                                  char text[API_CAPABILITIES_TEXT_MAX])
{
	uint64_t capabilities = api_route_capabilities(route);
	size_t len = 0;

	if (capabilities == 0)
		return route->access == API_ACCESS_PUBLIC ? "everyone" : "logged in";
	for (unsigned i = 0; i < AUTH_CAPABILITY_END; i++)
		if (capabilities >> i & 1 && len < API_CAPABILITIES_TEXT_MAX)
			len += (size_t)snprintf(text + len, API_CAPABILITIES_TEXT_MAX - len, "%s%s",
			                        len ? ", " : "",
			                        auth_capability_name((enum auth_capability)i));
	return text;
}

const char *api_method_name(enum http_method method)
{
	static const char *const names[] = {
#define X(NAME) [HTTP_##NAME] = #NAME,
	        HTTP_METHODS(X)
#undef X
	};

	return names[method];
}

size_t api_route_path_len(const struct api_route *route)
{
	return strcspn(route->path, "?");
}

const char *api_route_query(const struct api_route *route)
{
	const char *query = route->path + api_route_path_len(route);

	return *query ? query + 1 : query;
}

/* One segment of a path, a "/" in front; moves *at behind it. */
static size_t segment(const char **at, const char *end, const char **ret_text)
{
	const char *text = *at + 1;
	const char *slash = memchr(text, '/', (size_t)(end - text));

	*at = slash ? slash : end;
	*ret_text = text;
	return (size_t)(*at - text);
}

static bool take(char parameter[API_PARAMETER_MAX], const char *text, size_t len)
{
	if (len == 0 || len >= API_PARAMETER_MAX)
		return false;
	memcpy(parameter, text, len);
	parameter[len] = '\0';
	return true;
}

static bool matches(const struct api_route *route, const char *path,
                    char parameter[API_PARAMETERS_MAX][API_PARAMETER_MAX])
{
	const char *want = route->path, *want_end = want + api_route_path_len(route);
	const char *path_end = path + strlen(path);
	size_t parameters = 0;

	while (want < want_end && path < path_end) {
		const char *a, *b;
		size_t a_len = segment(&want, want_end, &a);
		size_t b_len = segment(&path, path_end, &b);

		if (a_len > 0 && a[0] == '{') {
			if (parameters == API_PARAMETERS_MAX ||
			    !take(parameter[parameters++], b, b_len))
				return false;
		} else if (a_len != b_len || memcmp(a, b, a_len) != 0) {
			return false;
		}
	}
	return want == want_end && path == path_end;
}

static void add_method(char allow[API_ALLOW_MAX], enum http_method method)
{
	size_t len = strlen(allow);

	(void)snprintf(allow + len, API_ALLOW_MAX - len, "%s%s", len > 0 ? ", " : "",
	               api_method_name(method));
}

const struct api_route *api_route_match(enum http_method method, const char *path,
                                        char ret_parameter[API_PARAMETERS_MAX][API_PARAMETER_MAX],
                                        char ret_allow[API_ALLOW_MAX])
{
	ret_allow[0] = '\0';
	if (strncmp(path, API_PREFIX "/", strlen(API_PREFIX) + 1) != 0)
		return NULL;
	path += strlen(API_PREFIX);
	for (size_t i = 0; i < api_routes_count; i++) {
		if (!matches(&api_routes[i], path, ret_parameter))
			continue;
		if (api_routes[i].method == method)
			return &api_routes[i];
		add_method(ret_allow, api_routes[i].method);
	}
	return NULL;
}
