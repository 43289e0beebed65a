/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the key provider: its key object and what its operations share. */
#pragma once

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "tpsd/tls/keyprov.h"

#define KEYPROV_PROPERTIES  "provider=sluice"
#define KEYPROV_PARAM_ID    "sluice-key-id"
#define KEYPROV_PARAM_OWNER "sluice-key-owner"

struct keyprov_digest {
	const char *name;
	enum ipc_digest id;
	EVP_MD *md; /* fetched once */
};

enum { KEYPROV_DIGESTS = 6 };

struct keyprov {
	struct key_backend *backend;
	OSSL_PROVIDER *accel;
	OSSL_PROVIDER *defaults;
	OSSL_PROVIDER *own;
	struct keyprov_digest digests[KEYPROV_DIGESTS];
	struct keyprov_wait *current; /* of the handshake being run */
};

/* A key as OpenSSL holds it. Without an owner it is a public key brought over for comparison. */
struct provkey {
	EVP_PKEY *public; /* in the default provider */
	struct keyprov *owner;
	uint8_t id[KEY_ID_LEN];
};

extern const OSSL_DISPATCH keyprov_keymgmt_rsa[], keyprov_keymgmt_ec[];
extern const OSSL_DISPATCH keyprov_signature_rsa[], keyprov_signature_ec[];
extern const OSSL_DISPATCH keyprov_cipher_rsa[];

/* The digest of that name, or NULL. */
const struct keyprov_digest *keyprov_find_digest(const struct keyprov *kp, const char *name);

/*
 * Submits `req` (operation, algorithm and input set) for `key` and parks the job until the answer
 * is there. Returns the current wait with the answer, or NULL when it failed.
 */
struct keyprov_wait *keyprov_run(const struct provkey *key, const struct key_request *req);
