/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS library's failure means: the leg's end and one reason of reason.def. Worker. */
#pragma once

#include "lib/base/attr.h"

struct leg;
struct tls_leg;

/* Sets leg->end and leg->reason from OpenSSL's error queue, the alerts seen and `err` (errno). */
void tls_failure_note(struct leg *leg, const struct tls_leg *tl, int err) SL_NONNULL(1, 2);

/* "handshake_failure"; "alert_N" is never needed: unknown ones are "unknown". 255: "". */
const char *tls_alert_name(unsigned description);
