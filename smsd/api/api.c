/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/api/check.h"
#include "smsd/api/limit.h"
#include "smsd/api/route.h"
#include "smsd/api/stream.h"
#include "smsd/http/refusal.h"
#include "smsd/job/job.h"

enum { UNAUTHORIZED = 401, METHOD_NOT_ALLOWED = 405, TOO_MANY_REQUESTS = 429, FAILED = 500 };

struct api {
	struct job_pool *pool;
	const struct api_context *context;
	struct limit *limit;
	struct streams *streams;
	unsigned pending;
};

/* A call on its way through the pool. */
struct task {
	struct job job; /* first: a job is found by it */
	struct api_call call;
	struct api *api;
	struct http_exchange *exchange;
};

int api_create(struct event_base *base, struct job_pool *pool, const struct api_context *context,
               struct api **ret_api)
{
	struct api *api = calloc(1, sizeof(*api));

	if (!api || limit_create(&api->limit) != 0 ||
	    streams_create(base, pool, context, &api->streams) != 0) {
		api_destroy(api);
		return SL_ENOMEM;
	}
	api->pool = pool;
	api->context = context;
	*ret_api = api;
	return 0;
}

void api_destroy(struct api *api)
{
	if (!api)
		return;
	streams_destroy(api->streams);
	limit_destroy(api->limit);
	free(api);
}

void api_close(struct api *api)
{
	streams_close(api->streams);
}

unsigned api_pending(const struct api *api)
{
	return api->pending + streams_count(api->streams);
}

/* ---- in the pool ------------------------------------------------------------------------- */

/* Who fails at a login is nobody yet; whoever has not the right is somebody. */
static int status_of(const struct api_call *call)
{
	if (call->refusal == 0 && call->problem.code == SL_EPERM &&
	    call->route->access == API_ACCESS_PUBLIC)
		return UNAUTHORIZED;
	return call->refusal;
}

static void task_run(struct job *job)
{
	struct api_call *call = &((struct task *)job)->call;
	int rc = check_call(call);

	if (rc == 0)
		rc = call->route->handler(call);
	if (rc == 0)
		return;
	(void)problem_tell(&call->problem, rc);
	refusal_answer(&call->response, &call->problem, status_of(call));
	if (call->response.status == FAILED)
		log_error("%s %s: %s", api_method_name(call->route->method), call->route->path,
		          call->problem.count > 0 ? call->problem.items[0].text
		                                  : err_text(call->problem.code));
}

/* ---- in the event thread ----------------------------------------------------------------- */

static void task_free(struct task *task)
{
	json_decref(task->call.body);
	problem_fini(&task->call.problem);
	http_response_fini(&task->call.response);
	free(task);
}

/* Whoever asks without a login that holds is counted by address, so that trying costs. */
static void task_done(struct job *job)
{
	struct task *task = (struct task *)job;
	struct api *api = task->api;

	if (task->call.response.status == UNAUTHORIZED)
		(void)limit_take(api->limit, LIMIT_ADDRESS, task->call.request->from,
		                 clock_now_ns());
	if (task->call.going.on)
		streams_begin(api->streams, task->exchange, &task->call);
	else
		http_reply(task->exchange, &task->call.response);
	task_free(task);
	api->pending--;
}

static void refuse(struct http_exchange *exchange, int code, int status, const char *allow)
{
	struct problem problem = {.code = code, .retry_s = status == TOO_MANY_REQUESTS ? 1 : 0};
	struct http_response response;

	if (status == METHOD_NOT_ALLOWED)
		(void)problem_add(&problem, code, "", "", "this path takes %s", allow);
	http_response_init(&response);
	refusal_answer(&response, &problem, status);
	(void)snprintf(response.allow, sizeof(response.allow), "%s", allow);
	http_reply(exchange, &response);
	http_response_fini(&response);
	problem_fini(&problem);
}

static bool is_within_limits(struct api *api, const struct http_request *request)
{
	const char *secret = request->authorization[0] ? request->authorization : request->cookie;
	uint64_t now = clock_now_ns();

	if (!secret[0])
		return limit_take(api->limit, LIMIT_ADDRESS, request->from, now);
	return limit_look(api->limit, LIMIT_ADDRESS, request->from, now) &&
	       limit_take(api->limit, LIMIT_CREDENTIAL, secret, now);
}

static struct task *task_make(struct api *api, struct http_exchange *exchange)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->job = (struct job){.run = task_run, .done = task_done};
	task->api = api;
	task->exchange = exchange;
	task->call.context = api->context;
	task->call.request = http_exchange_request(exchange);
	http_response_init(&task->call.response);
	return task;
}

void api_request(void *arg, struct http_exchange *exchange)
{
	struct api *api = arg;
	const struct http_request *request = http_exchange_request(exchange);
	char allow[API_ALLOW_MAX];
	struct task *task;

	if (!is_within_limits(api, request)) {
		refuse(exchange, SL_EAGAIN, TOO_MANY_REQUESTS, "");
		return;
	}
	task = task_make(api, exchange);
	if (!task) {
		refuse(exchange, SL_ENOMEM, 0, "");
		return;
	}
	task->call.route =
	        api_route_match(request->method, request->path, task->call.parameter, allow);
	if (task->call.route && job_submit(api->pool, JOB_PEOPLE, &task->job) == 0) {
		api->pending++;
		return;
	}
	if (task->call.route)
		refuse(exchange, SL_EAGAIN, 0, "");
	else
		refuse(exchange, allow[0] ? SL_EUNSUPPORTED : SL_ENOENT,
		       allow[0] ? METHOD_NOT_ALLOWED : 0, allow);
	task_free(task);
}
