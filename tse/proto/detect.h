/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a stream that nobody named is HTTP/1, by the client's first bytes. A guess that is wrong
 * costs a service either its own rules or, as HTTP, its framing; so only what begins as requests do
 * counts: a method and a target (RFC 9112 section 3). Data path, no allocation.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum detect_guess {
	DETECT_OTHER,
	DETECT_HTTP,
	DETECT_MORE, /* too few bytes to tell: fewer than the longest method has */
};

/* Of the bytes behind detect_skip(). */
enum detect_guess detect_http(const uint8_t *data, size_t len) SL_NONNULL(1) SL_MUST;

/* How many line ends stand in front: servers skip them (RFC 9112 section 2.2), in any number. */
size_t detect_skip(const uint8_t *data, size_t len) SL_NONNULL(1) SL_MUST;
