/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process: makes what all have in common, starts the others, watches their heartbeats,
 * starts again what ended, opens key files for `keys`. Reads nothing from the network.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/log.h"
#include "tpsd/proc/proc.h"

/* tpsd's exit status (docs/tpsd.md). */
enum tpsd_exit {
	TPSD_OK = 0,
	TPSD_FAILED = 1,
	TPSD_USAGE = 2,
	TPSD_CONFIG = 3,    /* the configuration was refused */
	TPSD_PRIVILEGE = 4, /* a privilege or a kernel feature is missing */
	TPSD_RUNNING = 5,   /* the instance runs already */
};

struct parent_options {
	const char *config_path; /* absolute */
	const char *instance;
	unsigned workers; /* 0: by the configuration, else one a core */
	enum log_level log_level;
};

/* Runs the daemon until SIGTERM or SIGINT; returns the exit status. */
int parent_run(const struct parent_options *options) SL_NONNULL(1);

/* The process table: main.c. `n` rows, workers have one row for all of them. */
extern const struct proc_kind processes[];
extern const size_t processes_count;
