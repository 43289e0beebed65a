/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device without a wire: the real `control` process on directories of its own, and this test in
 * the place of parent, wire, keys and one worker, which answer as they are told, and of link. Runs
 * as whoever the test runs as.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "tpsd/proc/proc.h"
#include "tps/client.h"

/* The first DEV_PEERS have a part in transactions. */
enum device_peer {
	DEV_PARENT,
	DEV_WIRE,
	DEV_KEYS,
	DEV_WORKER,
	DEV_PEERS,
	DEV_LINK = DEV_PEERS,
	DEV_ALL
};

struct device_command {
	char name[65];
	char arguments[512];
};

struct device {
	char dir[64]; /* everything is below */
	char run_dir[96], state_dir[96], log_dir[96], config_path[96], socket[96];
	pid_t pid; /* control; 0: not running */
	struct loop *loop;
	struct ring *rings[PROC_SLOTS];
	struct counter_file *counters;
	uint64_t heartbeats[PROC_SLOTS];
	struct ipc_channel *peers[DEV_ALL];
	unsigned workers_wanted; /* of control, as parent tells it; 1 is there */
	/* What the peers do: */
	int ready_status[DEV_ALL];   /* of their READY; > 0: none is sent */
	const char *refuse_path;     /* an ITEM with it goes before a refusal */
	unsigned slow_ms[DEV_ALL];   /* between COMMIT and its ADOPTED; of one peer at a time */
	const char *answer[DEV_ALL]; /* JSON for any COMMAND; NULL: none is sent */
	struct loop_timer take;
	enum device_peer slow_peer;
	/* What they saw, and said: */
	uint32_t prepared[DEV_ALL], committed[DEV_ALL], aborted[DEV_ALL], taken[DEV_ALL];
	struct device_command last[DEV_ALL];
	char seen[DEV_ALL][4096]; /* every "name arguments\n", until the test empties it */
	unsigned ncommands[DEV_ALL];
	uint32_t panics; /* PANIC_DONEs, and the last of them */
	int panic_status;
};

/* A directory with a small valid configuration; nothing runs yet. */
void device_init(struct device *d);
void device_fini(struct device *d);

void device_write_config(struct device *d, const char *text);
/* Starts control and connects the peers. */
void device_start(struct device *d);
/* Ends it: SHUTDOWN, or SIGKILL. */
void device_stop(struct device *d, bool kill_it);
/* One peer's channel ends and comes again, as after a crash. */
void device_restart_peer(struct device *d, enum device_peer peer);

/* Runs the peers for a while, or until `*value` is at least `wanted` (fails after 5 s). */
void device_run(struct device *d, unsigned ms);
void device_wait(struct device *d, const uint32_t *value, uint32_t wanted);

/*
 * A command by tps.sock while the peers run; the data is an array of all pieces. *ret_error may be
 * NULL when none is expected.
 */
json_t *device_command(struct device *d, const char *words, json_t *arguments, json_t **ret_error);

/* What link says that the SMS asks for: an array as PANIC has it. Until it is answered; its status.
 */
int device_panic(struct device *d, const char *steps);

/* Lines of an event file, parsed. */
json_t *device_log(struct device *d, const char *kind);

/* The smallest configuration that loads, with one thing to tell it apart. */
char *device_config(struct device *d, const char *device_name);
