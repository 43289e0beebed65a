/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times of the SMS: the store has milliseconds since the epoch, the API shows them in the form that
 * a device's document has (2027-01-31T00:00:00Z). Any thread.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

enum { MOMENT_TEXT_MAX = 32 };

/* Milliseconds since the epoch, UTC. */
int64_t moment_now_ms(void);

/* "2026-01-31T12:00:00Z"; "" for a time that no calendar has. Returns `text`. */
char *moment_text(int64_t ms, char text[MOMENT_TEXT_MAX]) SL_NONNULL(2);
