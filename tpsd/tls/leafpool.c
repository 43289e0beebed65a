/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/leafpool.h"

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/pki/key.h"

enum { RSA_BITS = 2048, KINDS = PKI_ECDSA + 1 };

struct leafpool {
	struct leafpool_key keys[KINDS];
	ASYNC_JOB *job; /* that makes the RSA key; NULL: not begun, or over */
	ASYNC_WAIT_CTX *wait;
	EVP_PKEY *made; /* by the job */
	uint64_t until_ns;
	bool abandoned;
};

struct leafpool *leafpool_create(void)
{
	struct leafpool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wait = ASYNC_WAIT_CTX_new();
	if (!p->wait) {
		free(p);
		return NULL;
	}
	return p;
}

static int take_key(struct leafpool *p, enum pki_key_kind kind, EVP_PKEY *key)
{
	struct leafpool_key *k = &p->keys[kind];

	if (!key || pki_key_id(key, k->id) != 0) {
		EVP_PKEY_free(key);
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	k->key = key;
	return 0;
}

/* Called by OpenSSL for each candidate: some milliseconds lie between two calls. */
static int on_progress(EVP_PKEY_CTX *ctx)
{
	struct leafpool *p = EVP_PKEY_CTX_get_app_data(ctx);

	if (!p->abandoned && clock_now_ns() >= p->until_ns && ASYNC_get_current_job())
		(void)ASYNC_pause_job();
	return !p->abandoned;
}

static int make_rsa(void *arg)
{
	struct leafpool *p = *(struct leafpool **)arg;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, RSA_BITS) > 0) {
		EVP_PKEY_CTX_set_app_data(ctx, p);
		EVP_PKEY_CTX_set_cb(ctx, on_progress);
		if (EVP_PKEY_generate(ctx, &key) > 0)
			p->made = key;
	}
	EVP_PKEY_CTX_free(ctx);
	return 1;
}

/* Enters the job, at its beginning or where it paused. */
static int run_job(struct leafpool *p)
{
	int ignored;

	switch (ASYNC_start_job(&p->job, p->wait, &ignored, make_rsa, &p, sizeof(p))) {
	case ASYNC_PAUSE:
		return SL_EAGAIN;
	case ASYNC_FINISH:
		p->job = NULL;
		return 0;
	default:
		p->job = NULL;
		return SL_ECRYPTO;
	}
}

int leafpool_step(struct leafpool *p, unsigned slice_ms)
{
	EVP_PKEY *made;
	int rc = 0;

	p->until_ns = clock_now_ns() + slice_ms * CLOCK_NS_PER_MS;
	if (!p->keys[PKI_ECDSA].key)
		rc = take_key(p, PKI_ECDSA, EVP_EC_gen("P-256"));
	if (rc == 0 && !p->keys[PKI_RSA].key) {
		rc = run_job(p);
		made = p->made;
		p->made = NULL;
		if (rc == 0)
			rc = take_key(p, PKI_RSA, made);
	}
	if (rc != SL_EAGAIN)
		ERR_clear_error();
	return rc;
}

void leafpool_destroy(struct leafpool *p)
{
	if (!p)
		return;
	/* A paused job is entered until it has ended, or its stack would leak. */
	p->abandoned = true;
	while (p->job && run_job(p) == SL_EAGAIN)
		;
	ASYNC_WAIT_CTX_free(p->wait);
	EVP_PKEY_free(p->made);
	for (size_t i = 0; i < KINDS; i++)
		EVP_PKEY_free(p->keys[i].key);
	free(p);
	ERR_clear_error();
}

const struct leafpool_key *leafpool_key(const struct leafpool *p, enum pki_key_kind kind)
{
	return &p->keys[kind];
}
