/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tpsd/fixture.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/err.h"
#include "tpsd/tls/forger.h"

static void add_names(X509 *x, const char *names)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	assert_non_null(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

void fixture_cert_make(struct fixture_cert *c, enum fixture_key type, const char *names,
                       const struct fixture_cert *issuer)
{
	static long serial = 1;
	X509_NAME *name;

	c->key = type == FIXTURE_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	c->leaf = X509_new();
	assert_non_null(c->key);
	X509_set_version(c->leaf, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c->leaf), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c->leaf), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c->leaf), 86400);
	X509_set_pubkey(c->leaf, c->key);
	name = X509_get_subject_name(c->leaf);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
	                           0);
	X509_set_issuer_name(c->leaf, issuer ? X509_get_subject_name(issuer->leaf) : name);
	add_names(c->leaf, names);
	assert_true(X509_sign(c->leaf, issuer ? issuer->key : c->key, EVP_sha256()) > 0);
}

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

void fixture_ca_make(struct fixture_cert *c, enum fixture_key type, const char *name)
{
	X509_NAME *subject = X509_NAME_new();

	fixture_cert_make(c, type, "DNS:ca.test", NULL);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
	                           0);
	X509_set_subject_name(c->leaf, subject);
	X509_set_issuer_name(c->leaf, subject);
	X509_NAME_free(subject);
	add_extension(c->leaf, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(c->leaf, NID_key_usage, "critical,keyCertSign,cRLSign");
	assert_true(X509_sign(c->leaf, c->key, EVP_sha256()) > 0);
}

void fixture_cert_free(struct fixture_cert *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->leaf);
}

void fixture_tls_certificate(struct tls_certificate *ret, struct keyprov *kp, struct keystore *ks,
                             const struct fixture_cert *c)
{
	assert_int_equal(keystore_add(ks, c->key, 1), 0);
	assert_int_equal(tls_certificate_init(ret, kp, "test", c->leaf, NULL), 0);
}

static void answer(struct loop_timer *timer)
{
	struct fixture_pending *p = (struct fixture_pending *)timer;
	struct key_request *req = p->req;
	uint8_t *leaf = p->leaf;

	p->req = NULL;
	p->leaf = NULL;
	p->backend->answered++;
	req->done(req, p->status, leaf ? leaf : p->data, p->len);
	free(leaf);
}

static int forge(struct fixture_backend *b, struct fixture_pending *p)
{
	const struct key_request *req = p->req;
	const uint8_t *data = NULL;
	int rc = SL_EAGAIN;

	if (!b->forger)
		return SL_EUNSUPPORTED;
	while (rc == SL_EAGAIN) {
		int made = forger_make_pool(b->forger, 0);

		assert_true(made == 0 || made == SL_EAGAIN);
		rc = forger_forge(b->forger, req->key, req->forge, (int64_t)time(NULL), &data,
		                  &p->len);
	}
	if (rc != 0)
		return rc;
	p->leaf = malloc(p->len);
	assert_non_null(p->leaf);
	memcpy(p->leaf, data, p->len);
	return 0;
}

static int submit(void *state, struct key_request *req)
{
	struct fixture_backend *b = state;
	struct fixture_pending *p = b->pending;

	if (b->refuse)
		return b->refuse;
	while (p < b->pending + FIXTURE_REQUESTS && p->req)
		p++;
	if (p == b->pending + FIXTURE_REQUESTS)
		return SL_ELIMIT;
	p->req = req;
	p->backend = b;
	req->id = (uint64_t)(p - b->pending);
	b->submitted++;
	p->len = 0;
	if (req->operation == KEY_FORGE) {
		p->status = forge(b, p);
	} else if (req->operation == KEY_SIGN) {
		p->status = keystore_sign(b->ks, req->key, req->algorithm, req->input,
		                          req->input_len, p->data, &p->len);
	} else {
		p->status = keystore_decrypt(b->ks, req->key, req->client_version, req->input,
		                             req->input_len, p->data);
		p->len = KEY_PREMASTER_LEN;
	}
	return loop_timer_set(b->loop, &p->timer, (uint64_t)b->delay_ms * 1000000, answer);
}

static void cancel(void *state, struct key_request *req)
{
	struct fixture_backend *b = state;
	struct fixture_pending *p = &b->pending[req->id];

	assert_ptr_equal(p->req, req);
	loop_timer_cancel(&p->timer);
	p->req = NULL;
	free(p->leaf);
	p->leaf = NULL;
	b->cancelled++;
}

void fixture_backend_init(struct fixture_backend *b, struct loop *loop, struct keystore *ks,
                          unsigned delay_ms)
{
	static const struct key_backend_ops ops = {.submit = submit, .cancel = cancel};

	*b = (struct fixture_backend){.loop = loop, .ks = ks, .delay_ms = delay_ms};
	b->backend = (struct key_backend){&ops, b};
}
