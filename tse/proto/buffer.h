/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffers of buffers.def as an enum and a table. Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum tse_buffer {
#define X(id, sticky, dir, kind, modifier, letter, help) TSE_BUF_##id,
#include "tse/proto/buffers.def"
#undef X
	TSE_BUF_COUNT
};

enum buffer_kind { BUFFER_RAW, BUFFER_WHOLE, BUFFER_BODY };

/* Sets of directions: bit 0 to the server, bit 1 to the client. */
enum buffer_dirs { BUFFER_TS = 1, BUFFER_TC = 2, BUFFER_BOTH = 3 };

struct buffer_info {
	const char *sticky;
	const char *modifier; /* or NULL */
	const char *help;
	uint8_t dirs; /* enum buffer_dirs */
	uint8_t kind; /* enum buffer_kind */
	char letter;  /* 0: none */
};

extern const struct buffer_info buffer_table[TSE_BUF_COUNT];
