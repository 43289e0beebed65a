/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker for tests of the wire: takes (or forwards, or drops) every flow and relays its bytes
 * plainly between the two sockets, ends included. Runs as a process of its own.
 */
#pragma once

#include <stdint.h>

/*
 * Runs until the channel `fd` closes. `heartbeat` is this worker's stamp. What the first bytes of a
 * flow begin with decides: "FORWARD", "DROP", "RESET", "MORE" (until 64 bytes are there, then
 * take); else take. Does not return.
 */
void relay_run(int fd, unsigned index, uint64_t *heartbeat) __attribute__((noreturn));
