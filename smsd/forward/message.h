/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as a message of syslog, RFC 5424, in a frame of its own by its length (RFC 6587, 3.4.1;
 * RFC 5425, 4.3):
 *
 *   LEN <PRI>1 TIMESTAMP HOSTNAME sluice PROCID MSGID [sluice@32473 device="..." ...] EVENT
 *
 * HOSTNAME is the device ("_" for what a name of a host has not), MSGID the kind of event, PRI by
 * syslog.def. The element has what events are searched by, and epoch and seq, by which a message
 * that comes twice is known; 32473 is the number that RFC 5612 keeps for examples, since the
 * project has none of its own. EVENT is the event's line, JSON in ASCII alone (\uXXXX for the
 * rest), so no byte order mark belongs before it. Where that would make the message too long it is
 * {"truncated":true,"bytes":N}: the event itself is in the SMS. Values of the element are UTF-8,
 * 255 bytes of each at most; what is no UTF-8 or a control character is U+FFFD. No state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct buf;
struct message_maker;

enum {
	MESSAGE_MAX = 8192,     /* bytes: what RFC 5425, 4.3.1 wants every server to take */
	MESSAGE_FRAME_MAX = 16, /* digits and a space before it */
	MESSAGE_VALUE_MAX = 255,
	MESSAGE_KIND_MAX = 32, /* MSGID, RFC 5424, 6.2.7 */
};

#define MESSAGE_SD_ID "sluice@32473"

/* Memory that making one needs; of one thread at a time. NULL: out of memory. */
struct message_maker *message_maker_create(void) SL_MUST;
void message_maker_destroy(struct message_maker *maker);

/* Kinds of events that are wanted; none: all. */
struct message_filter {
	const char *const *kinds;
	size_t count;
};

/* Adds the frame of an event to `out`; 1: it is not wanted, and nothing was added. What is no event
 * is a message as well. Errors as buf_add. */
int message_add(struct message_maker *maker, const struct message_filter *filter, const char *line,
                size_t len, struct buf *out) SL_NONNULL(1, 2, 3, 5) SL_MUST;
