/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made on the spot, and a key backend in memory that answers after a while. */
#pragma once

#include <openssl/ssl.h>

#include "lib/base/loop.h"
#include "tpsd/tls/context.h"
#include "tpsd/tls/keystore.h"
#include "tests/unit/unit.h"

enum fixture_key { FIXTURE_RSA, FIXTURE_EC };

struct fixture_cert {
	EVP_PKEY *key;
	X509 *leaf;
};

/* Self-signed when `issuer` is NULL. `names` is a SAN list such as "DNS:a.test,DNS:*.b.test". */
void fixture_cert_make(struct fixture_cert *c, enum fixture_key type, const char *names,
                       const struct fixture_cert *issuer);
/* A CA of this common name, self-signed. */
void fixture_ca_make(struct fixture_cert *c, enum fixture_key type, const char *name);
void fixture_cert_free(struct fixture_cert *c);

/* A tls_certificate of it, its private key put in `ks`. */
void fixture_tls_certificate(struct tls_certificate *ret, struct keyprov *kp, struct keystore *ks,
                             const struct fixture_cert *c);

enum { FIXTURE_REQUESTS = 256 };

struct fixture_pending {
	struct loop_timer timer;
	struct fixture_backend *backend;
	struct key_request *req;
	int status;
	uint8_t data[KEY_SIGNATURE_MAX];
	uint8_t *leaf; /* KEY_FORGE: the answer instead */
	size_t len;
};

struct forger;

/* Answers each request `delay_ms` later from its keystore, or its forger. */
struct fixture_backend {
	struct key_backend backend;
	struct loop *loop;
	struct keystore *ks;
	struct forger
	        *forger; /* NULL: KEY_FORGE is not supported; its pool is made when asked for */
	unsigned delay_ms;
	int refuse; /* not 0: submit answers this */
	unsigned submitted, answered, cancelled;
	struct fixture_pending pending[FIXTURE_REQUESTS];
};

void fixture_backend_init(struct fixture_backend *b, struct loop *loop, struct keystore *ks,
                          unsigned delay_ms);
