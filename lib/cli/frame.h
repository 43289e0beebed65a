/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on tps.sock: four bytes of length, big-endian, then that many bytes of JSON. Both ends.
 * docs/internals/control.md has the objects.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

enum { CLI_FRAME_MAX = 1024 * 1024, CLI_FRAME_HEADER = 4 };

/* Adds a frame. SL_ELIMIT past CLI_FRAME_MAX or the buffer's maximum. */
int cli_frame_add(struct buf *out, const json_t *object) SL_NONNULL(1, 2) SL_MUST;

/*
 * Takes the first frame off `in`. SL_EAGAIN when it is not whole yet, SL_ERANGE for a length that
 * none may have, SL_EMALFORMED for what is no JSON object (depth at most 32).
 */
int cli_frame_take(struct buf *in, json_t **ret_object) SL_NONNULL(1, 2) SL_MUST;
