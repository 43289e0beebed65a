/* SPDX-License-Identifier: Apache-2.0 */
/* What the library asks and tells in the middle of a handshake, and of records. */
#include <string.h>

#include "lib/base/clock.h"
#include "tpsd/tls/ticket.h"
#include "tpsd/tls/tls_leg.h"

static void note_alert(struct tls_leg *tl, int where, int alert)
{
	uint8_t description = (uint8_t)(alert & 0xff);

	if (description == SSL_AD_CLOSE_NOTIFY)
		tl->notified |= (where & SSL_CB_READ) == SSL_CB_READ;
	else if (description == SSL_AD_NO_RENEGOTIATION && (where & SSL_CB_WRITE))
		tl->renegotiations_refused++;
	else if (where & SSL_CB_READ)
		tl->alert_received = description;
	else
		tl->alert_sent = description;
}

/*
 * R121: a server may renegotiate at most every rekey interval. The option is read in the handshake
 * that a request begins, so it is set when one is done and taken back when the interval has passed.
 */
static void note_renegotiation(struct tls_leg *tl)
{
	if (!tl->established || tl->leg->side != LEG_SERVER ||
	    SSL_version(tl->ssl) == TLS1_3_VERSION)
		return;
	tl->renegotiated_ns = clock_now_ns();
	SSL_set_options(tl->ssl, SSL_OP_NO_RENEGOTIATION);
}

static void info_callback(const SSL *ssl, int where, int value)
{
	struct tls_leg *tl = SSL_get_app_data(ssl);

	if (!tl)
		return;
	if (where & SSL_CB_LOOP)
		tl->buffer_left = true;
	if (where & SSL_CB_ALERT)
		note_alert(tl, where, value);
	else if (where & SSL_CB_HANDSHAKE_DONE)
		note_renegotiation(tl);
}

/* The server's choice, if the client offers it; a session without ALPN has none on both legs. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                       const unsigned char *in, unsigned inlen, void *arg)
{
	const struct tls_leg *tl = SSL_get_app_data(ssl);
	const struct tls_accept *a = tl ? tl->accept : NULL;

	if (!a || a->alpn_len == 0)
		return SSL_TLSEXT_ERR_NOACK;
	for (unsigned at = 0; at + 1 <= inlen && in[at] <= inlen - at - 1; at += 1u + in[at]) {
		if (in[at] != a->alpn_len || memcmp(in + at + 1, a->alpn, a->alpn_len) != 0)
			continue;
		*out = in + at + 1;
		*outlen = a->alpn_len;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int apply_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
                            EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct tls_leg *tl = SSL_get_app_data(ssl);
	int use;

	if (!tl || !tl->tickets)
		return 0;
	use = ticket_keys_apply(tl->tickets, name, iv, cipher, mac, encrypt);
	/* Clients use a TLS 1.3 ticket once (RFC 8446 C.4): without a new one for each resumption
	 * every second connection would be a full handshake. */
	return use == 1 && !encrypt && SSL_version(ssl) == TLS1_3_VERSION ? 2 : use;
}

/* The name was judged by policy before; acknowledging it is what servers do. */
static int accept_name(SSL *ssl, int *alert, void *arg)
{
	return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK
	                                                          : SSL_TLSEXT_ERR_NOACK;
}

void tls_leg_hook_client_side(SSL_CTX *ctx)
{
	SSL_CTX_set_info_callback(ctx, info_callback);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, accept_name);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, apply_ticket_key);
}

static int certificate_asked(SSL *ssl, X509 **leaf, EVP_PKEY **key)
{
	struct tls_leg *tl = SSL_get_app_data(ssl);

	if (tl)
		tl->certificate_wanted = true;
	return 0;
}

static int session_made(SSL *ssl, SSL_SESSION *session)
{
	struct tls_leg *tl = SSL_get_app_data(ssl);

	if (tl && tl->new_session)
		tl->new_session(tl->new_session_arg, session);
	return 0;
}

void tls_leg_hook_server_side(SSL_CTX *ctx)
{
	SSL_CTX_set_info_callback(ctx, info_callback);
	SSL_CTX_set_client_cert_cb(ctx, certificate_asked);
	SSL_CTX_sess_set_new_cb(ctx, session_made);
}
