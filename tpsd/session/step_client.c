/* SPDX-License-Identifier: Apache-2.0 */
/* IDENTITY and CLIENT: which certificate the client sees, and TLS with it. */
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/session_priv.h"

int step_identity(struct session *s)
{
	if (s->out)
		return step_forge(s);
	s->identity =
	        setup_find_identity(s->setup, s->proxy, s->hello.sni,
	                            s->verified.key_matches ? s->verified.key_id : NULL, &s->named);
	if (s->identity &&
	    (s->named || class_action(s->proxy->config, REASON_NO_CERTIFICATE) != CONFIG_BLOCK))
		return 0;
	s->alert_to_client = SSL_AD_UNRECOGNIZED_NAME;
	session_close(s, REASON_NO_CERTIFICATE);
	return SL_EREFUSED;
}

/* A ticket opens a session only under the same identity, name and ALPN. */
static int make_binding(const struct session *s, uint8_t ret_binding[TLS_BINDING_LEN])
{
	struct {
		uint8_t proxy[SETUP_DIGEST_LEN], identity[SETUP_DIGEST_LEN];
		char policy[64];
		char sni[SESSION_SNI_MAX];
		uint8_t alpn[TLS_ALPN_MAX];
	} in;

	memset(&in, 0, sizeof(in));
	memcpy(in.proxy, s->proxy->digest, sizeof(in.proxy));
	memcpy(in.identity, s->out ? s->out->leaf->digest : s->identity->digest,
	       sizeof(in.identity));
	memcpy(in.policy, s->policy->name, SL_MIN(strlen(s->policy->name), sizeof(in.policy)));
	memcpy(in.sni, s->hello.sni, sizeof(in.sni));
	if (s->server_alpn_len)
		memcpy(in.alpn, s->server_alpn, SL_MIN(s->server_alpn_len, sizeof(in.alpn)));
	return EVP_Digest(&in, sizeof(in), ret_binding, NULL, EVP_sha256(), NULL) ? 0 : SL_ECRYPTO;
}

static int open_client(struct session *s)
{
	const struct ticket_keys *tickets =
	        s->setup->config->ssl_inspection.resumption ? &s->host->tickets : NULL;
	uint8_t binding[TLS_BINDING_LEN];
	SSL_CTX *ctx;
	int rc = make_binding(s, binding);

	if (rc == 0 && s->out)
		ctx = s->proxy->client_ctx;
	else if (rc == 0)
		rc = setup_identity_ctx(s->setup, s->proxy, s->identity, &ctx);
	if (rc != 0)
		return rc;
	s->client_begun_ns = clock_now_ns();
	rc = tls_leg_open_client(&s->legs[LEG_CLIENT], ctx, s->host->flight, s->host->keyprov,
	                         tickets, binding, s->server_alpn, s->server_alpn_len, session_wake,
	                         s);
	if (rc == 0 && s->out)
		rc = tls_leg_use_leaf(&s->legs[LEG_CLIENT], &s->out->leaf->certificate,
		                      SSL_version(tls_leg_of(&s->legs[LEG_SERVER])->ssl));
	return rc;
}

static void count_failure(struct session *s, enum reason reason)
{
	struct counter_slab *c = s->host->counters;

	if (reason == REASON_CLIENT_VERSION)
		counter_add(c, COUNTER_clientVersionOther, 1);
	else if (reason == REASON_CLIENT_SUITE)
		counter_add(c, COUNTER_clientCipherOther, 1);
	else
		counter_add(c, COUNTER_clientErrors, 1);
}

/* OpenSSL has sent its alert; a FIN lets the client read it. The server is told what it would see
 * of such a client: an end in the middle. */
static int client_failed(struct session *s)
{
	enum reason reason = s->legs[LEG_CLIENT].reason;

	count_failure(s, reason);
	if (s->legs[LEG_CLIENT].end == LEG_RESET)
		session_close(s, reason);
	else
		session_close_orderly(s, reason);
	return SL_EREFUSED;
}

int step_client(struct session *s)
{
	struct leg *leg = &s->legs[LEG_CLIENT];
	int rc = leg->ops ? 0 : open_client(s);

	if (rc != 0)
		return rc;
	rc = leg->ops->handshake(leg);
	if (rc == SL_EAGAIN)
		return rc;
	if (rc != 0)
		return client_failed(s);
	s->client_ns = clock_now_ns();
	counter_add_time(s->host->counters, HISTOGRAM_handshake_client,
	                 s->client_ns - s->client_begun_ns);
	s->resumed_client = SSL_session_reused(tls_leg_of(leg)->ssl);
	if (s->resumed_client)
		counter_add(s->host->counters, COUNTER_resumed_client, 1);
	counter_add(s->host->counters, COUNTER_established, 1);
	s->established = true;
	session_handshake_over(s);
	return inspection_begin(s);
}
