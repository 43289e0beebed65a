/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A box in one process: a host, a client and a server of OpenSSL's, joined by loopback connections,
 * and an inspector that blocks at the word "attack". Everything runs in the loop's turn.
 */
#pragma once

#include <openssl/ssl.h>

#include "lib/base/buf.h"
#include "lib/pki/forge.h"
#include "tests/unit/tpsd/fixture.h"
#include "tpsd/session/session_priv.h"

enum { BOX_CERTS = 4, BOX_SIGNING = BOX_CERTS /* index of the signing certificate */ };

/* One end: what it wants to say, what it heard, how it ended. */
struct box_end {
	SSL *ssl; /* NULL: plain bytes */
	int fd;
	bool up, failed, eof, notified, reset;
	struct buf out, in;
	size_t chunk; /* bytes written at once; 0: all */
	bool close_when_sent;
	bool truncate; /* ends with a FIN alone */
	bool stop_reading;
};

struct box_pair {
	struct box_end client, server;
	int box_fds[2]; /* the box's ends until they are taken */
	uint64_t flow;
	const char *from; /* the client's address; NULL: 192.0.2.1 */
	enum ipc_action action;
	enum reason reason; /* of the verdict, then of the end */
	bool answered, ended;
};

struct box {
	struct loop *loop;
	struct keystore *ks;
	struct forger *forger;
	struct pki_issuer signer, untrusted; /* its issuers */
	struct fixture_backend backend;
	struct counter_slab counters;
	struct host *host;
	struct setup *setup;
	struct config *config;
	struct fixture_cert certs[BOX_CERTS]; /* as the configuration lists them */
	struct fixture_cert world;            /* a CA that the default trust has */
	SSL_CTX *client_ctx, *server_ctx;
	struct box_pair *pairs;
	size_t npairs;
	unsigned fed;    /* inspector calls */
	bool unread;     /* no profile has an inspector */
	bool answerable; /* what the inspector says of what it blocks */
	bool quiet;      /* it wants no event of it */
	char items[2048];
};

extern const char box_config[];

/* `settings` replaces the proxy's or others' lines in the document: pairs of (from, to), NULL ends.
 */
void box_open(struct box *b, const char *const *settings);
void box_close(struct box *b);

/* Loads another document: as box_open's, and the host uses it from now on. */
void box_configure(struct box *b, const char *const *settings);

/* The server's certificate from now on. */
void box_serve(struct box *b, const struct fixture_cert *c);

/* A document of a box that inspects clients; more of the proxy (lines) and of the policy. */
void box_configure_outbound(struct box *b, const char *proxy, const char *policy);

/* Connections for one flow; the client's SSL has SNI `sni`. */
void box_pair_open(struct box *b, struct box_pair *p, const char *sni);
void box_pair_close(struct box_pair *p);

/* Runs until `done` says so for all pairs, 5 s at most. */
void box_run(struct box *b, struct box_pair *pairs, size_t n, bool (*done)(struct box_pair *p));

void box_say(struct box_end *e, const char *text);
bool box_is_up(struct box_pair *p);
bool box_has_ended(struct box_pair *p);
