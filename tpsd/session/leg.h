/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg: one end of a session, towards the client or towards the server. It hides whether its
 * bytes are TLS, plain or spliced, and which TLS library does it; a session has two equal ones.
 * Worker's thread; one socket each, non-blocking, made by `wire` in take/.
 *
 * A call never blocks: SL_EAGAIN and the leg's `wants` tell the driver what to wait for (socket
 * readable, socket writable, or the answer of `keys`).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/loop.h"
#include "lib/event/reason.h"

struct session;

enum leg_side { LEG_CLIENT = 0, LEG_SERVER = 1 };

enum leg_wants {
	LEG_WANTS_NOTHING = 0,
	LEG_WANTS_READ = 1,
	LEG_WANTS_WRITE = 2,
	LEG_WANTS_KEY = 4
};

/* How the bytes of this direction ended, so that the other leg can be ended the same way. */
enum leg_end {
	LEG_OPEN,      /* not ended */
	LEG_CLOSED,    /* TLS: close_notify; plain: FIN */
	LEG_TRUNCATED, /* TLS: FIN without close_notify */
	LEG_RESET,     /* RST */
	LEG_BROKEN,    /* a protocol error of the peer; leg_reason() says which */
};

struct leg;

struct leg_ops {
	const char *name; /* "tls", "plain" */
	/* 0 when done, SL_EAGAIN, or an error with leg_reason() set. */
	int (*handshake)(struct leg *leg);
	/* Up to `size` bytes. SL_EAGAIN; SL_EEOF with leg->end set. */
	int (*read)(struct leg *leg, uint8_t *data, size_t size, size_t *ret_len);
	/* Takes up to `len` bytes. SL_EAGAIN when none; after it, the same bytes must come again.
	 * When the socket did not take it all, leg->unsent is set, and nothing more is taken until
	 * flush has sent it. */
	int (*write)(struct leg *leg, const uint8_t *data, size_t len, size_t *ret_len);
	/* Sends what is unsent: 0 when nothing is left, SL_EAGAIN, or an error as of write. */
	int (*flush)(struct leg *leg);
	/* Ends our direction: close_notify or FIN as `how` says. 0 or SL_EAGAIN. */
	int (*shutdown)(struct leg *leg, enum leg_end how);
	/* Whether received bytes wait inside, which no socket event announces. */
	bool (*pending)(const struct leg *leg);
	void (*fini)(struct leg *leg);
};

struct leg {
	const struct leg_ops *ops;
	struct session *session;
	enum leg_side side;
	int fd;
	unsigned wants;     /* enum leg_wants, after SL_EAGAIN or with `unsent` */
	enum leg_end end;   /* of what it reads */
	bool shut;          /* we have ended what it writes */
	bool fin_follows;   /* during a shutdown: the caller sends the FIN right behind it */
	bool unsent;        /* bytes that ops->write took and the socket did not yet */
	enum reason reason; /* of a failure */
	struct loop_source source;
	void *tls; /* the TLS library's object, struct tls_leg */
};
