/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port of devices: a request is matched by lib/remote's table and counted in the event thread,
 * then a job: whose certificate, is the body as its shape says, the handler. `wanted` is held in
 * the event thread, at no cost but its memory, until something is to be said. The handlers of
 * enrolment are this room's, those of documents push's: both by handler tables given at creation,
 * so that nothing here knows what is above it. Event thread.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/device/device.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"

struct event_base;
struct job_pool;

struct port_call {
	struct store *store;
	struct vault *vault;
	void *above; /* port_options.above */
	const struct http_request *request;
	struct device device; /* who asks; id 0 with `enrol` */
	json_t *body;         /* checked by its shape; NULL without one */
	struct http_response response;
	struct problem problem;
};

/* Pool thread. 0: `response` is the answer; else `problem` has the code. */
typedef int port_handler(struct port_call *call);

struct port_options {
	struct event_base *base;
	struct job_pool *pool;
	struct store *store;
	struct vault *vault;
	void *above;                             /* push */
	port_handler *handlers[REMOTE_CALL_END]; /* WANTED's answers at once: it is asked again */
};

struct port;

int port_create(const struct port_options *options, struct port **ret_port)
        SL_NONNULL(1, 2) SL_MUST;

/* All `wanted` that are held are answered first. */
void port_destroy(struct port *port);

/* What http calls for each request; `arg` is the port. */
void port_request(void *arg, struct http_exchange *exchange) SL_NONNULL(1, 2);

/* Requests that have no answer yet, without those that are held. */
unsigned port_pending(const struct port *port) SL_NONNULL(1);

/* Something is to be said to the device: the `wanted` that it waits in is asked again. From any
 * thread, by a descriptor that the loop watches. */
void port_wake(struct port *port, int64_t device) SL_NONNULL(1);
