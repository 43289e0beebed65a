/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of events to `control`: one ring of shared memory a process, one producer, one consumer,
 * no lock, no system call to write but one eventfd kick when the ring was empty. The consumer
 * treats the memory as hostile: a producer may be a worker that was broken into.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct ring;

enum {
	RING_RECORD_MAX = 16 * 1024, /* bytes of one event; a longer one is cut by its writer */
	RING_KINDS = 16,             /* for the per-kind count of what was lost */
};

/* A ring of `size` bytes (a power of two, 64 KiB to 64 MiB) in a memfd and an eventfd, shared by
 * fork. NULL with errno. */
struct ring *ring_create(size_t size) SL_MUST;
void ring_destroy(struct ring *ring);

/* Producer. SL_ELIMIT when it is full: the record is lost and counted under `kind`. SL_ERANGE. */
int ring_write(struct ring *ring, unsigned kind, const void *data, size_t len) SL_NONNULL(1, 3);

/* Consumer: the oldest record, copied out. SL_EAGAIN when empty; SL_EMALFORMED when the producer
 * wrote nonsense, after which the ring has been emptied; SL_ERANGE when `size` is too small, and
 * the record stays. */
int ring_read(struct ring *ring, unsigned *ret_kind, uint8_t *data, size_t size, size_t *ret_len)
        SL_NONNULL(1, 2, 3, 5) SL_MUST;

/* The consumer's eventfd, readable after records came. ring_read until SL_EAGAIN re-arms it. */
int ring_event_fd(const struct ring *ring) SL_NONNULL(1);

/* Records lost so far under `kind` since creation. */
uint64_t ring_lost(const struct ring *ring, unsigned kind) SL_NONNULL(1);
