/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE/sms/events.json: up to where the SMS has this device's events. It counts for the SMS and
 * the name that it was written for, since to another one nothing was sent. One that is behind, or
 * none, means that lines are sent twice, which the SMS knows. `link`'s one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/remote/token.h"
#include "tpsd/link/reader.h"

struct buf;

enum { PLACE_MAX = 4096 };

struct place_owner {
	uint8_t pin[REMOTE_PIN]; /* of the SMS */
	const char *name;        /* of this device there */
};

/* Adds JSON. */
int place_write(const struct reader_place *place, const struct place_owner *owner, struct buf *out)
        SL_NONNULL(1, 2, 3) SL_MUST;
/* SL_EMALFORMED; SL_ENOENT: it is another SMS's. */
int place_read(const void *text, size_t len, const struct place_owner *owner,
               struct reader_place *ret_place) SL_NONNULL(1, 3, 4) SL_MUST;
