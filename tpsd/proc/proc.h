/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all of tpsd's processes have in common: how one is described (struct proc_kind, one row of
 * the table in main.c), what it finds when it starts (struct proc), and the shell around it that
 * keeps the heartbeat, builds channels from PEER, takes part in configuration transactions and
 * hands the rest to the process's own functions. docs/internals/processes.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/loop.h"
#include "lib/event/counter.h"
#include "lib/event/event.h"
#include "lib/event/ring.h"
#include "lib/ipc/channel.h"

struct proc;
struct proc_shell;
struct conf_image;
struct learned;
struct config;

enum {
	PROC_WORKERS_MAX = 64,
	PROC_SLOTS = PROC_WORKERS_MAX + 5, /* parent to link, then the workers */
	PROC_HEARTBEAT_EVERY_MS = 100,
	PROC_HEARTBEAT_MAX_MS = 2000, /* silent for longer: hung */
};

/* Slots of counters, rings and heartbeats. */
enum proc_slot {
	PROC_SLOT_PARENT,
	PROC_SLOT_WIRE,
	PROC_SLOT_KEYS,
	PROC_SLOT_CONTROL,
	PROC_SLOT_LINK,
	PROC_SLOT_WORKER
};

/* One refusal of an item in a PREPARE, sent as ITEM before READY. */
void proc_refuse_item(struct proc *proc, int status, const char *path, const char *text,
                      const char *remedy) SL_NONNULL(1, 3, 4, 5);

/* A process's own functions; NULL where it has nothing to do. */
struct proc_ops {
	/* With all privileges of the parent, before they are dropped: open what needs them.
	 * 0 or an error that ends the process (said by log_critical already). */
	int (*setup)(struct proc *proc);
	/* With privileges dropped, before the loop runs. */
	int (*start)(struct proc *proc);

	/*
	 * A new configuration: build what is needed, keep the old. `config` is built from the image
	 * and is the callee's to keep by config_get. 0; an error refuses the whole revision, after
	 * one proc_refuse_item for each reason. SL_EAGAIN: proc_ready() will be called later.
	 */
	int (*prepare)(struct proc *proc, uint32_t revision, const struct conf_image *image,
	               struct config *config);
	void (*commit)(struct proc *proc, uint32_t revision);
	void (*abort)(struct proc *proc, uint32_t revision);

	/* A new or ended channel to a peer. A peer that restarts goes down and comes up. */
	void (*peer_up)(struct proc *proc, struct ipc_channel *peer);
	void (*peer_down)(struct proc *proc, struct ipc_channel *peer);
	/* Any message that this layer does not handle itself; fds as in ipc_channel_fn. */
	void (*message)(struct proc *proc, struct ipc_channel *from, const struct ipc_message *msg,
	                int fds[IPC_FDS_MAX]);
	/* A COMMAND; answer with proc_answer(), now or later, in one or more pieces. */
	void (*command)(struct proc *proc, uint64_t id, const char *name,
	                const char *arguments_json);

	/* After each turn of the loop: batches. */
	void (*turn)(struct proc *proc);
	/* Finish within `deadline_ms`, then proc_exit(). NULL: exits at once. */
	void (*shutdown)(struct proc *proc, uint32_t deadline_ms);
	void (*stop)(struct proc *proc); /* last words; memory is freed here for leak checks */
};

struct proc_kind {
	const char *name; /* "wire", as in the title "tpsd: wire" */
	enum ipc_role role;
	const struct proc_ops *ops;
	const char *user;      /* NULL: stays root */
	uint64_t capabilities; /* kept, as bits 1 << CAP_x */
	bool own_network;      /* runs in the network namespace sluice-NAME */
	bool no_network;       /* runs in an empty network namespace */
	bool seccomp;          /* the system call list of sandbox.c */
};

/* What a process finds. Made by parent before the fork; a process writes `state` only. */
struct proc {
	const struct proc_kind *kind;
	unsigned index; /* of a worker, from 0 */
	unsigned nworkers;
	unsigned nworkers_wanted; /* more than those: held down by the licence */
	unsigned slot;
	const char *instance;
	const char *config_path; /* control and parent */
	const char *run_dir;     /* /run/sluice/NAME */
	const char *state_dir;   /* /var/lib/sluice/NAME */
	const char *log_dir;     /* /var/log/sluice/NAME unless the configuration says otherwise */
	struct loop *loop;
	struct ring *ring;              /* this process's */
	struct ring *rings[PROC_SLOTS]; /* control: all of them */
	struct counter_file *counter_file;
	struct counter_slab *counters; /* this process's */
	struct learned *learned;       /* workers: destinations left alone, shared by them */
	uint64_t *heartbeats;          /* PROC_SLOTS stamps of clock_now_ns(), shared with eBPF */
	int heartbeat_map_fd;          /* wire: the map behind `heartbeats`, to bind to programs */
	int netns_origin_fd; /* wire, in setup: where tpsd was started; ports come from there */
	struct ipc_channel *parent;
	struct ipc_channel *commander; /* who sent the last COMMAND */
	uint32_t preparing;            /* revision of the last PREPARE */
	struct proc_shell *shell;      /* proc.c's */
	void *state;                   /* the process's own */
};

/* Channel to a peer, or NULL while it is away. `index` counts for workers only. */
struct ipc_channel *proc_peer(struct proc *proc, enum ipc_role role, unsigned index) SL_NONNULL(1);

/* Ends an asynchronous prepare: 0 or the error. */
void proc_ready(struct proc *proc, uint32_t revision, int status) SL_NONNULL(1);

/* A piece of an answer (JSON text of one value, `len` bytes); `more` announces another. */
void proc_answer(struct proc *proc, uint64_t id, int status, const char *json, size_t len,
                 bool more) SL_NONNULL(1, 4);

/* Leaves the loop; the process ends with `status`. */
void proc_exit(struct proc *proc, int status) SL_NONNULL(1);

/* The processes' functions, for the table in main.c. */
extern const struct proc_ops wire_ops, worker_ops, keys_ops, control_ops, link_ops;
