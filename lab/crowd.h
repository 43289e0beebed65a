/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd: a server that is thousands of sites, s0.crowd.test, s1.crowd.test, ...: each has a
 * certificate of its own below the lab's intermediate, so that whoever forges has a new leaf to
 * make for each. All have one P-256 key, as many sites behind one front end do. A single process
 * makes a certificate when it is first asked for; several make all at start, so that all show the
 * same. Answers HTTP/1.1; one epoll loop a process. What goes wrong in TLS is a line on standard
 * error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/ssl.h>

#include "lib/pki/forge.h"

enum {
	CROWD_SITES_MAX = 50000,
	CROWD_NAME_MAX = 64,
	CROWD_REQUEST_MAX = 4096, /* bytes of a request's header block */
};

struct crowd {
	SSL_CTX *ctx;
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* what is sent behind a leaf */
	struct pki_issuer issuer;
	X509 **sites; /* by number; NULL: not made yet */
	unsigned sites_count;
	unsigned long long big; /* bytes of /big */
	const char *canary;     /* file that gets a line when /canary is asked for */
	int listen_fd, epoll_fd;
};

/* A connection from a proxy or a client. */
struct visit {
	struct crowd *crowd;
	SSL *ssl;
	int fd;
	enum visit_state {
		VISIT_HANDSHAKE,
		VISIT_REQUEST,  /* reading a header block */
		VISIT_RESPONSE, /* writing */
		VISIT_CLOSING,  /* said its last word, the other end is to close */
	} state;
	bool wants_write; /* what epoll was last told */
	bool closes;      /* the request asked for it */
	char request[CROWD_REQUEST_MAX];
	unsigned request_len;
	char head[512]; /* header block of the response and, of a short one, all of it */
	unsigned head_len, head_sent;
	unsigned long long body_left; /* of a long one, behind it */
};

/* Takes all connections that wait. */
void visit_accept(struct crowd *crowd);
/* Goes as far as the socket lets it; frees the visit when it is over. */
void visit_step(struct visit *visit);
