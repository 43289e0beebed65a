/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF programs and their maps: loaded or, where an earlier daemon of the same ABI left its
 * maps pinned, loaded around those; attached by clsact, so that the wire outlives the daemon.
 * `tpsd: wire`, setup with full privileges.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* Maps by the names in bpf/lib/maps.h: X(name, pinned). */
#define PROGRAM_MAPS(X)                                                                            \
	X(flows, true)                                                                             \
	X(embryos, true)                                                                           \
	X(marks, true)                                                                             \
	X(pairs, true)                                                                             \
	X(ports, true)                                                                             \
	X(segments, true)                                                                          \
	X(global, true)                                                                            \
	X(switches, true)                                                                          \
	X(exceptions, true)                                                                        \
	X(interests, true)                                                                         \
	X(bypass, true)                                                                            \
	X(quic_rules, true)                                                                        \
	X(quic_nets, true)                                                                         \
	X(drops, true)                                                                             \
	X(counts, true)                                                                            \
	X(up, false)

enum program_hook { PROGRAM_PORT, PROGRAM_INJECT, PROGRAM_STACK };

struct wire_bpf;

struct program {
	struct wire_bpf *skeleton;
	bool adopted; /* the flows of an earlier daemon are in the maps */
	struct {
#define X(name, pinned) int name;
		PROGRAM_MAPS(X)
#undef X
	} map; /* descriptors, owned by the skeleton */
};

/*
 * Loads. `pin_dir` (made if missing, bpffs mounted if it is not) is where maps are pinned; ""
 * pins nothing. `heartbeat_fd` is the map of heartbeats. SL_EKERNEL when the kernel refuses
 * (said by log_critical), SL_ESYS.
 */
int program_load(struct program *p, const char *pin_dir, int heartbeat_fd) SL_NONNULL(1, 2) SL_MUST;
void program_unload(struct program *p) SL_NONNULL(1);

/* Whether it is attached there still. */
bool program_is_attached(struct program *p, enum program_hook hook, uint32_t ifindex) SL_NONNULL(1);

/* Attaches, or replaces what is attached. SL_ESYS. */
int program_attach(struct program *p, enum program_hook hook, uint32_t ifindex)
        SL_NONNULL(1) SL_MUST;

/*
 * Moves the calling process into a cgroup of its own, "sluice-NAME" below the one it is in, and
 * attaches the program that sees sockets end. SL_ESYS; SL_EKERNEL when there is no cgroup2.
 */
int program_enter_cgroup(struct program *p, const char *instance) SL_NONNULL(1, 2) SL_MUST;

/* Descriptor of a program, for tests by BPF_PROG_TEST_RUN. */
int program_fd(const struct program *p, enum program_hook hook) SL_NONNULL(1);
