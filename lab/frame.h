/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole Ethernet frames to and from an interface, for the lab's own tools (delay, encap): one
 * packet socket an interface, the VLAN tag put back where it was on the wire. These tools run in
 * a namespace of the lab, one thread each.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { FRAME_MAX = 9238 }; /* jumbo payload, Ethernet header, two tags */

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
	bool oversize;   /* longer than FRAME_MAX: data is cut, not for sending on */
	bool unfinished; /* its checksum was left to the network card: offload is on at the sender
	                  */
};

/*
 * Opens a non-blocking packet socket on `device` of this namespace that sees all frames that come
 * in. Returns the descriptor, or -1 with a line on stderr.
 */
int frame_open(const char *device) SL_NONNULL(1) SL_MUST;

/* 1: `f` has the next frame; 0: none is there now; -1: the device is gone (errno). */
int frame_receive(int fd, struct frame *f) SL_NONNULL(2) SL_MUST;

/* Set by SIGTERM and SIGINT after frame_catch_signals(). */
extern volatile sig_atomic_t frame_stopping;

/* Blocks both signals and makes them set frame_stopping: wait with ppoll and an empty mask. */
void frame_catch_signals(void);

/* The monotonic clock, nanoseconds. */
uint64_t frame_now_ns(void);
