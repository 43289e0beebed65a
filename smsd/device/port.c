/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/device/port.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/value.h"
#include "smsd/base/moment.h"
#include "smsd/device/port_priv.h"
#include "smsd/http/refusal.h"
#include "smsd/job/job.h"

enum {
	OK = 200,
	METHOD_NOT_ALLOWED = 405,
	TOO_LARGE = 413,
	TOO_MANY_REQUESTS = 429,
	FAILED = 500,
	NOT_IMPLEMENTED = 501,
	RETRY_WRONG_S = 60,
};

#define NS_PER_S UINT64_C(1000000000)

/* A call on its way through the pool, or held. */
struct task {
	struct job job; /* first: a job is found by it */
	TAILQ_ENTRY(task) link;
	struct port *port;
	struct http_exchange *exchange;
	const struct remote_call *row;
	struct port_call call;
	/* of `wanted` */
	bool holds; /* it may be held */
	uint64_t until_ns;
	unsigned wakes;      /* how often the port had been woken when it was asked */
	bool ready;          /* held, and to be asked again */
	struct event *timer; /* while it is held */
};

/* What the port shows, made again. */
struct remake {
	struct job job;
	struct port *port;
	bool busy;
	int rc;
	struct device_server server;
	struct problem problem;
};

struct port {
	struct port_options options;
	struct event *woken, *look;
	int wake_fd;
	unsigned pending, wakes;
	bool closing;
	TAILQ_HEAD(task_list, task) held;
	struct port_limit limit;
	struct task_list waiting; /* enrolments whose turn it is not yet */
	unsigned waiting_count;
	struct remake remake;
	/* Who was woken, from any thread. */
	pthread_mutex_t lock;
	bool all; /* more than there is room for */
	unsigned ids_count;
	int64_t ids[DEVICES_MAX];
};

/* ---- in the pool ------------------------------------------------------------------------- */

static void refuse_call(struct port_call *call, const struct remote_call *row, int rc, int status)
{
	if (call->problem.code == 0)
		(void)problem_add(&call->problem, rc, "", "", "%s", err_text(rc));
	refusal_answer(&call->response, &call->problem, status);
	if (call->response.status == FAILED)
		log_error("device call %s of \"%s\": %s", row->path, call->device.name,
		          call->problem.count > 0 ? call->problem.items[0].text
		                                  : err_text(call->problem.code));
}

static void task_run(struct job *job)
{
	struct task *task = (struct task *)job;
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

static void call_fini(struct port_call *call)
{
	device_fini(&call->device);
	json_decref(call->body);
	call->body = NULL;
	problem_fini(&call->problem);
	http_response_fini(&call->response);
}

static void task_free(struct task *task)
{
	if (task->timer)
		event_free(task->timer);
	call_fini(&task->call);
	free(task);
}

static void finish(struct task *task)
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

static bool submit(struct task *task)
{
	struct port *port = task->port;

	task->wakes = port->wakes;
	if (port->pending >= PORT_PENDING_MAX || job_submit(port->options.pool, &task->job) != 0)
		return false;
	port->pending++;
	return true;
}

/* ---- holding `wanted` -------------------------------------------------------------------- */

static void release(struct task *task)
{
	TAILQ_REMOVE(&task->port->held, task, link);
	event_free(task->timer);
	task->timer = NULL;
	task->ready = false;
}

static void held_for_long(evutil_socket_t fd, short what, void *arg)
{
	struct task *task = arg;

	release(task);
	finish(task);
}

/* The answer that there is stays, for the time when nothing else is to be said. */
static void ask_again(struct task *task)
{
	struct port_call *call = &task->call;

	release(task);
	call_fini(call);
	call->nothing_new = false;
	http_response_init(&call->response);
	if (submit(task))
		return;
	refusal_answer(&call->response, &(struct problem){.code = SL_EAGAIN}, 0);
	finish(task);
}

/* As many as there is room for; the others when those are done. */
static void ask_ready(struct port *port)
{
	struct task *task, *next;

	for (task = TAILQ_FIRST(&port->held); task && port->pending < PORT_PENDING_MAX;
	     task = next) {
		next = TAILQ_NEXT(task, link);
		if (task->ready)
			ask_again(task);
	}
}

/* A device has one at most: whoever asks anew does not listen to the answer of before. */
static void end_held_of(struct port *port, int64_t device)
{
	struct task *task, *next;

	for (task = TAILQ_FIRST(&port->held); task; task = next) {
		next = TAILQ_NEXT(task, link);
		if (task->call.device.id == device) {
			release(task);
			finish(task);
		}
	}
}

static bool hold(struct task *task)
{
	struct port *port = task->port;
	uint64_t now_ns = clock_now_ns(), left_ns;
	struct timeval left;

	if (!task->holds || port->closing || now_ns >= task->until_ns || !task->call.nothing_new)
		return false;
	left_ns = task->until_ns - now_ns;
	left = (struct timeval){.tv_sec = (time_t)(left_ns / NS_PER_S),
	                        .tv_usec = (suseconds_t)(left_ns % NS_PER_S / 1000)};
	task->timer = evtimer_new(port->options.base, held_for_long, task);
	if (!task->timer || event_add(task->timer, &left) != 0)
		return false;
	end_held_of(port, task->call.device.id);
	/* Whatever it was woken for meanwhile may have been said already, or not. */
	task->ready = task->wakes != port->wakes;
	TAILQ_INSERT_TAIL(&port->held, task, link);
	return true;
}

/* ---- enrolments -------------------------------------------------------------------------- */

static bool is_enrolment(const struct task *task)
{
	return task->row == &remote_calls[REMOTE_ENROL];
}

static void end_enrolment(struct task *task)
{
	port_limit_end(&task->port->limit, task->call.request->from,
	               task->call.problem.code == SL_EREFUSED, clock_now_ns());
}

static enum port_turn turn_of(struct task *task)
{
	return port_limit_take(&task->port->limit, task->call.request->from, clock_now_ns());
}

/* Whether it waits: what was asked side by side is not wrong before anyone has looked. */
static bool wait_turn(struct task *task)
{
	struct port *port = task->port;

	if (port->closing || port->waiting_count >= PORT_WAITING_MAX)
		return false;
	TAILQ_INSERT_TAIL(&port->waiting, task, link);
	port->waiting_count++;
	return true;
}

static void refuse_waiting(struct task *task, bool wrong)
{
	struct problem problem = {.code = SL_EAGAIN};
	int status = wrong ? refuse_wrong(&problem) : 0;

	refusal_answer(&task->call.response, &problem, status);
	problem_fini(&problem);
	finish(task);
}

/* Whose turn it is now, after one has ended. Who has to wait on, waits for one that is under way.
 */
static void ask_waiting(struct port *port)
{
	struct task *task, *next;

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
		else if (!submit(task)) {
			end_enrolment(task);
			refuse_waiting(task, false);
		}
	}
}

static void task_done(struct job *job)
{
	struct task *task = (struct task *)job;
	struct port *port = task->port;
	bool enrolled = is_enrolment(task);

	port->pending--;
	if (enrolled)
		end_enrolment(task);
	if (!hold(task))
		finish(task);
	if (enrolled)
		ask_waiting(port);
	ask_ready(port);
}

/* ---- waking ------------------------------------------------------------------------------ */

void port_wake(struct port *port, int64_t device)
{
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&port->lock);
	if (port->ids_count < SL_ARRAY_LEN(port->ids))
		port->ids[port->ids_count++] = device;
	else
		port->all = true;
	(void)pthread_mutex_unlock(&port->lock);
	(void)!write(port->wake_fd, &one, sizeof(one));
}

/* With the lock. */
static void mark_ready(struct port *port)
{
	struct task *task;

	TAILQ_FOREACH(task, &port->held, link)
	{
		for (unsigned i = 0; i < port->ids_count && !task->ready; i++)
			task->ready = port->ids[i] == task->call.device.id;
		task->ready |= port->all;
	}
	port->ids_count = 0;
	port->all = false;
}

static void wake_due(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	uint64_t count;

	(void)!read(port->wake_fd, &count, sizeof(count));
	port->wakes++;
	(void)pthread_mutex_lock(&port->lock);
	mark_ready(port);
	(void)pthread_mutex_unlock(&port->lock);
	ask_ready(port);
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

static int read_wanted(struct task *task, struct problem *problem)
{
	const struct http_request *request = task->call.request;
	uint64_t wait_s;
	int rc = query_number(request, "wait", 0, &wait_s, problem);

	if (rc != 0)
		return rc;
	task->holds = wait_s > 0;
	task->until_ns = clock_now_ns() + SL_MIN(wait_s, (uint64_t)REMOTE_WAIT_S) * NS_PER_S;
	return 0;
}

static struct task *task_make(struct port *port, struct http_exchange *exchange,
                              const struct remote_call *row)
{
	struct task *task = calloc(1, sizeof(*task));

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
static bool start(struct task *task, struct problem *problem, int *ret_status)
{
	enum port_turn turn = is_enrolment(task) ? turn_of(task) : PORT_TURN_NOW;

	if (turn == PORT_TURN_NEVER)
		*ret_status = refuse_wrong(problem);
	if (turn != PORT_TURN_NOW)
		return turn == PORT_TURN_LATER && wait_turn(task);
	if (submit(task))
		return true;
	if (is_enrolment(task))
		end_enrolment(task);
	return false;
}

static void begin(struct port *port, struct http_exchange *exchange, const struct remote_call *row,
                  struct problem *problem)
{
	struct task *task = task_make(port, exchange, row);
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

/* ---- what the port shows ----------------------------------------------------------------- */

static void remake_run(struct job *job)
{
	struct remake *remake = (struct remake *)job;
	const struct port_options *options = &remake->port->options;

	remake->rc = device_server_make(options->store, options->vault, &remake->server,
	                                &remake->problem);
}

/* What it shows goes on when that fails: there are weeks of hours to try again. */
static void remake_done(struct job *job)
{
	struct remake *remake = (struct remake *)job;
	struct port_options *options = &remake->port->options;

	if (remake->rc == 0)
		remake->rc = device_server_show(&remake->server, options->ctx);
	if (remake->rc == 0)
		options->ctx_ends_ms = remake->server.ends_ms;
	else
		log_error("the certificate of the devices' port cannot be renewed: %s",
		          err_text(remake->rc));
	device_server_fini(&remake->server);
	problem_fini(&remake->problem);
	remake->busy = false;
}

static void look_due(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	struct remake *remake = &port->remake;

	if (remake->busy ||
	    port->options.ctx_ends_ms - moment_now_ms() > (int64_t)PORT_SERVER_LEFT_S * 1000)
		return;
	remake->job = (struct job){.run = remake_run, .done = remake_done};
	remake->port = port;
	remake->busy = job_submit(port->options.pool, &remake->job) == 0;
}

/* ---- from its start to its end ----------------------------------------------------------- */

static int watch(struct port *port)
{
	static const struct timeval hour = {.tv_sec = PORT_LOOK_S};
	struct event_base *base = port->options.base;

	port->woken = event_new(base, port->wake_fd, EV_READ | EV_PERSIST, wake_due, port);
	port->look = event_new(base, -1, EV_PERSIST, look_due, port);
	return port->woken && port->look && event_add(port->woken, NULL) == 0 &&
	                       event_add(port->look, &hour) == 0
	               ? 0
	               : SL_ENOMEM;
}

int port_create(const struct port_options *options, struct port **ret_port)
{
	struct port *port = calloc(1, sizeof(*port));
	int rc;

	if (!port)
		return SL_ENOMEM;
	port->options = *options;
	TAILQ_INIT(&port->held);
	TAILQ_INIT(&port->waiting);
	(void)SSL_CTX_up_ref(options->ctx);
	(void)pthread_mutex_init(&port->lock, NULL);
	port->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = port->wake_fd < 0 ? SL_ESYS : watch(port);
	if (rc != 0) {
		port_destroy(port);
		return rc;
	}
	*ret_port = port;
	return 0;
}

void port_close(struct port *port)
{
	struct task *task;

	port->closing = true;
	while ((task = TAILQ_FIRST(&port->held))) {
		release(task);
		finish(task);
	}
	ask_waiting(port);
}

void port_destroy(struct port *port)
{
	if (!port)
		return;
	port_close(port);
	if (port->woken)
		event_free(port->woken);
	if (port->look)
		event_free(port->look);
	if (port->wake_fd >= 0)
		(void)close(port->wake_fd);
	(void)pthread_mutex_destroy(&port->lock);
	SSL_CTX_free(port->options.ctx);
	free(port);
}

unsigned port_pending(const struct port *port)
{
	return port->pending;
}
