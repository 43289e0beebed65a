/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of buffers, made from buffers.def. Read-only.
 */
#include "tse/proto/buffer.h"

const struct buffer_info buffer_table[TSE_BUF_COUNT] = {
#define X(id, s, d, k, m, l, h)                                                                    \
	[TSE_BUF_##id] = {.sticky = (s),                                                           \
	                  .modifier = (m),                                                         \
	                  .help = (h),                                                             \
	                  .dirs = BUFFER_##d,                                                      \
	                  .kind = BUFFER_##k,                                                      \
	                  .letter = (l)},
#include "tse/proto/buffers.def"
#undef X
};
