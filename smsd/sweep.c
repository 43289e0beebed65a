/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/sweep.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/moment.h"
#include "smsd/job/job.h"

enum { EVERY_S = 3600 };

struct sweep {
	struct job job; /* first: a job is found by it */
	struct job_pool *pool;
	struct store *store;
	struct audit_keep keep;
	struct event *timer;
	bool under_way;
};

static void sweep_run(struct job *job)
{
	struct sweep *sweep = (struct sweep *)job;
	int rc = audit_sweep(sweep->store, &sweep->keep, moment_now_ms());

	if (rc != 0)
		log_warning("old rows of the audit log could not be dropped: %s", err_text(rc));
}

static void sweep_done(struct job *job)
{
	((struct sweep *)job)->under_way = false;
}

/* A queue that is full now has room in an hour. */
static void sweep_due(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval every = {.tv_sec = EVERY_S};
	struct sweep *sweep = arg;

	if (!sweep->under_way)
		sweep->under_way = job_submit(sweep->pool, JOB_PEOPLE, &sweep->job) == 0;
	(void)event_add(sweep->timer, &every);
}

int sweep_create(struct event_base *base, struct job_pool *pool, struct store *store,
                 const struct audit_keep *keep, struct sweep **ret_sweep)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep)
		return SL_ENOMEM;
	sweep->job = (struct job){.run = sweep_run, .done = sweep_done};
	sweep->pool = pool;
	sweep->store = store;
	sweep->keep = *keep;
	sweep->timer = evtimer_new(base, sweep_due, sweep);
	if (!sweep->timer) {
		free(sweep);
		return SL_ENOMEM;
	}
	event_active(sweep->timer, EV_TIMEOUT, 0);
	*ret_sweep = sweep;
	return 0;
}

void sweep_destroy(struct sweep *sweep)
{
	if (!sweep)
		return;
	event_free(sweep->timer);
	free(sweep);
}
