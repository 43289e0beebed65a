/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching over a stream that comes in pieces: the matcher's own state finds patterns across
 * pieces; chains of several conditions are confirmed on a window of the last bytes. A piece goes
 * stream_scan -> (the rules it completes are decided) -> stream_keep. State is allocated from the
 * engine's pool when the first byte, the first hit, the first byte of history needs it.
 * One engine's thread.
 */
#pragma once

#include "tse/match/inspect.h"

struct tse_engine;

enum { STREAM_PIECE_MAX = 64 * 1024 };

struct stream {
	hs_stream_t *hs;  /* NULL until bytes came */
	uint64_t offset;  /* bytes before the current piece */
	uint64_t *bits;   /* sets of bits, one bit a chain of the group; NULL: all clear */
	uint64_t rotate;  /* offset at which hits that lead nowhere are forgotten */
	uint8_t *history; /* the last bytes; NULL until needed */
	uint32_t history_len, history_size;
	bool ended;
};

/* The bit sets of a stream. */
enum stream_bits {
	STREAM_SEEN = 0,  /* the chain holds; negated ones: it was seen */
	STREAM_FRESH = 1, /* woken, not confirmed yet */
	STREAM_OLD = 2,   /* the same, from before the last rotation */
	STREAM_LAZY = 3,  /* without a pattern, its rule waits for it */
	STREAM_DONE = 4,  /* the chain's rule has matched */
	STREAM_BIT_SETS = 5,
};

/* The piece in hand and its window. */
struct stream_piece {
	struct stream *stream;
	unsigned group;
	const uint8_t *data;
	size_t len;
	bool windowed;            /* view is made */
	struct inspect_view view; /* history and piece */
	uint8_t *window;          /* the engine's memory for it */
};

/*
 * Scans `len` (at most STREAM_PIECE_MAX) bytes; `ended`: nothing follows. Rules with a chain that
 * now holds are queued in the engine. `piece` is the caller's, valid until stream_keep.
 */
void stream_scan(struct tse_engine *e, struct stream *s, unsigned group, const uint8_t *data,
                 size_t len, bool ended, struct stream_piece *piece) SL_NONNULL(1, 2, 7);

/* Takes the piece into history. */
void stream_keep(struct tse_engine *e, struct stream_piece *piece) SL_NONNULL(1, 2);

/* Does a chain of the piece's stream hold, as far as can be told now? */
bool stream_holds(struct tse_engine *e, struct stream_piece *piece, uint32_t chain)
        SL_NONNULL(1, 2);

/* Has the rule of a chain matched in this stream? And: it has now. */
bool stream_is_done(const struct tse_engine *e, const struct stream_piece *piece, uint32_t chain)
        SL_NONNULL(1, 2);
void stream_set_done(struct tse_engine *e, struct stream_piece *piece, uint32_t chain)
        SL_NONNULL(1, 2);

/* Gives all memory back; the stream is as new. */
void stream_reset(struct tse_engine *e, struct stream *s, unsigned group) SL_NONNULL(1, 2);

/* Drops the history alone: nothing before the next piece is looked at any more. */
void stream_forget(struct tse_engine *e, struct stream *s) SL_NONNULL(1, 2);
