/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a syslog server, TCP or TLS 1.2 and later over it. Nothing is read but to drop
 * it: a server has nothing to say, and its end shows there. Of one thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/forward/forward.h"

enum {
	PEER_CONNECT_S = 10, /* with TLS; names are asked for beside it */
	PEER_SILENT_S = 30,  /* bytes that nobody acknowledges for so long end it */
	PEER_FINISH_S = 1,
};

struct peer {
	int fd; /* -1: none */
	SSL *ssl;
	bool writing_reads; /* TLS wants to read before it can write */
};

struct peer_options {
	const char *host; /* a name or an address; a certificate must be for it */
	uint16_t port;
	bool tls;
	const char *ca; /* PEM; "": the system's CA certificates */
	int order;      /* a descriptor; readable: give up */
};

/* Waits. Why not is in `error`: SL_ECLOSED, SL_ETIMEOUT, SL_ENOENT (no such name), SL_ECRYPTO,
 * SL_ESYS, SL_ENOMEM; SL_EAGAIN: given up. */
int peer_connect(const struct peer_options *options, struct peer *ret_peer,
                 char error[FORWARD_ERROR_MAX]) SL_NONNULL(1, 2, 3) SL_MUST;
void peer_close(struct peer *peer) SL_NONNULL(1);

/* As much as goes without waiting, perhaps nothing. SL_ECLOSED. */
int peer_write(struct peer *peer, const void *data, size_t len, size_t *ret_written,
               char error[FORWARD_ERROR_MAX]) SL_NONNULL(1, 2, 4, 5) SL_MUST;
/* What came is dropped. SL_ECLOSED: the server ended it. */
int peer_read(struct peer *peer, char error[FORWARD_ERROR_MAX]) SL_NONNULL(1, 2) SL_MUST;
/* What to poll for: `more` is to be written. */
short peer_events(const struct peer *peer, bool more) SL_NONNULL(1);

/* All that was written until now, and whether the server's system has it. */
uint64_t peer_mark(const struct peer *peer) SL_NONNULL(1);
bool peer_has(const struct peer *peer, uint64_t mark) SL_NONNULL(1);

/* Nothing more comes from here. True: the server has seen the end, and so read all before it. */
bool peer_finish(struct peer *peer) SL_NONNULL(1);
