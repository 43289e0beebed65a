/* SPDX-License-Identifier: Apache-2.0 */
/* What the port shows, made again in time. */
#include <event2/event.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/moment.h"
#include "smsd/device/port_priv.h"

static void renewal_run(struct job *job)
{
	struct port_renewal *renewal = (struct port_renewal *)job;
	const struct port_options *options = renewal->options;

	renewal->rc = device_server_make(options->store, options->vault, &renewal->server,
	                                 &renewal->problem);
}

/* What it shows goes on when that fails: there are weeks of hours to try again. */
static void renewal_done(struct job *job)
{
	struct port_renewal *renewal = (struct port_renewal *)job;
	struct port_options *options = renewal->options;

	if (renewal->rc == 0)
		renewal->rc = device_server_show(&renewal->server, options->ctx);
	if (renewal->rc == 0)
		options->ctx_ends_ms = renewal->server.ends_ms;
	else
		log_error("the certificate of the devices' port cannot be renewed: %s",
		          err_text(renewal->rc));
	device_server_fini(&renewal->server);
	problem_fini(&renewal->problem);
	renewal->busy = false;
}

static void look_due(evutil_socket_t fd, short what, void *arg)
{
	struct port_renewal *renewal = arg;

	if (renewal->busy ||
	    renewal->options->ctx_ends_ms - moment_now_ms() > (int64_t)PORT_SERVER_LEFT_S * 1000)
		return;
	renewal->job = (struct job){.run = renewal_run, .done = renewal_done};
	renewal->busy = job_submit(renewal->options->pool, JOB_PEOPLE, &renewal->job) == 0;
}

int port_renewal_begin(struct port_renewal *renewal, struct port_options *options)
{
	static const struct timeval hour = {.tv_sec = PORT_LOOK_S};

	renewal->options = options;
	renewal->look = event_new(options->base, -1, EV_PERSIST, look_due, renewal);
	return renewal->look && event_add(renewal->look, &hour) == 0 ? 0 : SL_ENOMEM;
}

void port_renewal_end(struct port_renewal *renewal)
{
	if (renewal->look)
		event_free(renewal->look);
}
