/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/device/port.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/value.h"
#include "smsd/device/port_priv.h"
#include "smsd/http/refusal.h"

enum {
	OK = 200,
	METHOD_NOT_ALLOWED = 405,
	TOO_LARGE = 413,
	TOO_MANY_REQUESTS = 429,
	FAILED = 500,
	NOT_IMPLEMENTED = 501,
	RETRY_WRONG_S = 60,
};

/* ---- in the pool ------------------------------------------------------------------------- */

static void refuse_call(struct port_call *call, const struct remote_call *row, int rc, int status)
{
	(void)problem_tell(&call->problem, rc);
	refusal_answer(&call->response, &call->problem, status);
	if (call->response.status == FAILED)
		log_error("device call %s of \"%s\": %s", row->path, call->device.name,
		          call->problem.count > 0 ? call->problem.items[0].text
		                                  : err_text(call->problem.code));
}

static void task_run(struct job *job)
{
	struct port_task *task = (struct port_task *)job;
	port_handler *handler = task->port->options.handlers[task->row - remote_calls];
	int status = 0;
	int rc = port_check(&task->call, task->row, &status);

	if (rc == 0 && !handler) {
		status = NOT_IMPLEMENTED;
		rc = problem_add(&task->call.problem, SL_EUNSUPPORTED, "", "",
		                 "this call is not served");
	}
	if (rc == 0)
		rc = handler(&task->call);
	if (rc != 0)
		refuse_call(&task->call, task->row, rc, status);
}

/* ---- answers ----------------------------------------------------------------------------- */

void port_call_fini(struct port_call *call)
{
	device_fini(&call->device);
	json_decref(call->body);
	call->body = NULL;
	problem_fini(&call->problem);
	http_response_fini(&call->response);
}

static void task_free(struct port_task *task)
{
	if (task->timer)
		event_free(task->timer);
	port_call_fini(&task->call);
	free(task);
}

void port_finish(struct port_task *task)
{
	http_reply(task->exchange, &task->call.response);
	task_free(task);
}

/* The status. */
static int refuse_wrong(struct problem *problem)
{
	problem->retry_s = RETRY_WRONG_S;
	(void)problem_add(problem, SL_EAGAIN, "", "wait a minute", "too many tokens were wrong");
	return TOO_MANY_REQUESTS;
}

bool port_submit(struct port_task *task)
{
	struct port *port = task->port;

	task->wakes = port->hold.wakes;
	if (port->pending >= PORT_PENDING_MAX ||
	    job_submit(port->options.pool, JOB_DEVICES, &task->job) != 0)
		return false;
	port->pending++;
	return true;
}

/* ---- enrolments -------------------------------------------------------------------------- */

static bool is_enrolment(const struct port_task *task)
{
	return task->row == &remote_calls[REMOTE_ENROL];
}

static void end_enrolment(struct port_task *task)
{
	port_limit_end(&task->port->limit, task->call.request->from,
	               task->call.problem.code == SL_EREFUSED, clock_now_ns());
}

static enum port_turn turn_of(struct port_task *task)
{
	return port_limit_take(&task->port->limit, task->call.request->from, clock_now_ns());
}

/* Whether it waits: what was asked side by side is not wrong before anyone has looked. */
static bool wait_turn(struct port_task *task)
{
	struct port *port = task->port;

	if (port->closing || port->waiting_count >= PORT_WAITING_MAX)
		return false;
	TAILQ_INSERT_TAIL(&port->waiting, task, link);
	port->waiting_count++;
	return true;
}

static void refuse_waiting(struct port_task *task, bool wrong)
{
	struct problem problem = {.code = SL_EAGAIN};
	int status = wrong ? refuse_wrong(&problem) : 0;

	refusal_answer(&task->call.response, &problem, status);
	problem_fini(&problem);
	port_finish(task);
}

/* Whose turn it is now, after one has ended. Who has to wait on, waits for one that is under way.
 */
static void ask_waiting(struct port *port)
{
	struct port_task *task, *next;

	for (task = TAILQ_FIRST(&port->waiting); task; task = next) {
		enum port_turn turn = port->closing ? PORT_TURN_NOW : turn_of(task);

		next = TAILQ_NEXT(task, link);
		if (turn == PORT_TURN_LATER)
			continue;
		TAILQ_REMOVE(&port->waiting, task, link);
		port->waiting_count--;
		if (turn == PORT_TURN_NEVER)
			refuse_waiting(task, true);
		else if (port->closing)
			refuse_waiting(task, false);
		else if (!port_submit(task)) {
			end_enrolment(task);
			refuse_waiting(task, false);
		}
	}
}

static void task_done(struct job *job)
{
	struct port_task *task = (struct port_task *)job;
	struct port *port = task->port;
	bool enrolled = is_enrolment(task);

	port->pending--;
	if (enrolled)
		end_enrolment(task);
	if (!port_hold(task))
		port_finish(task);
	if (enrolled)
		ask_waiting(port);
	port_hold_ask(port);
}

/* ---- requests ---------------------------------------------------------------------------- */

static void refuse(struct http_exchange *exchange, struct problem *problem, int status,
                   const char *allow)
{
	struct http_response response;

	http_response_init(&response);
	refusal_answer(&response, problem, status);
	(void)snprintf(response.allow, sizeof(response.allow), "%s", allow);
	http_reply(exchange, &response);
	http_response_fini(&response);
	problem_fini(problem);
}

/* A number of the query; `fallback` without one. */
static int query_number(const struct http_request *request, const char *name, uint64_t fallback,
                        uint64_t *ret, struct problem *problem)
{
	char *text = http_query_value(request, name);
	int rc = 0;

	*ret = fallback;
	if (text && value_parse_uint(text, ret) != 0)
		rc = problem_add(problem, SL_EINVAL, "", "", "%s is a whole number", name);
	free(text);
	return rc;
}

static int read_wanted(struct port_task *task, struct problem *problem)
{
	const struct http_request *request = task->call.request;
	uint64_t wait_s;
	int rc = query_number(request, "wait", 0, &wait_s, problem);

	if (rc != 0)
		return rc;
	task->holds = wait_s > 0;
	task->until_ns = clock_now_ns() + SL_MIN(wait_s, (uint64_t)REMOTE_WAIT_S) * CLOCK_NS_PER_S;
	return 0;
}

static struct port_task *task_make(struct port *port, struct http_exchange *exchange,
                                   const struct remote_call *row)
{
	struct port_task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->job = (struct job){.run = task_run, .done = task_done};
	task->port = port;
	task->exchange = exchange;
	task->row = row;
	task->call = (struct port_call){.store = port->options.store,
	                                .vault = port->options.vault,
	                                .above = port->options.above,
	                                .ingest = port->options.ingest,
	                                .alerts = port->options.alerts,
	                                .request = http_exchange_request(exchange)};
	http_response_init(&task->call.response);
	return task;
}

/* Whether it is on its way; else why not is in the problem, or there is no room. */
static bool start(struct port_task *task, struct problem *problem, int *ret_status)
{
	enum port_turn turn = is_enrolment(task) ? turn_of(task) : PORT_TURN_NOW;

	if (turn == PORT_TURN_NEVER)
		*ret_status = refuse_wrong(problem);
	if (turn != PORT_TURN_NOW)
		return turn == PORT_TURN_LATER && wait_turn(task);
	if (port_submit(task))
		return true;
	if (is_enrolment(task))
		end_enrolment(task);
	return false;
}

static void begin(struct port *port, struct http_exchange *exchange, const struct remote_call *row,
                  struct problem *problem)
{
	struct port_task *task = task_make(port, exchange, row);
	int rc = task ? 0 : SL_ENOMEM, status = 0;

	if (rc == 0 && row == &remote_calls[REMOTE_WANTED])
		rc = read_wanted(task, problem);
	if (rc == 0 && start(task, problem, &status))
		return;
	if (task)
		task_free(task);
	if (problem->code == 0)
		problem->code = rc ? rc : SL_EAGAIN;
	refuse(exchange, problem, status, "");
}

void port_request(void *arg, struct http_exchange *exchange)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct problem problem = {0};
	const char *allow;
	const struct remote_call *row = port_match(request, &allow);

	if (!row && allow[0]) {
		(void)problem_add(&problem, SL_EUNSUPPORTED, "", "", "this path takes %s", allow);
		refuse(exchange, &problem, METHOD_NOT_ALLOWED, allow);
	} else if (!row) {
		problem.code = SL_ENOENT;
		refuse(exchange, &problem, 0, "");
	} else if (request->body_len > port_body_max(row)) {
		(void)problem_add(&problem, SL_ELIMIT, "", "", "the body is longer than %zu bytes",
		                  port_body_max(row));
		refuse(exchange, &problem, TOO_LARGE, "");
	} else {
		begin(arg, exchange, row, &problem);
	}
}

/* ---- from its start to its end ----------------------------------------------------------- */

int port_create(const struct port_options *options, struct port **ret_port)
{
	struct port *port = calloc(1, sizeof(*port));
	int rc;

	if (!port)
		return SL_ENOMEM;
	port->options = *options;
	TAILQ_INIT(&port->waiting);
	(void)SSL_CTX_up_ref(options->ctx);
	rc = port_hold_begin(port);
	if (rc == 0)
		rc = port_renewal_begin(&port->renewal, &port->options);
	if (rc != 0) {
		port_destroy(port);
		return rc;
	}
	*ret_port = port;
	return 0;
}

void port_close(struct port *port)
{
	port->closing = true;
	port_hold_close(port);
	ask_waiting(port);
}

void port_destroy(struct port *port)
{
	if (!port)
		return;
	port_close(port);
	port_renewal_end(&port->renewal);
	port_hold_end(port);
	SSL_CTX_free(port->options.ctx);
	free(port);
}

unsigned port_pending(const struct port *port)
{
	return port->pending;
}
