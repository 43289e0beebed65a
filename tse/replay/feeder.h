/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds one connection's bytes to the engine as a relay would: keeps what is not released and gives
 * it again with what follows, and tells a sink of each match. For tse-replay and the traffic tests.
 */
#pragma once

#include "lib/base/buf.h"
#include "tse/include/tse.h"

struct feeder;

/* Gets each result that has something to tell. `tuple` and `http` (NULL: no HTTP) are valid in the
 * call only. */
typedef void feeder_sink_fn(void *arg, const struct feeder *f, const struct tse_result *result,
                            const struct tse_http_info *http);

struct feeder {
	struct tse_flow *flow;
	struct tse_tuple tuple;
	uint64_t id;
	uint64_t wall_us; /* of the packet in hand */
	struct buf held[2];
	uint64_t released[2]; /* bytes that were let go on */
	enum tse_verdict verdict;
	size_t split; /* most bytes a feed; 0: as they come */
	feeder_sink_fn *sink;
	void *sink_arg;
	struct tse_result result;
};

/* SL_ENOMEM. `split`, `sink` and `sink_arg` are set by the caller afterwards. */
int feeder_begin(struct feeder *f, struct tse_engine *engine, const struct tse_tuple *tuple,
                 enum tse_service service, uint64_t id) SL_NONNULL(1, 2, 3) SL_MUST;
void feeder_end(struct feeder *f) SL_NONNULL(1);

/* Bytes of one direction; `eof`: nothing follows. SL_ENOMEM, SL_ELIMIT. */
int feeder_take(struct feeder *f, enum tse_direction dir, const uint8_t *data, size_t len, bool eof)
        SL_NONNULL(1) SL_MUST;
