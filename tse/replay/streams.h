/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the TCP streams of a capture together and feeds them: segments out of order wait, what came
 * first wins where two overlap, retransmissions are dropped. A gap that is never filled ends the
 * direction there. For captures only; live TCP is the kernel's.
 */
#pragma once

#include "tse/replay/capture.h"
#include "tse/replay/feeder.h"

struct streams;

struct streams_setup {
	struct tse_engine *engine;
	enum tse_service service;
	size_t split; /* most bytes a feed; 0: as they come */
	feeder_sink_fn *sink;
	void *sink_arg;
};

/* NULL when memory is short. */
struct streams *streams_create(const struct streams_setup *setup) SL_NONNULL(1) SL_MUST;

/* SL_ENOMEM, SL_ELIMIT (too many connections at once, too much out of order). */
int streams_take(struct streams *s, const struct segment *segment) SL_NONNULL(1, 2) SL_MUST;

/* Ends what is open and frees all. Totals are set when not NULL. */
void streams_destroy(struct streams *s, uint64_t *ret_connections, uint64_t *ret_bytes);
