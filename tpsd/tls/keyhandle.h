/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private key operations as the worker sees them: submit, then a completion. Which backend does it
 * (the `keys` process; in tests one in memory that answers after a while; PKCS#11 or a TPM behind
 * `keys` later) is not the session's business. Nothing here blocks.
 *
 * A key is named by the SHA-256 of its SubjectPublicKeyInfo. Worker's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/ipc/message.h"
#include "lib/pki/cert.h"
#include "lib/pki/forge.h"
#include "lib/pki/verify.h"

enum { KEY_ID_LEN = 32, KEY_SIGNATURE_MAX = 1024, KEY_PREMASTER_LEN = 48 };

struct key_request;

/* `status` 0 with the result, or an error. Called once, from the loop, never from submit itself. */
typedef void key_done_fn(struct key_request *req, int status, const uint8_t *data, size_t len);

enum key_operation { KEY_SIGN, KEY_TLS_RSA_DECRYPT, KEY_FORGE };

/* What KEY_FORGE wants; the caller's until completion. The result is the leaf's key id (KEY_ID_LEN
 * bytes), then the certificate in DER. */
struct key_forge {
	bool trusted; /* by the issuer `key` names, else by the untrusted CA */
	enum pki_key_kind kind;
	uint8_t print[PKI_PRINT_LEN]; /* of the server's chain */
	struct pki_template template;
};

/* In the caller's memory until completion or key_cancel. */
struct key_request {
	enum key_operation operation;
	uint8_t key[KEY_ID_LEN]; /* KEY_FORGE: of the policy's signing certificate */
	uint16_t algorithm;      /* KEY_SIGN: enum ipc_algorithm | enum ipc_digest << 8 */
	uint16_t client_version; /* KEY_TLS_RSA_DECRYPT: of the ClientHello, e.g. 0x0303 */
	const uint8_t *input;    /* digest or ciphertext; the caller's until completion */
	size_t input_len;
	const struct key_forge *forge; /* KEY_FORGE */
	key_done_fn *done;
	void *arg;
	uint64_t id; /* the backend's */
};

struct key_backend_ops {
	int (*submit)(void *backend, struct key_request *req);
	void (*cancel)(void *backend, struct key_request *req);
};

struct key_backend {
	const struct key_backend_ops *ops;
	void *state;
};

/* SL_ELIMIT when too many are open, SL_ECLOSED when nothing can be asked, SL_ERANGE when the input
 * is longer than a message takes. Then `done` is not called. */
static inline int key_submit(struct key_backend *backend, struct key_request *req)
{
	return backend->ops->submit(backend->state, req);
}

/* The answer is not wanted any more; `done` will not be called. */
static inline void key_cancel(struct key_backend *backend, struct key_request *req)
{
	backend->ops->cancel(backend->state, req);
}
