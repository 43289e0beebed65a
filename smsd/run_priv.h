/* SPDX-License-Identifier: Apache-2.0 */
/* smsd as its start, its service and its end see it. Inside smsd's own files. */
#pragma once

#include <limits.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "smsd/api/api.h"
#include "smsd/base/problem.h"
#include "smsd/job/job.h"
#include "smsd/package/package.h"
#include "smsd/run.h"

struct alerts;
struct event;
struct event_base;
struct http_server;
struct ingest;
struct port;
struct push;
struct sweep;

/* What distributions do by the clock: one at a time, in the pool. */
struct tick {
	struct job job; /* first: the tick is found by it */
	struct push *push;
	bool busy;
	int rc, told; /* what it came to, and what of that was logged */
};

/* The same for events that have had their time, and for alerts. */
struct ageing {
	struct job job; /* first */
	struct ingest *ingest;
	struct alerts *alerts;
	bool busy;
	int rc, told; /* of alerts, as a tick's */
};

/* Looks at sources of packages, which may take minutes: so many at the same time. */
struct look {
	struct job job; /* first */
	struct packages *packages;
	bool busy;
};

struct smsd {
	const struct run_options *options;
	struct problem problem;
	struct api_context context;
	struct alerts *alerts;
	SSL_CTX *ctx, *devices_ctx;
	char first_password[PATH_MAX];
	struct event_base *base;
	struct job_pool *pool;
	struct api *api;
	struct http_server *server;
	struct port *port;
	struct http_server *devices;
	struct sweep *sweep;
	struct event *term, *interrupt, *jobs, *drain, *clock;
	struct tick tick;
	char events[PATH_MAX]; /* directory of their days */
	struct event *ages;
	struct ageing ageing;
	struct look looks[PACKAGES_CHECKS];
	unsigned drain_steps;
};

/* ---- open.c ---- */
/* Store, vault, first person, certificates, rooms: what there is before anyone is served.
 * `database` NULL: SQLite; `passphrase` NULL: by a key file; `first`: the data directory was made
 * just now. In s->problem. */
int open_all(struct smsd *s, const char *database, const char *passphrase, bool first)
        SL_NONNULL(1) SL_MUST;
/* What open_all opened, in the reverse order. */
void close_rooms(struct smsd *s) SL_NONNULL(1);
/* The vault by another source from now on; nobody is served. */
int rotate_key(struct smsd *s, const char *passphrase) SL_NONNULL(1) SL_MUST;

/* ---- serve.c ---- */
/* Both ports and the clock, until a signal ends it and all requests have their answer. */
int serve(struct smsd *s) SL_NONNULL(1) SL_MUST;
/* Before close_rooms; it takes one of which nothing was started too. */
void close_service(struct smsd *s) SL_NONNULL(1);
