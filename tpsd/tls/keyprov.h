/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that are not here: an OpenSSL provider of ours whose RSA and EC keys hold the public
 * half and the key's id. Signing or decrypting with one submits a key request and parks the
 * OpenSSL async job in which the handshake runs; the completion wakes the leg, which enters the
 * handshake again. Worker's thread, one keyprov a process. docs/internals/keys.md.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "tpsd/tls/keyhandle.h"

struct keyprov;

/* One handshake's place to wait in; a member of its leg. Zeroed at creation. */
struct keyprov_wait {
	struct key_request req;
	bool busy;  /* submitted, the job is parked */
	bool done;  /* the answer is here (or there will be none) */
	int status; /* of the last operation: 0 or why it failed */
	uint8_t data[KEY_SIGNATURE_MAX];
	size_t len;
	void (*wake)(void *arg); /* called once from the loop when `done` has become true */
	void *arg;
};

/*
 * Loads the provider into OpenSSL's default library context, after its default provider. `backend`
 * must outlive it. SL_ENOMEM, SL_ECRYPTO.
 */
int keyprov_create(struct key_backend *backend, struct keyprov **ret_kp) SL_NONNULL(1, 2) SL_MUST;
void keyprov_destroy(struct keyprov *kp);

/*
 * A key for SSL_CTX_use_PrivateKey: the public half of `public` with `id`. Free with EVP_PKEY_free,
 * before the keyprov. SL_EUNSUPPORTED for other types than RSA and EC.
 */
int keyprov_make_key(struct keyprov *kp, EVP_PKEY *public, const uint8_t id[KEY_ID_LEN],
                     EVP_PKEY **ret_key) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* Around each entry into a handshake that may need a key; `wait` is that leg's. */
void keyprov_enter(struct keyprov *kp, struct keyprov_wait *wait) SL_NONNULL(1, 2);
void keyprov_leave(struct keyprov *kp) SL_NONNULL(1);

/*
 * No answer is wanted: the operation fails. The parked job must then be entered once more, so that
 * it ends and its stack is given back.
 */
void keyprov_cancel(struct keyprov *kp, struct keyprov_wait *wait) SL_NONNULL(1, 2);
