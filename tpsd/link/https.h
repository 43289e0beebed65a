/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS to one server, over libcurl's multi interface in the process's loop. Who is trusted is one
 * public key: the chain that the server shows must end in a certificate that has it, and nothing is
 * sent before. No proxy, no redirect, no other scheme. Several calls at once; connections are kept.
 * `link`'s one thread.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/remote/token.h"

struct https;
struct https_call;
struct loop;

enum { HTTPS_ADDRESS_MAX = 256, HTTPS_PATH_MAX = 512, HTTPS_WHY_MAX = 256, HTTPS_CONNECT_S = 15 };

struct https_peer {
	const char *address; /* name or address; IPv6 without brackets */
	uint16_t port;
	uint8_t pin[REMOTE_PIN]; /* SHA-256 of the SubjectPublicKeyInfo */
	X509 *certificate;       /* ours, both or neither; references are taken */
	EVP_PKEY *key;
};

/* SL_ENOMEM, SL_EINVAL (no address). */
int https_open(struct loop *loop, const struct https_peer *peer, struct https **ret_https)
        SL_NONNULL(1, 2, 3) SL_MUST;
/* Calls end without their function. May be called from one. */
void https_close(struct https *https);

struct https_request {
	const char *path; /* with its query */
	const void *body; /* POST; NULL: GET. Copied, and wiped afterwards */
	size_t len;
	const char *type;  /* of the body; NULL: JSON */
	size_t answer_max; /* a longer answer is an error */
	unsigned timeout_s;
	bool fresh; /* by a connection of its own: whether one can be made is the question */
};

struct https_answer {
	int status; /* 0: there is one; SL_ECLOSED: no server, or cut; SL_EREFUSED: not the one of
	             * the pin; SL_ELIMIT: too long; SL_ETIMEOUT */
	long http;
	unsigned retry_after_s; /* when to come again, says the server; 0: it does not */
	const uint8_t *data;
	size_t len;
	char why[HTTPS_WHY_MAX]; /* a sentence where status is not 0 */
};

/* Later, once. `answer` is valid during the call. A 503 that says when to come again is heard of
 * only when the call's time is over by then, or it is a fresh one: until then it is asked again. */
typedef void https_done_fn(void *arg, const struct https_answer *answer);

int https_start(struct https *https, const struct https_request *request, https_done_fn *fn,
                void *arg, struct https_call **ret_call) SL_NONNULL(1, 2, 3, 5) SL_MUST;
/* Its function is not called. */
void https_cancel(struct https_call *call);
