/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VERIFY for client inspection: the server's chain against the policy's trust store (R96, R100,
 * R101), and what its certificate decides (R26, R168). A verdict is kept by chain, name and trust
 * store, and with a session for resumption, since a resumed handshake shows no certificate.
 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "tpsd/session/session_priv.h"

/* What a verdict depends on, as one number of 256 bits. */
static int key_of(const struct session *s, const uint8_t print[PKI_PRINT_LEN],
                  uint8_t ret_key[PKI_PRINT_LEN])
{
	struct {
		uint8_t print[PKI_PRINT_LEN];
		const X509_STORE *trust; /* of this revision: a later one may lie where it lay */
		uint32_t setup;
		uint32_t minimum_key_length, revocation;
		char sni[SESSION_SNI_MAX];
	} in;

	memset(&in, 0, sizeof(in));
	memcpy(in.print, print, sizeof(in.print));
	in.trust = setup_policy_trust(s->setup, s->out->policy);
	in.setup = s->setup->revision;
	in.minimum_key_length = s->proxy->client->minimum_key_length;
	in.revocation = class_action(s->proxy->config, REASON_REVOCATION_UNKNOWN) != CONFIG_ALLOW;
	memcpy(in.sni, s->hello.sni, sizeof(in.sni));
	return EVP_Digest(&in, sizeof(in), ret_key, NULL, EVP_sha256(), NULL) ? 0 : SL_ECRYPTO;
}

static struct known_chain *place_of(struct host *h, const uint8_t key[PKI_PRINT_LEN])
{
	uint32_t hash;

	memcpy(&hash, key, sizeof(hash)); /* a digest already */
	return &h->known_chains[hash % HOST_KNOWN_CHAINS];
}

static void verify(struct session *s, X509 *leaf, struct pki_verdict *ret)
{
	SSL *ssl = tls_leg_of(&s->legs[LEG_SERVER])->ssl;
	const struct host *h = s->host;
	unsigned char *staple = NULL;
	long staple_len = SSL_get_tlsext_status_ocsp_resp(ssl, &staple);
	const struct pki_verify v = {
	        .trust = setup_policy_trust(s->setup, s->out->policy),
	        .leaf = leaf,
	        .chain = SSL_get_peer_cert_chain(ssl),
	        .name = s->hello.sni,
	        .minimum_key_length = s->proxy->client->minimum_key_length,
	        .staple = staple_len > 0 ? staple : NULL,
	        .staple_len = staple_len > 0 ? (size_t)staple_len : 0,
	        .revocation_required =
	                class_action(s->proxy->config, REASON_REVOCATION_UNKNOWN) != CONFIG_ALLOW,
	        .own_keys = h->own_keys,
	        .own_keys_count = h->own_keys_count,
	};

	pki_verify_chain(&v, ret);
}

/* The verdict of a full handshake, from what is known or anew. */
static int find_verdict(struct session *s, X509 *leaf)
{
	struct outbound *out = s->out;
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls_leg_of(&s->legs[LEG_SERVER])->ssl);
	uint8_t key[PKI_PRINT_LEN];
	struct pki_verdict verdict;
	struct known_chain *known;
	int64_t now = clock_wall_s();
	int rc = pki_chain_print(leaf, chain, out->print);

	if (rc == 0)
		rc = key_of(s, out->print, key);
	if (rc != 0)
		return rc;
	known = place_of(s->host, key);
	if (memcmp(known->key, key, sizeof(key)) != 0 || now >= known->until) {
		verify(s, leaf, &verdict);
		*known = (struct known_chain){
		        .fault = verdict.fault,
		        .until = SL_MIN(verdict.until, now + HOST_KNOWN_CHAIN_S)};
		memcpy(known->key, key, sizeof(key));
	}
	out->fault = known->fault;
	return 0;
}

static int refuse(struct session *s, enum reason reason)
{
	s->alert_to_client = reason == REASON_CERTIFICATE_EXPIRED ? SSL_AD_CERTIFICATE_EXPIRED
	                                                          : SSL_AD_HANDSHAKE_FAILURE;
	session_close(s, reason);
	return SL_EREFUSED;
}

static enum reason reason_of(enum pki_fault fault)
{
	switch (pki_fault_kind(fault)) {
	case PKI_KIND_INVALID:
		return REASON_CHAIN_INVALID;
	case PKI_KIND_EXPIRED:
		return REASON_CERTIFICATE_EXPIRED;
	case PKI_KIND_REVOCATION:
		return REASON_REVOCATION_UNKNOWN;
	case PKI_KIND_NEVER:
		return REASON_OWN_CERTIFICATE;
	default:
		return REASON_NONE;
	}
}

/* ---- what the certificate decides -------------------------------------------------------- */

static void judge_name(void *arg, const char *name)
{
	struct session *s = arg;
	struct outbound *out = s->out;
	struct domain_verdict v;
	char below[PKI_NAME_MAX];

	if (domain_is_excepted(&out->domain))
		return;
	/* "*.a.test" in a certificate stands for the names below a.test: some name there. */
	(void)snprintf(below, sizeof(below), "%s", name);
	if (below[0] == '*')
		below[0] = 'x';
	decryption_judge(setup_policy_decryption(s->setup, out->policy), below, strlen(below),
	                 !s->host->unlicensed.categories, &v);
	if (domain_is_excepted(&v)) {
		out->domain = v;
		out->by_certificate = true;
	}
}

/*
 * The server has proved its name, or has not. A client's word that it has not proved is no reason
 * to leave it alone: the session is inspected, and said to be forged (R168).
 */
static int decide_by_certificate(struct session *s)
{
	struct outbound *out = s->out;
	bool proved = out->fault == PKI_FAULT_NONE;
	X509 *leaf;

	if (out->source == POLICY_SOURCE_ALWAYS || !out->policy->decryption_policy)
		return 0;
	if (domain_is_excepted(&out->domain) && !proved) {
		record_sni_forged(s);
		return 0;
	}
	if (proved && !domain_is_excepted(&out->domain) &&
	    (!s->hello.sni[0] ||
	     out->policy->decryption_policy->decide_by == CONFIG_DECIDE_CERTIFICATE)) {
		leaf = session_server_leaf(s);
		if (!leaf)
			return SL_ENOMEM;
		(void)pki_cert_names(leaf, judge_name, s);
		X509_free(leaf);
	}
	if (!proved || !domain_is_excepted(&out->domain))
		return 0;
	out->not_inspected = true;
	/* Later flows need no decryption at all (R31). */
	session_learn_shared(s, outbound_reason(out));
	return 0;
}

int step_verify_client(struct session *s)
{
	struct tls_leg *tl = tls_leg_of(&s->legs[LEG_SERVER]);
	struct outbound *out = s->out;
	X509 *leaf = SSL_get0_peer_certificate(tl->ssl);
	enum reason reason;

	if (s->resumed_server) {
		memcpy(out->print, s->verified.print, sizeof(out->print));
		out->fault = (enum pki_fault)s->verified.fault;
	} else if (!leaf || find_verdict(s, leaf) != 0) {
		return refuse(s, REASON_PROTOCOL_SERVER);
	}
	out->verified = true;
	if (out->fault != PKI_FAULT_NONE)
		counter_add(s->host->counters, COUNTER_chainFaults, 1);
	reason = reason_of(out->fault);
	if (reason == REASON_OWN_CERTIFICATE ||
	    (reason != REASON_NONE && class_action(s->proxy->config, reason) != CONFIG_ALLOW))
		return refuse(s, reason);
	if (decide_by_certificate(s) != 0)
		return refuse(s, REASON_INTERNAL);
	memcpy(s->verified.print, out->print, sizeof(out->print));
	s->verified.fault = (uint8_t)out->fault;
	s->verified_known = true;
	session_keep_server(s);
	return 0;
}
