/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port of devices: a request is matched by lib/remote's table and counted in the event thread,
 * then a job: whose certificate, is the body as its shape says, the handler. `wanted` is held in
 * the event thread, at no cost but its memory, until something is to be said. The handlers of
 * enrolment are this room's, those of documents push's: both by handler tables given at creation,
 * so that nothing here knows what is above it. Event thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/device/device.h"
#include "smsd/base/problem.h"
#include "smsd/http/http.h"
#include "smsd/job/job.h"

struct alerts;
struct event_base;
struct ingest;
struct job_pool;

enum {
	/* Two a device: one is held in `wanted`, the other brings files and statuses. */
	PORT_CONNECTIONS_MAX = 4 * DEVICES_MAX,
	/* All devices may be behind one address, and no address has more than half of them. */
	PORT_SOURCE_MAX = PORT_CONNECTIONS_MAX / 2,
	/* Jobs of devices at once, beyond it 503: each has one, and some have two. */
	PORT_PENDING_MAX = JOB_QUEUE_MAX,
	/* Enrolments that wait for what others of their address come to; beyond it 503. */
	PORT_WAITING_MAX = 256,
	PORT_BODY_SMALL_MAX = 128 * 1024, /* of calls that bring no document; beyond it 413 */
	/* What the port shows is made anew when so much of its life is left; looked at hourly. */
	PORT_SERVER_LEFT_S = 30 * 24 * 3600,
	PORT_LOOK_S = 3600,
};

struct port_call {
	struct store *store;
	struct vault *vault;
	void *above; /* port_options.above */
	struct ingest *ingest;
	struct alerts *alerts;
	const struct http_request *request;
	struct device device; /* who asks, without its document; id 0 with `enrol` */
	json_t *body;         /* checked by its shape; NULL without one */
	struct http_response response;
	bool nothing_new; /* of WANTED: all is as the device says, so the answer can wait */
	struct problem problem;
};

/* Pool thread. 0: `response` is the answer; else `problem` has the code. */
typedef int port_handler(struct port_call *call);

/* Of this room. */
port_handler port_enrol, port_renew;

struct port_options {
	struct event_base *base;
	struct job_pool *pool;
	struct store *store;
	struct vault *vault;
	SSL_CTX *ctx;                            /* of device_ca_context */
	int64_t ctx_ends_ms;                     /* when what it shows ends */
	void *above;                             /* push */
	struct ingest *ingest;                   /* who takes events and counters */
	struct alerts *alerts;                   /* who looks at a device that said how it is */
	port_handler *handlers[REMOTE_CALL_END]; /* WANTED's answers at once: it is asked again */
};

struct port;

/* SL_ENOMEM, SL_ESYS. A call without a handler is answered by 501. */
int port_create(const struct port_options *options, struct port **ret_port)
        SL_NONNULL(1, 2) SL_MUST;

/* All `wanted` that are held are answered, and none is held from now on: the end is near. */
void port_close(struct port *port) SL_NONNULL(1);

/* No job is under way any more: the pool has been destroyed. What is held is answered. */
void port_destroy(struct port *port);

/* What http calls for each request; `arg` is the port. */
void port_request(void *arg, struct http_exchange *exchange) SL_NONNULL(1, 2);

/* Requests that have no answer yet, without those that are held. */
unsigned port_pending(const struct port *port) SL_NONNULL(1);

/* Something is to be said to the device: the `wanted` that it waits in is asked again. From any
 * thread, by a descriptor that the loop watches. */
void port_wake(struct port *port, int64_t device) SL_NONNULL(1);
