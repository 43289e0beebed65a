/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDENTITY for client inspection: the leaf that the client sees, from this worker's cache or made
 * by `keys` (R93, R64). Which CA signs follows from VERIFY alone.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

static struct leaf_name name_of(const struct session *s)
{
	const struct outbound *out = s->out;
	const struct tls_leg *server = s->legs[LEG_SERVER].tls;
	struct leaf_name name = {.trusted = out->fault == PKI_FAULT_NONE};

	memcpy(name.print, out->print, sizeof(name.print));
	memcpy(name.issuer, out->issuer->certificate->key_id, sizeof(name.issuer));
	name.kind =
	        tls_offer_takes_ecdsa(&out->offer, &s->proxy->client_side, SSL_version(server->ssl))
	                ? PKI_ECDSA
	                : PKI_RSA;
	return name;
}

static void on_forged(struct key_request *req, int status, const uint8_t *data, size_t len)
{
	struct session *s = req->arg;
	struct outbound *out = s->out;
	struct leaf_name name = {.trusted = out->forge.trusted, .kind = (uint8_t)out->forge.kind};

	out->answered = true;
	out->status = status;
	memcpy(name.print, out->forge.print, sizeof(name.print));
	memcpy(name.issuer, req->key, sizeof(name.issuer));
	if (status == 0)
		out->status = leafcache_put(s->host->leaves, s->host->keyprov, &name, data, len,
		                            name.trusted ? out->issuer->chain : NULL, &out->leaf);
	session_wake(s);
}

/* Asks `keys`; the answer enters the driver again. */
static int ask(struct session *s, const struct leaf_name *name)
{
	struct outbound *out = s->out;
	X509 *leaf = session_server_leaf(s);
	int rc = leaf ? pki_template_read(leaf, &out->forge.template) : SL_ENOENT;

	X509_free(leaf);
	if (rc != 0)
		return rc;
	out->forge.trusted = name->trusted;
	out->forge.kind = (enum pki_key_kind)name->kind;
	memcpy(out->forge.print, name->print, sizeof(out->forge.print));
	out->request = (struct key_request){
	        .operation = KEY_FORGE, .forge = &out->forge, .done = on_forged, .arg = s};
	memcpy(out->request.key, name->issuer, sizeof(out->request.key));
	rc = key_submit(s->host->keys, &out->request);
	out->asked = rc == 0;
	return rc;
}

static int refuse(struct session *s, enum reason reason)
{
	s->alert_to_client = SSL_AD_INTERNAL_ERROR;
	session_close(s, reason);
	return SL_EREFUSED;
}

/* A server's session that was resumed and whose certificate cannot be read: the next handshake is
 * a full one. */
static int forget_server(struct session *s)
{
	resume_drop(s->host->resume, s->resume_key);
	return refuse(s, REASON_FORGE_FAILED);
}

/* The issuer's key is not there: the SMS has not sent it yet (R57). */
static enum reason reason_of(int status)
{
	return status == SL_EREFUSED ? REASON_SIGNING_CERTIFICATE
	       : status == SL_ENOENT ? REASON_KEYS_UNAVAILABLE
	                             : REASON_FORGE_FAILED;
}

int step_forge(struct session *s)
{
	struct outbound *out = s->out;
	struct leaf_name name;
	int rc;

	if (out->answered)
		return out->leaf ? 0 : refuse(s, reason_of(out->status));
	out->issuer = setup_find_issuer(s->proxy, clock_wall_s());
	if (!out->issuer)
		return refuse(s, REASON_SIGNING_CERTIFICATE);
	name = name_of(s);
	out->leaf = leafcache_get(s->host->leaves, &name);
	if (out->leaf)
		return 0;
	rc = ask(s, &name);
	if (rc == SL_ENOENT)
		return forget_server(s);
	if (rc != 0)
		return refuse(s, REASON_FORGE_FAILED);
	s->legs[LEG_CLIENT].wants = LEG_WANTS_KEY;
	return SL_EAGAIN;
}
