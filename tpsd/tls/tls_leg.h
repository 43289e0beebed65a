/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg whose bytes are TLS by OpenSSL. Made by tls_leg_open_*, used through leg_ops, freed by
 * ops->fini. Its tls_leg tells what was negotiated and what went wrong. Worker's thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "tpsd/session/leg.h"
#include "tpsd/tls/context.h"
#include "tpsd/tls/flight.h"
#include "tpsd/tls/keyprov.h"

struct ticket_keys;

enum { TLS_BINDING_LEN = 32, TLS_ALPN_MAX = 255, TLS_NO_ALERT = 255 };

/* What a client leg needs until its handshake is done. */
struct tls_accept {
	struct keyprov_wait wait;
	uint8_t alpn[TLS_ALPN_MAX]; /* what the server chose; alpn_len 0: nothing */
	uint8_t alpn_len;
};

struct tls_leg {
	struct leg *leg;
	SSL *ssl;
	struct flight *flight;
	struct flight_rest rest;           /* written and not sent */
	struct keyprov *keyprov;           /* client leg */
	const struct ticket_keys *tickets; /* client leg; NULL: none */
	struct tls_accept *accept;         /* owned; NULL: a server leg, or done */
	bool established;
	bool notified;  /* the peer sent close_notify */
	bool notifying; /* our close_notify waits for the socket */
	/* A handshake message was read, a ticket say, with bytes or without: it leaves a write
	 * buffer of 16 KiB behind, until the next write. */
	bool buffer_left;
	bool certificate_wanted; /* server leg: it asked for a client certificate (R30) */
	uint8_t alert_sent, alert_received; /* description, TLS_NO_ALERT: none; fatal or not */
	unsigned renegotiations_refused;
	uint64_t renegotiated_ns;   /* when the last one was let through */
	uint64_t rekey_interval_ns; /* server leg: fastest renegotiation let through; 0: none is */
	/* Server leg: a session to keep for resumption; called in the handshake or in a read. The
	 * callee takes a reference when it keeps it. */
	void (*new_session)(void *arg, SSL_SESSION *session);
	void *new_session_arg;
};

/* tls_hook.c: callbacks that a context needs; called when it is made. */
void tls_leg_hook_client_side(SSL_CTX *ctx) SL_NONNULL(1);
void tls_leg_hook_server_side(SSL_CTX *ctx) SL_NONNULL(1);

/*
 * Makes `leg` (side and fd set) a TLS leg in the role of the server. `binding` is what tickets are
 * bound to; `wake` is called with `arg` when the answer of a key operation is there.
 * `flight` outlives the leg.
 */
int tls_leg_open_client(struct leg *leg, SSL_CTX *ctx, struct flight *flight,
                        struct keyprov *keyprov, const struct ticket_keys *tickets,
                        const uint8_t binding[TLS_BINDING_LEN], const uint8_t *alpn,
                        size_t alpn_len, void (*wake)(void *arg), void *arg)
        SL_NONNULL(1, 2, 3, 4, 6, 9) SL_MUST;

/*
 * Makes `leg` a TLS leg in the role of the client. `sni` may be ""; `alpn` is a list as on the
 * wire; `session` to resume may be NULL.
 */
int tls_leg_open_server(struct leg *leg, SSL_CTX *ctx, struct flight *flight, const char *sni,
                        const uint8_t *alpn, size_t alpn_len, SSL_SESSION *session)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Of what the server showed, the leaf alone is kept: once the chain was judged, nobody asks for the
 * rest, which the connection and each session that it leaves to be resumed would hold. */
void tls_leg_forget_chain(struct tls_leg *tl) SL_NONNULL(1);

/* Client inspection, before the handshake of a client leg: the leaf it shows, and the newest
 * version it takes (OpenSSL's number), which is what the server showed (R27). SL_ECRYPTO. */
int tls_leg_use_leaf(struct leg *leg, const struct tls_certificate *leaf, int max_version)
        SL_NONNULL(1, 2) SL_MUST;

static inline struct tls_leg *tls_leg_of(struct leg *leg)
{
	return leg->tls;
}
