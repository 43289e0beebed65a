/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/proc/heap.h"

#include <malloc.h>

#include "lib/base/clock.h"

enum {
	TRIM = 2 << 20, /* bytes free at its end before the heap is cut */
	STEP = 256 << 10,
	LARGEST = 1 << 20, /* what is larger is mapped by itself */
	PEAK = 512,        /* sessions; below that a heap is not worth a look: 16 MiB */
	SHARE = 4,         /* a peak is over when no more than this part of it lives */
	REST_S = 5,        /* a load that comes in waves keeps what the next wave needs */
};

/* By default the heap is cut and grown again with each handful of sessions: system calls, and new
 * pages to fill. Setting one of these fixes the others, which malloc would else adapt. */
void heap_tune(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, TRIM);
	(void)mallopt(M_TOP_PAD, STEP);
	(void)mallopt(M_MMAP_THRESHOLD, LARGEST);
}

static void rested(struct loop_timer *timer)
{
	struct heap *heap = (struct heap *)((char *)timer - offsetof(struct heap, rest));

	if (heap->now <= heap->peak / SHARE)
		(void)malloc_trim(TRIM);
	heap->peak = heap->now;
}

void heap_note(struct heap *heap, size_t sessions)
{
	heap->now = sessions;
	if (sessions > heap->peak)
		heap->peak = sessions;
	if (heap->peak >= PEAK && sessions <= heap->peak / SHARE && !loop_timer_is_set(&heap->rest))
		(void)loop_timer_set(heap->loop, &heap->rest, REST_S * CLOCK_NS_PER_S, rested);
}
