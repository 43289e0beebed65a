/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tpsd: wire`: the process between the eBPF programs and the workers. It parses packet headers
 * only and reads no plaintext. Here: its life, its messages, its clock; the rest is in port/,
 * flow/ and take/.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/magic.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

enum {
	TICK_MS = 100,
	TICKS_A_SECOND = 10,
	RING_BATCH = 512,     /* records before the loop gets its turn */
	BYTES_MAX = 65536,    /* of a HELLO */
	NUMBER_SHIFT = 22,    /* flows a second that never collide with those of a restart */
	HELD_PACKETS = 16384, /* until a configuration says otherwise */
	HELD_PER_FLOW = 64,
};
#define HELD_BYTES (64ULL << 20)

static struct wire *wire_of(struct proc *proc)
{
	struct wire *w = proc->state;

	MAGIC_CHECK(w, WIRE_MAGIC);
	return w;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct wire *w = ctx;
	const struct wire_up *up = data;

	if (size >= sizeof(*up) && up->data_len <= size - sizeof(*up))
		flow_on_up(w, up);
	return --w->ring_budget ? 0 : -EAGAIN;
}

static void on_ring(struct loop_source *source, uint32_t events)
{
	struct wire *w = (struct wire *)((char *)source - offsetof(struct wire, ring_source));

	w->ring_budget = RING_BATCH;
	(void)ring_buffer__consume(w->ring);
}

static void copy_counters(struct wire *w)
{
	struct counter_slab *s = w->proc->counters;

	s->values[COUNTER_dropped_packets] = table_copy_counters(&w->program, s);
	s->values[COUNTER_watched_flows] = table_count(&w->program, WIRE_COUNT_FLOWS_MADE);
	s->values[COUNTER_flows] = w->flows_in_table;
}

static void on_tick(struct loop_timer *timer)
{
	struct wire *w = (struct wire *)((char *)timer - offsetof(struct wire, tick));
	static const uint64_t every = TICK_MS * CLOCK_NS_PER_MS;

	(void)loop_timer_set(w->proc->loop, &w->tick, every, on_tick);
	switch_look(w);
	limit_tick(w);
	fragment_tick(w);
	reaper_step(w);
	if (++w->ticks % TICKS_A_SECOND)
		return;
	segment_tick(w);
	copy_counters(w);
}

static void random_start(struct wire *w)
{
	uint32_t at[WIRE_TUNNELS] = {0};

	if (getrandom(at, sizeof(at), 0) != (ssize_t)sizeof(at))
		at[0] = (uint32_t)clock_now_ns();
	for (int i = 0; i < WIRE_TUNNELS; i++)
		w->next_synthetic[i] = at[i] & 0xffffff;
	w->next_number = clock_wall_us() / 1000000 << NUMBER_SHIFT;
}

static int load_programs(struct wire *w)
{
	struct proc *proc = w->proc;
	uint32_t zero = 0;
	char pins[128];
	int error;

	(void)snprintf(pins, sizeof(pins), "/sys/fs/bpf/sluice/%s", proc->instance);
	error = program_load(&w->program, pins, proc->heartbeat_map_fd);
	if (error)
		return error;
	if (w->program.adopted)
		(void)bpf_map_lookup_elem(w->program.map.global, &zero, &w->global);
	w->global.abi = WIRE_ABI;
	w->generation = ++w->global.generation;
	w->global.reclaim_epoch++;
	w->global.stack_ifindex = w->ports.stack_ifindex;
	w->global.inject_ifindex = w->ports.inject_ifindex;
	w->global.heartbeat_max_ns = PROC_HEARTBEAT_MAX_MS * CLOCK_NS_PER_MS;
	error = segment_write_global(w);
	if (!error)
		error = program_attach(&w->program, PROGRAM_STACK, w->ports.stack_ifindex);
	if (!error)
		error = program_attach(&w->program, PROGRAM_INJECT, w->ports.inject_ifindex);
	if (!error)
		error = program_enter_cgroup(&w->program, proc->instance);
	if (error)
		log_critical("the eBPF programs cannot be attached: %s",
		             error == SL_EKERNEL ? "this kernel has no cgroup2" : strerror(errno));
	return error;
}

static int open_ring(struct wire *w)
{
	w->ring = ring_buffer__new(w->program.map.up, on_record, w, NULL);
	return w->ring ? 0 : SL_ESYS;
}

static int wire_setup(struct proc *proc)
{
	struct wire *w = calloc(1, sizeof(*w));
	int error;

	if (!w)
		return SL_ENOMEM;
	MAGIC_SET(w, WIRE_MAGIC);
	w->proc = proc;
	w->inject.fd = -1;
	proc->state = w;
	buf_init(&w->bytes, BYTES_MAX);
	hold_pool_init(&w->pool, HELD_PACKETS, HELD_PER_FLOW, HELD_BYTES);
	random_start(w);
	error = ports_init(&w->ports, proc->netns_origin_fd);
	if (!error)
		error = load_programs(w);
	if (!error)
		error = inject_open(&w->inject, w->ports.inject_tx_ifindex);
	if (!error)
		error = open_ring(w);
	if (!error)
		error = reaper_init(w);
	if (!error)
		error = fragment_init(w);
	return error;
}

static int wire_start(struct proc *proc)
{
	struct wire *w = wire_of(proc);
	int error = loop_add(proc->loop, &w->ring_source, ring_buffer__epoll_fd(w->ring), EPOLLIN,
	                     on_ring);

	if (error)
		return error;
	if (w->program.adopted)
		reaper_adopt(w);
	return loop_timer_set(proc->loop, &w->tick, TICK_MS * CLOCK_NS_PER_MS, on_tick);
}

static int wire_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
                        struct config *config)
{
	struct wire *w = wire_of(proc);

	config_put(w->pending);
	w->pending = config_get(config);
	return segment_prepare(w);
}

static void wire_commit(struct proc *proc, uint32_t revision)
{
	struct wire *w = wire_of(proc);

	if (!w->pending)
		return;
	if (segment_commit(w))
		log_critical("revision %u is in force, but not all of it on the wire", revision);
	config_put(w->config);
	w->config = w->pending;
	w->pending = NULL;
	limit_configure(w);
}

static void wire_abort(struct proc *proc, uint32_t revision)
{
	struct wire *w = wire_of(proc);

	config_put(w->pending);
	w->pending = NULL;
	compile_free(&w->compiled);
}

static void wire_peer_up(struct proc *proc, struct ipc_channel *peer)
{
	unsigned index = ipc_channel_index(peer);

	if (ipc_channel_peer(peer) == IPC_WORKER && index < PROC_WORKERS_MAX)
		wire_of(proc)->workers[index].up = true;
}

static void wire_peer_down(struct proc *proc, struct ipc_channel *peer)
{
	unsigned index = ipc_channel_index(peer);
	struct wire *w = wire_of(proc);
	struct wire_worker *k;

	if (ipc_channel_peer(peer) != IPC_WORKER || index >= PROC_WORKERS_MAX)
		return;
	k = &w->workers[index];
	k->up = false;
	memmove(&k->lost_ns[1], &k->lost_ns[0], sizeof(k->lost_ns) - sizeof(k->lost_ns[0]));
	k->lost_ns[0] = clock_now_ns();
	flow_on_worker_lost(w, index);
}

static void wire_message(struct proc *proc, struct ipc_channel *from, const struct ipc_message *msg,
                         int fds[IPC_FDS_MAX])
{
	struct wire *w = wire_of(proc);
	unsigned index = ipc_channel_index(from);

	if (msg->type == IPC_VERDICT)
		flow_on_verdict(w, index, &msg->verdict);
	else if (msg->type == IPC_ENDED)
		flow_on_ended(w, index, msg->ended.flow);
}

static void wire_command(struct proc *proc, uint64_t id, const char *name,
                         const char *arguments_json)
{
	show_command(wire_of(proc), id, name, arguments_json);
}

/* The wire goes on without us: what waits for a verdict is let by now, not in two seconds. */
static void wire_shutdown(struct proc *proc, uint32_t deadline_ms)
{
	flow_release_all(wire_of(proc), REASON_FALLBACK);
	__atomic_store_n(&proc->heartbeats[PROC_SLOT_WIRE], 0, __ATOMIC_RELAXED);
	proc_exit(proc, 0);
}

static void wire_stop(struct proc *proc)
{
	struct wire *w = wire_of(proc);
	struct flow *f, *next;

	HASH_ITER (by_number, w->flows_by_number, f, next)
		flow_forget(f);
	loop_timer_cancel(&w->tick);
	loop_remove(&w->ring_source);
	ring_buffer__free(w->ring);
	fragment_fini(w);
	reaper_fini(w);
	limit_fini(w);
	hold_pool_fini(&w->pool);
	buf_fini(&w->bytes);
	compile_free(&w->compiled);
	inject_close(&w->inject);
	ports_fini(&w->ports);
	program_unload(&w->program);
	config_put(w->pending);
	config_put(w->config);
	MAGIC_CLEAR(w);
	free(w);
	proc->state = NULL;
}

const struct proc_ops wire_ops = {
        .setup = wire_setup,
        .start = wire_start,
        .prepare = wire_prepare,
        .commit = wire_commit,
        .abort = wire_abort,
        .peer_up = wire_peer_up,
        .peer_down = wire_peer_down,
        .message = wire_message,
        .command = wire_command,
        .shutdown = wire_shutdown,
        .stop = wire_stop,
};
