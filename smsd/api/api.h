/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's way of a request: matched and counted in the event thread, then a job: whose it is, may
 * he, is the body as its shape says, the handler; answered in the event thread again.
 */
#pragma once

#include "lib/base/attr.h"
#include "smsd/api/call.h"
#include "smsd/http/http.h"

struct api;
struct event_base;
struct job_pool;

enum { API_BODY_MAX = 16 * 1024 * 1024 };

/* `base`, `pool` and `context` outlive it. SL_ENOMEM. */
int api_create(struct event_base *base, struct job_pool *pool, const struct api_context *context,
               struct api **ret_api) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Answers that go on end, and no new ones begin: before the end of all. */
void api_close(struct api *api) SL_NONNULL(1);

/* No request is under way any more: the pool has been destroyed. */
void api_destroy(struct api *api);

/* What http calls for each request; `arg` is the api. */
void api_request(void *arg, struct http_exchange *exchange) SL_NONNULL(1, 2);

/* Requests that have no answer yet. */
unsigned api_pending(const struct api *api) SL_NONNULL(1);
