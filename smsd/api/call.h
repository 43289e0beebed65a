/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the API on its way: matched in the event thread, run in a thread of the pool, answered
 * in the event thread. A handler cannot be reached without its route's access having been asked.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/auth/auth.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"

struct forward;
struct ingest;
struct packages;
struct port;
struct push;
struct store;
struct vault;

/* What all handlers stand on; smsd's main makes it. */
struct api_context {
	struct store *store;
	struct vault *vault;
	struct certificate_cache *certificates; /* NULL: none is kept */
	struct ingest *ingest;
	struct push *push;
	struct packages *packages;
	struct forward *forward;
	/* The first person's first password; gone once there is another. NULL: there is no file. */
	const char *first_password;
	struct port *port;     /* of devices; NULL in tests */
	uint16_t devices_port; /* its number */
};

/* Who may: whoever may make something of an upload; anyone; whoever is logged in; whoever has the
 * capability. What route.def writes. */
enum api_access {
	API_ACCESS_UPLOADERS = -3,
	API_ACCESS_PUBLIC = -2,
	API_ACCESS_ANYONE = -1,
#define X(NAME, name, source, help) API_ACCESS_##NAME = AUTH_##NAME,
#include "smsd/auth/capability.def"
#undef X
};

enum { API_PLACE_MAX = 64 };

/* An answer that goes on (api/stream.h): its handler is called again for each part. */
struct api_going {
	bool on;   /* set by the handler: more may come */
	bool more; /* set by the handler: it has some already, and left off */
	bool beat; /* for the handler: something is to be said even when nothing came */
	char at[API_PLACE_MAX]; /* the handler's: where it left off; "" the first time */
};

enum { API_PARAMETERS_MAX = 4, API_PARAMETER_MAX = 256, API_PAGE_MAX = 1000, API_PAGE = 100 };

struct api_route;

struct api_call {
	const struct api_context *context;
	const struct api_route *route;
	const struct http_request *request;
	char parameter[API_PARAMETERS_MAX][API_PARAMETER_MAX]; /* of {…} in the path, in order */
	struct auth_identity identity;
	unsigned items_whole; /* kinds of which he has all (auth/group.h), once items_known */
	bool items_known;
	json_t *body; /* the request's object, checked by the route's shape; NULL without one */
	struct api_going going;
	struct http_response response; /* 200 to begin with, or what the handler sets */
	struct problem problem;
	int refusal; /* status where the problem's code alone does not say it; 0: by the table */
};

/* 0: `response` is the answer. Else a code that is in `problem`: the answer is made of that. */
typedef int api_handler(struct api_call *call);

/* Fills in the answer's body, without the items that he may not see; takes `value` over. SL_ENOMEM,
 * the store's codes. */
int api_answer(struct api_call *call, int status, json_t *value) SL_NONNULL(1) SL_MUST;

/* The revision that If-Match names, or SL_EINVAL: a change must say what it saw (428). */
int api_if_match(struct api_call *call, int64_t *ret_revision) SL_NONNULL(1, 2) SL_MUST;

/* The answer is about an object of this revision: its ETag. */
void api_set_revision(struct api_call *call, int64_t revision) SL_NONNULL(1);

/* A parameter of the query as a whole number from `min` to `max`; `fallback` when it is not there.
 * SL_ERANGE. */
int api_query_number(struct api_call *call, const char *name, int64_t min, int64_t max,
                     int64_t fallback, int64_t *ret_number) SL_NONNULL(1, 2, 6) SL_MUST;

/* A parameter of the query that is "true" or "false"; false when it is not there. SL_EINVAL. */
int api_query_flag(struct api_call *call, const char *name, bool *ret_flag)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* A text of the checked body; NULL when it was not sent. Valid as long as the call. */
const char *api_body_text(const struct api_call *call, const char *name) SL_NONNULL(1, 2);

/* A list of capabilities in the checked body, whose words its shape has checked. */
uint64_t api_body_capabilities(const struct api_call *call, const char *name) SL_NONNULL(1, 2);

/* This person has a new password: if it is the first one, the file with the old one goes. */
void api_password_changed(const struct api_call *call, const char *name) SL_NONNULL(1, 2);

/* An auth_token_fn that adds each token to the array `arg`. */
auth_token_fn api_add_token;
