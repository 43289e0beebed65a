/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to syslog servers (RFC 5424): a datagram each over UDP (RFC 5426), octet counting over TCP
 * (RFC 6587 3.4.1). Never blocks; what a server does not take is kept up to a bound and then
 * counted as lost. `control`'s thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"
#include "lib/base/loop.h"
#include "lib/event/event.h"

struct syslog_target;

enum { SYSLOG_QUEUE_MAX = 1024 * 1024, SYSLOG_RETRY_S = 5 };

struct syslog_options {
	struct addr address;
	uint16_t port; /* host order */
	bool tcp;
	uint32_t kinds;       /* bit of each enum event_kind that is sent */
	const char *hostname; /* of the header; copied */
};

/* SL_ENOMEM, SL_ESYS. A TCP server that is away is tried again every SYSLOG_RETRY_S. */
int syslog_open(struct loop *loop, const struct syslog_options *options,
                struct syslog_target **ret_target) SL_NONNULL(1, 2, 3) SL_MUST;
void syslog_close(struct syslog_target *target);

/* Sends `line` (JSON, `len` bytes) when `kind` is wanted. False when it was lost. */
bool syslog_send(struct syslog_target *target, enum event_kind kind, const char *line, size_t len)
        SL_NONNULL(1, 3);

/* Lost since it was opened. */
uint64_t syslog_lost(const struct syslog_target *target) SL_NONNULL(1);
