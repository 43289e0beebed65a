/* SPDX-License-Identifier: Apache-2.0 */
/* route.def as a table, and matching by it. Static; any thread. */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/api/call.h"
#include "smsd/api/shape.h"

#define API_PREFIX "/api/v1"

enum { API_ALLOW_MAX = 64 };

struct api_route {
	const char *id; /* "LOGIN" */
	enum http_method method;
	const char *path; /* "/certificates/{name}" */
	enum api_access access;
	enum api_shape body, answer;
	api_handler *handler;
	const char *summary;
};

extern const struct api_route api_routes[];
extern const size_t api_routes_count;

#define ROUTE(ID, METHOD, path, access, body, answer, handler, summary) api_handler handler;
#include "smsd/api/route.def"
#undef ROUTE

/* "GET". */
const char *api_method_name(enum http_method method);

/*
 * The route of a request, with what stands for its {…} in `ret_parameter`. NULL: there is none;
 * then `ret_allow` lists the methods that the path knows, "" for a path that nothing knows.
 */
const struct api_route *api_route_match(enum http_method method, const char *path,
                                        char ret_parameter[API_PARAMETERS_MAX][API_PARAMETER_MAX],
                                        char ret_allow[API_ALLOW_MAX]) SL_NONNULL(2, 3, 4);

/* Of the capabilities that let one in, a bit each; one is enough. 0: none is needed. */
uint64_t api_route_capabilities(const struct api_route *route) SL_NONNULL(1);

enum { API_CAPABILITIES_TEXT_MAX = 1024 };
/* "packages, profiles"; "logged in", "everyone". */
const char *api_route_access_text(const struct api_route *route,
                                  char text[API_CAPABILITIES_TEXT_MAX]) SL_NONNULL(1, 2);

/* The route's path without its query's parameters; those, or "". */
size_t api_route_path_len(const struct api_route *route) SL_NONNULL(1);
const char *api_route_query(const struct api_route *route) SL_NONNULL(1);
