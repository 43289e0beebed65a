/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg whose bytes are what they are: TCP without TLS (R154). It has no state beyond its socket.
 * Worker's thread.
 */
#pragma once

#include "lib/base/attr.h"
#include "tpsd/session/leg.h"

/* Makes `leg` (side and fd set) a plain one. There is no handshake to wait for. */
void plain_leg_open(struct leg *leg) SL_NONNULL(1);
