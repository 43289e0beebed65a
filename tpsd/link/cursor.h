/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the reader is in the files of one kind (reader.h, which alone uses it): the file, a window
 * into it, and the next line that was not sent. Files have numbers; it looks for the youngest one
 * that begins with what was sent, from the open one backwards, and within it by halves, so that a
 * place is found by a few reads.
 */
#pragma once

#include "tpsd/link/line.h"
#include "tpsd/link/reader.h"

enum { CURSOR_WINDOW = 2 * READER_LINE_MAX };

enum cursor_state {
	CURSOR_UNTOLD,  /* the number of the open file is not known yet */
	CURSOR_LOOKING, /* for the file that has the place */
	CURSOR_READING,
};

/* What cursor_peek found. */
enum cursor_found {
	CURSOR_LINE,
	CURSOR_END,  /* nothing more, and the file is the open one */
	CURSOR_WAIT, /* for a file */
	CURSOR_BUSY, /* the budget is used up */
};

struct cursor {
	enum cursor_state state;
	int fd;             /* -1: none */
	uint32_t number;    /* of the file */
	uint32_t open;      /* number of the one that was open when last heard of */
	bool wanted, asked; /* a file: */
	uint32_t wanted_number;
	uint64_t offset; /* in the file, of window[0] */
	size_t at, have; /* the next line's beginning and the end, in the window */
	bool too_long;   /* the rest of a line that is left out is passed over */
	bool have_line;  /* at `at`, `len` bytes without the newline */
	size_t len;
	struct line_head head;
	uint8_t *window; /* CURSOR_WINDOW bytes */
};

bool place_is_sent(const struct reader_place *place, const struct line_head *head) SL_NONNULL(1, 2);

/* Forgets its file. */
void cursor_reset(struct cursor *c) SL_NONNULL(1);
/* The open file has this number. */
void cursor_told(struct cursor *c, uint32_t open) SL_NONNULL(1);
/* The file that it wants, or -1. */
void cursor_file(struct cursor *c, const struct reader_place *place, int fd) SL_NONNULL(1, 2);

/* The next line that was not sent. *budget: bytes that may be read; *left_out counts what is none
 * of ours. */
enum cursor_found cursor_peek(struct cursor *c, const struct reader_place *place, size_t *budget,
                              uint64_t *left_out) SL_NONNULL(1, 2, 3, 4);
/* Behind the line. */
void cursor_pass(struct cursor *c) SL_NONNULL(1);
