/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a live connection over: two kernel sockets that continue its two ends, made with
 * TCP_REPAIR from what the eBPF side has recorded. docs/internals/take.md has the recipe. The
 * sockets are connected when they leave here; who gets them needs no privilege. `tpsd: wire`.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"
#include "lib/base/attr.h"

/* The two sockets. Non-blocking, close-on-exec, no Nagle; they send a RST when they are closed
 * (SO_LINGER 0) until whoever has them says otherwise. */
struct take_pair {
	int client_fd, server_fd;
};

/*
 * Whether the two ends stand still where the sockets would go on: each has acknowledged all that
 * the other has sent, but for the bytes that are held. 0; SL_EAGAIN when an end is in
 * mid-sentence; SL_ECLOSED when one has ended.
 */
int take_ready(const struct wire_flow *f) SL_NONNULL(1) SL_MUST;

/*
 * Makes the sockets for `f`, whose ends are `synthetic` (network order) on the box. Nothing is
 * sent. SL_ESYS with errno; nothing is left open then.
 */
int take_make(const struct wire_key *key, const struct wire_flow *f, uint32_t synthetic,
              struct take_pair *ret_pair) SL_NONNULL(1, 2, 4) SL_MUST;
