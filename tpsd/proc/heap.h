/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process that holds many sessions keeps of its heap. malloc alone gives back what lies at
 * the heap's end: after thousands of sessions at once one small block there keeps all that is free
 * below it (measured: 140 MiB a worker after 5,000 sessions, none left).
 */
#pragma once

#include <stddef.h>

#include "lib/base/loop.h"

/* Zeroed, then `loop` set by its owner. One thread. */
struct heap {
	struct loop *loop;
	struct loop_timer rest;
	size_t now, peak; /* sessions; the peak since memory was last given back */
};

/* Once a process, before it allocates much. */
void heap_tune(void);

/* A session ended, `sessions` are left. Some seconds after most of a peak is over, what is free is
 * given back to the kernel, the heap's middle too. That once takes tens of milliseconds (140 MiB,
 * a busy machine), so it waits until few are left to notice. */
void heap_note(struct heap *heap, size_t sessions) SL_NONNULL(1);
