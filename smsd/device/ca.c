/* SPDX-License-Identifier: Apache-2.0 */
/* The device CA: made once, its key in the vault; what it signs, and what port 8444 shows. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "lib/pki/key.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/device/device_priv.h"
#include "smsd/vault/vault.h"

/* Devices know the CA by its key, so its certificate's end would be an end of all of them. */
enum { CA_DAYS = PKI_DAYS_MAX, MS_PER_S = 1000 };

static int fail(struct problem *problem, int code, const char *what)
{
	ERR_clear_error();
	return problem_add(problem, code, "", "", "%s: %s", what, err_text(code));
}

/* ---- the row ----------------------------------------------------------------------------- */

struct ca_row {
	bool found;
	X509 *certificate;
	uint8_t key_id[VAULT_ID_SIZE];
};

static int take_ca(void *arg, const struct store_row *row)
{
	struct ca_row *ca = arg;
	size_t len, id_len;
	const unsigned char *der = store_row_blob(row, 0, &len);
	const void *id = store_row_blob(row, 1, &id_len);

	ca->certificate = d2i_X509(NULL, &der, (long)len);
	ERR_clear_error();
	if (!ca->certificate || id_len != sizeof(ca->key_id)) {
		X509_free(ca->certificate);
		return SL_EIO;
	}
	memcpy(ca->key_id, id, sizeof(ca->key_id));
	ca->found = true;
	return 0;
}

static int read_row(struct store *store, struct ca_row *ret, struct problem *problem)
{
	int rc;

	*ret = (struct ca_row){.found = false};
	rc = store_read(store, STORE_DEVICE_CA, NULL, 0, take_ca, ret);
	return rc ? fail(problem, rc, "the device CA cannot be read") : 0;
}

int device_ca_read(struct store *store, X509 **ret_certificate, uint8_t ret_pin[REMOTE_PIN],
                   struct problem *problem)
{
	struct ca_row ca;
	int rc = read_row(store, &ca, problem);

	if (rc != 0)
		return rc;
	if (!ca.found)
		return fail(problem, SL_ENOENT, "there is no device CA");
	*ret_certificate = ca.certificate;
	memcpy(ret_pin, ca.key_id, REMOTE_PIN);
	return 0;
}

/* ---- making it --------------------------------------------------------------------------- */

struct making {
	struct vault_sealed sealed;
	uint8_t *der;
	int len;
};

static int write_ca(void *arg, struct store_tx *tx)
{
	const struct making *making = arg;
	const struct store_value values[] = {store_blob(making->der, (size_t)making->len),
	                                     store_blob(making->sealed.id, VAULT_ID_SIZE)};
	const struct audit_line line = {
	        .action = "create", .kind = "device ca", .name = "device CA"};
	int rc = vault_put(tx, &making->sealed);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_CA_ADD, values, 2, NULL, NULL);
	return rc ? rc : audit_add(tx, &actor_smsd, &line);
}

static int keep(struct store *store, struct vault *vault, const struct pki_issuer *ca)
{
	struct making making = {.der = NULL};
	int rc = vault_seal(vault, ca->key, false, &making.sealed);

	if (rc != 0)
		return rc;
	making.len = i2d_X509(ca->certificate, &making.der);
	rc = making.len > 0 ? store_write(store, write_ca, &making) : SL_ECRYPTO;
	OPENSSL_free(making.der);
	vault_sealed_fini(&making.sealed);
	return rc;
}

static int make(struct store *store, struct vault *vault, struct problem *problem)
{
	const struct pki_subject subject = {.common_name = "Sluice device CA"};
	struct pki_issuer ca;
	struct pki_error err;
	int rc =
	        pki_ca_make(&subject, PKI_KEY_P256, CA_DAYS, moment_now_ms() / MS_PER_S, &ca, &err);

	if (rc != 0)
		return problem_add_pki(problem, "", &err);
	rc = keep(store, vault, &ca);
	pki_issuer_fini(&ca);
	return rc ? fail(problem, rc, "the device CA cannot be kept") : 0;
}

/* One whose key is lost would make tokens that no device can use: that is said at the start. */
int device_ca_open(struct store *store, struct vault *vault, struct problem *problem)
{
	struct ca_row ca;
	int rc = read_row(store, &ca, problem);

	if (rc != 0)
		return rc;
	if (!ca.found)
		return make(store, vault, problem);
	X509_free(ca.certificate);
	rc = vault_check(vault, ca.key_id);
	return rc ? fail(problem, rc, "the device CA's key cannot be used") : 0;
}

/* ---- signing ----------------------------------------------------------------------------- */

int device_ca_sign(struct store *store, struct vault *vault, const struct device_order *order,
                   X509 **ret_certificate, X509 **ret_ca, struct problem *problem)
{
	struct pki_issuer ca = {.key = NULL};
	struct pki_error err;
	uint8_t pin[REMOTE_PIN];
	int rc = device_ca_read(store, &ca.certificate, pin, problem);

	if (rc != 0)
		return rc;
	rc = vault_use(vault, pin, order->actor, "device certificate", &ca.key, problem);
	if (rc == 0 &&
	    pki_end_issue(&ca, order->key, order->name,
	                  order->server ? PKI_END_SERVER : PKI_END_CLIENT, REMOTE_CERTIFICATE_DAYS,
	                  moment_now_ms() / MS_PER_S, ret_certificate, &err) != 0)
		rc = problem_add_pki(problem, "", &err);
	EVP_PKEY_free(ca.key);
	if (rc == 0)
		*ret_ca = ca.certificate;
	else
		X509_free(ca.certificate);
	return rc;
}

/* ---- what port 8444 shows ---------------------------------------------------------------- */

void device_server_fini(struct device_server *server)
{
	X509_free(server->certificate);
	X509_free(server->ca);
	EVP_PKEY_free(server->key);
	*server = (struct device_server){0};
}

int device_server_make(struct store *store, struct vault *vault, struct device_server *ret_server,
                       struct problem *problem)
{
	struct device_server server = {0};
	struct device_order order = {.name = "sms", .server = true, .actor = &actor_smsd};
	struct pki_validity validity;
	struct pki_error err;
	int rc;

	if (pki_key_make(PKI_KEY_P256, &server.key, &err) != 0)
		return problem_add_pki(problem, "", &err);
	order.key = server.key;
	rc = device_ca_sign(store, vault, &order, &server.certificate, &server.ca, problem);
	if (rc == 0 && pki_cert_validity(server.certificate, 0, &validity) != 0)
		rc = fail(problem, SL_ECRYPTO, "the certificate of the devices' port");
	if (rc != 0) {
		device_server_fini(&server);
		return rc;
	}
	server.ends_ms = validity.not_after * MS_PER_S;
	*ret_server = server;
	return 0;
}

/* With its issuer behind it: that is where a device finds the key of its pin. */
int device_server_show(const struct device_server *server, SSL_CTX *ctx)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int ok = chain && sk_X509_push(chain, server->ca) > 0 &&
	         SSL_CTX_use_cert_and_key(ctx, server->certificate, server->key, chain, 1) == 1;

	sk_X509_free(chain);
	ERR_clear_error();
	return ok ? 0 : SL_ECRYPTO;
}

/* Each connection shows its certificate anew: what is resumed would outlive a revoked one. */
static bool ask_for_certificates(SSL_CTX *ctx, X509 *ca)
{
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                       SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_verify_depth(ctx, 1);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1 &&
	       SSL_CTX_add_client_CA(ctx, ca) == 1;
}

int device_ca_context(struct store *store, struct vault *vault, SSL_CTX **ret_ctx,
                      int64_t *ret_ends_ms, struct problem *problem)
{
	struct device_server server;
	int rc = device_server_make(store, vault, &server, problem);
	SSL_CTX *ctx;

	if (rc != 0)
		return rc;
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || !ask_for_certificates(ctx, server.ca) || device_server_show(&server, ctx) != 0)
		rc = fail(problem, SL_ECRYPTO, "the devices' port cannot be made ready");
	if (rc == 0) {
		*ret_ctx = ctx;
		*ret_ends_ms = server.ends_ms;
	} else {
		SSL_CTX_free(ctx);
	}
	device_server_fini(&server);
	return rc;
}
