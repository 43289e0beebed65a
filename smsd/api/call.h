/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the API on its way: matched in the event thread, run in a thread of the pool, answered
 * in the event thread. A handler cannot be reached without its route's access having been asked.
 */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/auth/auth.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"

struct store;
struct vault;

/* What all handlers stand on; smsd's main makes it. */
struct api_context {
	struct store *store;
	struct vault *vault;
};

/* Who may: anyone; whoever is logged in; whoever has the capability. */
enum api_access { API_PUBLIC = -2, API_ANYONE = -1 /* from 0 on: enum auth_capability */ };

enum { API_PARAMETERS_MAX = 4, API_PARAMETER_MAX = 256, API_PAGE_MAX = 1000, API_PAGE = 100 };

struct api_route;

struct api_call {
	const struct api_context *context;
	const struct api_route *route;
	const struct http_request *request;
	char parameter[API_PARAMETERS_MAX][API_PARAMETER_MAX]; /* of {…} in the path, in order */
	struct auth_identity identity;
	json_t *body; /* the request's object, checked by the route's shape; NULL without one */
	struct http_response response; /* 200 to begin with, or what the handler sets */
	struct problem problem;
};

/* 0: `response` is the answer. Else a code that is in `problem`: the answer is made of that. */
typedef int api_handler(struct api_call *call);

/* Fills in the answer's body; takes `value` over. SL_ENOMEM. */
int api_answer(struct api_call *call, int status, json_t *value) SL_NONNULL(1) SL_MUST;

/* The revision that If-Match names, or SL_EINVAL: a change must say what it saw (428). */
int api_if_match(struct api_call *call, int64_t *ret_revision) SL_NONNULL(1, 2) SL_MUST;
