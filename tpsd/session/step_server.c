/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SERVER and VERIFY: TLS to the server, resumed where it lets us, then what its certificate says
 * (R152, R167). The server comes first because what it shows decides what the client gets.
 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "lib/pki/verify.h"
#include "tpsd/session/session_priv.h"
#include "tpsd/tls/failure.h"

/* The client's offer; without h2 while HTTP/2 is to be downgraded (R102, R125). */
static size_t offer_alpn(const struct session *s, uint8_t *out)
{
	struct clienthello_view offer = {s->hello.alpn, s->hello.alpn_len}, name;
	size_t at = 0, n = 0;

	while (clienthello_alpn_next(&offer, &at, &name)) {
		if (s->proxy->config->downgrade_http2 && name.len == 2 &&
		    memcmp(name.data, "h2", 2) == 0)
			continue;
		out[n] = (uint8_t)name.len;
		memcpy(out + n + 1, name.data, name.len);
		n += 1 + name.len;
	}
	return n;
}

/* Whatever makes two handshakes with a server different is in the key. */
static int make_resume_key(struct session *s, const uint8_t *alpn, size_t alpn_len,
                           const uint8_t offer[TIE_DIGEST_LEN])
{
	struct {
		uint8_t proxy[SETUP_DIGEST_LEN];
		uint8_t offer[TIE_DIGEST_LEN]; /* of client inspection: and its policy */
		char policy[128];
		uint8_t server[16];
		uint32_t setup; /* its revision: what was verified under another proves nothing */
		uint16_t port, segment, vlan;
		uint8_t tunnel, alpn_len;
		uint32_t tunnel_key;
		uint8_t alpn[SESSION_ALPN_OFFER_MAX];
		char sni[SESSION_SNI_MAX];
	} in;

	memset(&in, 0, sizeof(in));
	memcpy(in.proxy, s->proxy->digest, sizeof(in.proxy));
	memcpy(in.offer, offer, sizeof(in.offer));
	if (s->out) /* trust store and lists are the policy's */
		memcpy(in.policy, s->policy->name, strnlen(s->policy->name, sizeof(in.policy)));
	memcpy(in.server, s->server.bytes, sizeof(in.server));
	in.setup = s->setup->revision;
	in.port = s->server_port;
	in.segment = s->segment;
	in.vlan = s->vlan;
	in.tunnel = s->tunnel;
	in.tunnel_key = s->tunnel_key;
	in.alpn_len = (uint8_t)alpn_len;
	memcpy(in.alpn, alpn, alpn_len);
	memcpy(in.sni, s->hello.sni, sizeof(in.sni));
	return EVP_Digest(&in, sizeof(in), s->resume_key, NULL, EVP_sha256(), NULL) ? 0
	                                                                            : SL_ECRYPTO;
}

/* TLS 1.3 sends tickets in the relay, after VERIFY; older ones before it, when nothing is known. */
static void keep_session(void *arg, SSL_SESSION *session)
{
	struct session *s = arg;
	X509 *leaf;

	if (!s->verified_known)
		return;
	if (s->out && !s->out->server_leaf) {
		leaf = SSL_SESSION_get0_peer(session);
		s->out->server_leaf = leaf ? resume_leaf_create(leaf) : NULL;
		if (!s->out->server_leaf)
			return;
	}
	resume_put(s->host->resume, s->resume_key, session, &s->verified,
	           s->out ? s->out->server_leaf : NULL);
}

X509 *session_server_leaf(struct session *s)
{
	X509 *shown = SSL_get1_peer_certificate(tls_leg_of(&s->legs[LEG_SERVER])->ssl);

	if (shown || !s->out || !s->out->server_leaf)
		return shown;
	return resume_leaf_parse(s->out->server_leaf);
}

/* A session to be resumed, or NULL. Server inspection asks for the leaf in VERIFY alone. */
static SSL_SESSION *find_session(struct session *s)
{
	struct resume_leaf *leaf = NULL;
	SSL_SESSION *session = resume_get(s->host->resume, s->resume_key, &s->verified, &leaf);

	if (s->out)
		s->out->server_leaf = leaf;
	else
		resume_leaf_put(leaf);
	return session;
}

/* Whether the server took it; if not, it has shown another certificate, or the same again. */
static void note_resumed(struct session *s, const SSL *ssl)
{
	s->resumed_server = SSL_session_reused(ssl);
	if (s->resumed_server)
		counter_add(s->host->counters, COUNTER_resumed_server, 1);
	if (s->resumed_server || !s->out)
		return;
	resume_leaf_put(s->out->server_leaf);
	s->out->server_leaf = NULL;
}

static int open_server(struct session *s)
{
	uint8_t alpn[SESSION_ALPN_OFFER_MAX];
	size_t alpn_len = offer_alpn(s, alpn);
	struct leg *leg = &s->legs[LEG_SERVER];
	SSL_SESSION *session = NULL;
	struct tls_leg *tl;
	SSL_CTX *ctx = s->proxy->server_ctx;
	uint8_t offer[TIE_DIGEST_LEN] = {0};
	int rc = s->out ? tie_cache_get(s->proxy->ties, &s->out->offer, &ctx, offer) : 0;

	if (rc == 0)
		rc = make_resume_key(s, alpn, alpn_len, offer);
	if (rc != 0)
		return rc;
	session = find_session(s);
	rc = tls_leg_open_server(leg, ctx, s->host->flight, s->hello.sni, alpn, alpn_len, session);
	SSL_SESSION_free(session);
	if (rc != 0)
		return rc;
	tl = tls_leg_of(leg);
	if (s->proxy->server)
		tl->rekey_interval_ns =
		        (uint64_t)s->proxy->server->rekey_interval_ms * CLOCK_NS_PER_MS;
	else /* a staple is what revocation can be seen by */
		(void)SSL_set_tlsext_status_type(tl->ssl, TLSEXT_STATUSTYPE_ocsp);
	tl->new_session = keep_session;
	tl->new_session_arg = s;
	return 0;
}

/* What the server's refusal means for the client: the same alert, or the same kind of end. */
static void pass_on_failure(struct session *s)
{
	const struct tls_leg *tl = tls_leg_of(&s->legs[LEG_SERVER]);

	if (tl->alert_received != TLS_NO_ALERT)
		s->alert_to_client = tl->alert_received;
	else if (s->legs[LEG_SERVER].end == LEG_BROKEN)
		s->alert_to_client = SSL_AD_HANDSHAKE_FAILURE;
}

static void count_failure(struct session *s, enum reason reason)
{
	struct counter_slab *c = s->host->counters;

	counter_add(c, COUNTER_serverConnectionFailures, 1);
	if (reason == REASON_SERVER_VERSION)
		counter_add(c, COUNTER_serverVersionOther, 1);
	else if (reason == REASON_SERVER_SUITE)
		counter_add(c, COUNTER_serverCipherOther, 1);
	else if (reason == REASON_CLIENT_CERTIFICATE)
		counter_add(c, COUNTER_clientCertificateWanted, 1);
	else
		counter_add(c, COUNTER_serverErrors, 1);
}

static int server_failed(struct session *s)
{
	enum reason reason = s->legs[LEG_SERVER].reason;
	bool fin = s->legs[LEG_SERVER].end == LEG_TRUNCATED;

	count_failure(s, reason);
	resume_drop(s->host->resume, s->resume_key);
	pass_on_failure(s);
	if (fin)
		session_close_orderly(s, reason);
	else
		session_close(s, reason);
	return SL_EREFUSED;
}

int step_server(struct session *s)
{
	struct leg *leg = &s->legs[LEG_SERVER];
	const unsigned char *alpn;
	struct tls_leg *tl;
	int rc = leg->ops ? 0 : open_server(s);

	if (rc != 0)
		return rc;
	rc = leg->ops->handshake(leg);
	if (rc == SL_EAGAIN)
		return rc;
	if (rc != 0)
		return server_failed(s);
	tl = tls_leg_of(leg);
	s->server_ns = clock_now_ns();
	counter_add_time(s->host->counters, HISTOGRAM_handshake_server, s->server_ns - s->taken_ns);
	note_resumed(s, tl->ssl);
	SSL_get0_alpn_selected(tl->ssl, &alpn, &s->server_alpn_len);
	s->server_alpn = alpn;
	s->http2 = s->server_alpn_len == 2 && memcmp(alpn, "h2", 2) == 0;
	if (!tl->certificate_wanted)
		return 0;
	counter_add(s->host->counters, COUNTER_clientCertificateWanted, 1);
	/* R30. ALLOW goes on without one: the server may only have asked. */
	if (class_action(s->proxy->config, REASON_CLIENT_CERTIFICATE) == CONFIG_ALLOW)
		return 0;
	s->alert_to_client = SSL_AD_HANDSHAKE_FAILURE;
	session_close(s, REASON_CLIENT_CERTIFICATE);
	return SL_EREFUSED;
}

/* The chain that the server sent against the proxy's trust store; names are the client's matter. */
static bool verify_chain(struct session *s, X509 *leaf)
{
	const struct tls_leg *tl = tls_leg_of(&s->legs[LEG_SERVER]);

	return pki_chain_leads_to(s->proxy->trust, leaf, SSL_get_peer_cert_chain(tl->ssl));
}

static int look_at_leaf(struct session *s, X509 *leaf)
{
	struct tls_verified v = {.key_matches = false};
	int rc = pki_cert_key_id(leaf, v.key_id);

	if (rc != 0)
		return rc;
	v.key_matches = setup_find_key(s->setup, s->proxy, v.key_id) != NULL;
	v.chain_trusted = !v.key_matches && s->proxy->trust && verify_chain(s, leaf);
	v.expired = X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0 ||
	            X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0;
	s->verified = v;
	return 0;
}

static int refuse_server(struct session *s, enum reason reason)
{
	s->alert_to_client = SSL_AD_HANDSHAKE_FAILURE;
	session_close(s, reason);
	return SL_EREFUSED;
}

/* Up to TLS 1.2 the session was there with the handshake; in 1.3 its tickets come later. */
void session_keep_server(struct session *s)
{
	struct tls_leg *tl = tls_leg_of(&s->legs[LEG_SERVER]);

	tls_leg_forget_chain(tl);
	if (!s->resumed_server && SSL_version(tl->ssl) < TLS1_3_VERSION)
		keep_session(s, SSL_get0_session(tl->ssl));
}

int step_verify(struct session *s)
{
	struct tls_leg *tl = tls_leg_of(&s->legs[LEG_SERVER]);
	const struct config_proxy *proxy = s->proxy->config;
	X509 *leaf;

	if (s->out)
		return step_verify_client(s);
	if (!s->resumed_server) {
		leaf = SSL_get0_peer_certificate(tl->ssl);
		if (!leaf || look_at_leaf(s, leaf) != 0)
			return refuse_server(s, REASON_PROTOCOL_SERVER);
		if (!s->verified.key_matches && !s->verified.chain_trusted) {
			counter_add(s->host->counters, COUNTER_serverMismatch, 1);
			record_mismatch(s, leaf);
		}
	}
	if (!s->verified.key_matches && !s->verified.chain_trusted &&
	    s->proxy->server->on_server_mismatch == CONFIG_MISMATCH_BLOCK)
		return refuse_server(s, REASON_SERVER_MISMATCH);
	if (!s->verified.key_matches && !s->verified.chain_trusted && s->proxy->trust &&
	    class_action(proxy, REASON_CHAIN_INVALID) == CONFIG_BLOCK)
		return refuse_server(s, REASON_CHAIN_INVALID);
	if (s->verified.expired && class_action(proxy, REASON_CERTIFICATE_EXPIRED) == CONFIG_BLOCK)
		return refuse_server(s, REASON_CERTIFICATE_EXPIRED);
	s->verified_known = true;
	session_keep_server(s);
	return 0;
}
