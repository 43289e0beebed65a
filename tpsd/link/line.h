/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a line of events, as `control` writes it (lib/event/stream.c):
 * {"epoch":"0123456789abcdef","seq":7,"device":"name", and then what its producer wrote. A file may
 * have been cut by a crash or changed by a hand, so what does not begin so is no line of ours. Any
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum { LINE_SEQ_BITS = 53 }; /* the SMS takes no higher number */

struct line_head {
	uint64_t epoch, seq;
	size_t device;     /* where the device's name is, its quotes included */
	size_t device_len; /* and how long */
};

/* Of a line, or of its beginning. False: it is none. */
bool line_head_read(const char *line, size_t len, struct line_head *ret_head) SL_NONNULL(1, 3);

/* 16 hexadecimal digits in lower case. */
bool line_epoch_read(const char *text, size_t len, uint64_t *ret_epoch) SL_NONNULL(1, 3);
