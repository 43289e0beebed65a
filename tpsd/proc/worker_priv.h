/* SPDX-License-Identifier: Apache-2.0 */
/* A worker, as its files see it: messages, setups, commands. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/loop.h"
#include "tpsd/proc/heap.h"
#include "tpsd/proc/proc.h"
#include "tpsd/session/host.h"
#include "tpsd/session/setup.h"
#include "tpsd/tls/keyclient.h"

struct worker {
	struct host *host;
	struct keyclient *keys;
	struct setup *prepared;
	uint32_t prepared_revision;
	struct loop_timer deadline; /* of a drain or of the end */
	struct heap heap;
	bool leaving;
	struct proc *proc;
};

/* worker_setup.c: refusals are told as items. setup_put frees. */
int worker_make_setup(struct worker *w, uint32_t revision, const struct conf_image *image,
                      struct config *config, struct setup **ret_setup);

/* worker_commands.c: one of proc_ops. */
void worker_command(struct proc *proc, uint64_t id, const char *name, const char *arguments_json);

/* worker.c: no new sessions; with a deadline (ms) those that are left then are closed. Or again. */
void worker_pause(struct worker *w, bool on, uint64_t deadline_ms);
