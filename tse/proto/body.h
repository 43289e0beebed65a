/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a message: decoded (gzip, deflate, br, zstd) under limits and given to the matcher
 * in pieces. Bytes that cannot be decoded are left to the rules on the byte stream, with an
 * anomaly. One engine's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct http_half;
struct tse_engine;

/* The head in hand (e->head) has a body. */
void body_begin(struct tse_engine *e, struct http_half *half);

/* The next bytes of it as sent, without chunked framing. */
void body_take(struct tse_engine *e, struct http_half *half, const uint8_t *data, size_t len);

/* It has ended: rules about lengths and absence are decided. */
void body_end(struct tse_engine *e, struct http_half *half);

/* Gives its memory back, whatever state it is in. */
void body_free(struct tse_engine *e, struct http_half *half, unsigned dir);
