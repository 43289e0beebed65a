/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the port. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "smsd/device/port.h"
#include "smsd/job/job.h"

struct event;

/* port_check.c, pool threads: all that a call passes before its handler. *ret_status: where the
 * problem's code alone does not say it; 0. */
int port_check(struct port_call *call, const struct remote_call *row, int *ret_status)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The call of a path and method; NULL: there is none, and `ret_allow` is the method that the path
 * takes, "" for a path that nothing knows. */
const struct remote_call *port_match(const struct http_request *request, const char **ret_allow)
        SL_NONNULL(1, 2);

/* Bytes of its body at most. */
size_t port_body_max(const struct remote_call *row) SL_NONNULL(1);

/* port_limit.c, event thread: wrong tokens of this minute, and those of which nobody knows yet. */
struct port_tries {
	unsigned wrong, under_way;
};

struct port_limit {
	uint64_t began_ns;
	struct port_tries all; /* the sum of them */
	struct {
		char from[64];
		struct port_tries tries;
	} sources[DEVICE_WRONG_ALL];
};

enum port_turn {
	PORT_TURN_NOW,   /* it is under way until port_limit_end */
	PORT_TURN_LATER, /* all that are left may be used up by those that are under way */
	PORT_TURN_NEVER, /* in this minute */
};

/* May one more be tried from there? */
enum port_turn port_limit_take(struct port_limit *limit, const char *from, uint64_t now_ns)
        SL_NONNULL(1, 2) SL_MUST;
/* What one came to for which it was NOW. */
void port_limit_end(struct port_limit *limit, const char *from, bool wrong, uint64_t now_ns)
        SL_NONNULL(1, 2);

/* A call on its way through the pool, or held. */
struct port_task {
	struct job job; /* first: a job is found by it */
	TAILQ_ENTRY(port_task) link;
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

TAILQ_HEAD(port_task_list, port_task);

struct port_hold {
	struct port_task_list held;
	unsigned wakes; /* so far */
	struct event *woken;
	int wake_fd;
	/* Who was woken, from any thread. */
	pthread_mutex_t lock;
	bool all; /* more than there is room for */
	unsigned ids_count;
	int64_t ids[DEVICES_MAX];
};

struct port_renewal {
	struct job job; /* first */
	struct port_options *options;
	struct event *look;
	bool busy;
	int rc;
	struct device_server server;
	struct problem problem;
};

struct port {
	struct port_options options;
	unsigned pending;
	bool closing;
	struct port_hold hold;
	struct port_limit limit;
	struct port_task_list waiting; /* enrolments whose turn it is not yet */
	unsigned waiting_count;
	struct port_renewal renewal;
};

/* port.c. Into the pool; false: there is no room. */
bool port_submit(struct port_task *task) SL_NONNULL(1) SL_MUST;
/* Its answer goes, and it. */
void port_finish(struct port_task *task) SL_NONNULL(1);
void port_call_fini(struct port_call *call) SL_NONNULL(1);

/* port_hold.c, event thread. Memory is zeroed before port_hold_begin; SL_ESYS, SL_ENOMEM, and
 * port_hold_end all the same. */
int port_hold_begin(struct port *port) SL_NONNULL(1) SL_MUST;
void port_hold_end(struct port *port) SL_NONNULL(1);
/* Whether its answer waits: nothing is new, and it may be held. */
bool port_hold(struct port_task *task) SL_NONNULL(1) SL_MUST;
/* Those who were woken are asked, as many as there is room for; the others when those are done. */
void port_hold_ask(struct port *port) SL_NONNULL(1);
/* All get the answer that there is. */
void port_hold_close(struct port *port) SL_NONNULL(1);

/* port_renew.c, event thread: looks once an hour. `options` outlive it. SL_ENOMEM, and
 * port_renewal_end all the same. */
int port_renewal_begin(struct port_renewal *renewal, struct port_options *options)
        SL_NONNULL(1, 2) SL_MUST;
void port_renewal_end(struct port_renewal *renewal) SL_NONNULL(1);
