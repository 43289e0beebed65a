/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of `wanted` that wait for something new, and who is woken. */
#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/device/port_priv.h"
#include "smsd/http/refusal.h"

/* ---- holding ----------------------------------------------------------------------------- */

static void release(struct port_task *task)
{
	TAILQ_REMOVE(&task->port->hold.held, task, link);
	event_free(task->timer);
	task->timer = NULL;
	task->ready = false;
}

static void held_for_long(evutil_socket_t fd, short what, void *arg)
{
	struct port_task *task = arg;

	release(task);
	port_finish(task);
}

/* The answer that there is stays, for the time when nothing else is to be said. */
static void ask_again(struct port_task *task)
{
	struct port_call *call = &task->call;

	release(task);
	port_call_fini(call);
	call->nothing_new = false;
	http_response_init(&call->response);
	if (port_submit(task))
		return;
	refusal_answer(&call->response, &(struct problem){.code = SL_EAGAIN}, 0);
	port_finish(task);
}

/* As many as there is room for; the others when those are done. */
void port_hold_ask(struct port *port)
{
	struct port_task *task, *next;

	for (task = TAILQ_FIRST(&port->hold.held); task && port->pending < PORT_PENDING_MAX;
	     task = next) {
		next = TAILQ_NEXT(task, link);
		if (task->ready)
			ask_again(task);
	}
}

/* A device has one at most: whoever asks anew does not listen to the answer of before. */
static void end_held_of(struct port *port, int64_t device)
{
	struct port_task *task, *next;

	for (task = TAILQ_FIRST(&port->hold.held); task; task = next) {
		next = TAILQ_NEXT(task, link);
		if (task->call.device.id == device) {
			release(task);
			port_finish(task);
		}
	}
}

bool port_hold(struct port_task *task)
{
	struct port *port = task->port;
	uint64_t now_ns = clock_now_ns(), left_ns;
	struct timeval left;

	if (!task->holds || port->closing || now_ns >= task->until_ns || !task->call.nothing_new)
		return false;
	left_ns = task->until_ns - now_ns;
	left = (struct timeval){.tv_sec = (time_t)(left_ns / CLOCK_NS_PER_S),
	                        .tv_usec = (suseconds_t)(left_ns % CLOCK_NS_PER_S / 1000)};
	task->timer = evtimer_new(port->options.base, held_for_long, task);
	if (!task->timer || event_add(task->timer, &left) != 0)
		return false;
	end_held_of(port, task->call.device.id);
	/* Whatever it was woken for meanwhile may have been said already, or not. */
	task->ready = task->wakes != port->hold.wakes;
	TAILQ_INSERT_TAIL(&port->hold.held, task, link);
	return true;
}

/* ---- waking ------------------------------------------------------------------------------ */

void port_wake(struct port *port, int64_t device)
{
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&port->hold.lock);
	if (port->hold.ids_count < SL_ARRAY_LEN(port->hold.ids))
		port->hold.ids[port->hold.ids_count++] = device;
	else
		port->hold.all = true;
	(void)pthread_mutex_unlock(&port->hold.lock);
	(void)!write(port->hold.wake_fd, &one, sizeof(one));
}

/* With the lock. */
static void mark_ready(struct port *port)
{
	struct port_task *task;

	TAILQ_FOREACH(task, &port->hold.held, link)
	{
		for (unsigned i = 0; i < port->hold.ids_count && !task->ready; i++)
			task->ready = port->hold.ids[i] == task->call.device.id;
		task->ready |= port->hold.all;
	}
	port->hold.ids_count = 0;
	port->hold.all = false;
}

static void wake_due(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	uint64_t count;

	(void)!read(port->hold.wake_fd, &count, sizeof(count));
	port->hold.wakes++;
	(void)pthread_mutex_lock(&port->hold.lock);
	mark_ready(port);
	(void)pthread_mutex_unlock(&port->hold.lock);
	port_hold_ask(port);
}

/* ---- from its start to its end ----------------------------------------------------------- */

int port_hold_begin(struct port *port)
{
	struct port_hold *hold = &port->hold;

	TAILQ_INIT(&hold->held);
	(void)pthread_mutex_init(&hold->lock, NULL);
	hold->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hold->wake_fd < 0)
		return SL_ESYS;
	hold->woken =
	        event_new(port->options.base, hold->wake_fd, EV_READ | EV_PERSIST, wake_due, port);
	return hold->woken && event_add(hold->woken, NULL) == 0 ? 0 : SL_ENOMEM;
}

void port_hold_close(struct port *port)
{
	struct port_task *task;

	while ((task = TAILQ_FIRST(&port->hold.held))) {
		release(task);
		port_finish(task);
	}
}

void port_hold_end(struct port *port)
{
	struct port_hold *hold = &port->hold;

	if (hold->woken)
		event_free(hold->woken);
	if (hold->wake_fd >= 0)
		(void)close(hold->wake_fd);
	(void)pthread_mutex_destroy(&hold->lock);
}
