/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the `control` process share. Each part has its own struct behind a pointer
 * here; the parts call each other by their headers. One thread, proc->loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tpsd/proc/proc.h"

struct config;
struct expiry;
struct forward;
struct journal;
struct licensing;
struct metrics;
struct panic;
struct server;
struct remote;
struct traffic;
struct transaction;

struct control {
	struct proc *proc;
	struct journal *journal;         /* rings -> files, syslog */
	struct server *server;           /* tps.sock */
	struct forward *forward;         /* COMMAND to the others, ANSWER from them */
	struct transaction *transaction; /* configurations */
	struct metrics *metrics;         /* Prometheus */
	struct panic *panic;
	struct traffic *traffic; /* the last hour, for graphs */
	struct expiry *expiry;   /* of certificates (R82) */
	struct remote *remote;   /* documents of the SMS */
	struct licensing *licensing;
	struct config *config; /* in force; NULL before the first commit */
	uint32_t revision;     /* of it */
	uint64_t started_ns;
	bool draining;
	bool leaving; /* SHUTDOWN came */
	uint64_t leave_by_ns;
	struct loop_timer leave;
};

static inline struct control *control_of(struct proc *proc)
{
	return proc->state;
}
