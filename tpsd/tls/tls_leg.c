/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/tls_leg.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/tls/failure.h"

/*
 * The library says by its queue of errors why it cannot go on, so nothing old may be in it.
 * Emptying it frees the texts of sixteen places, which costs more than a look whether there is
 * anything.
 */
static void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* Decrypted ones, or at least received. */
static bool tls_pending(const struct leg *leg)
{
	const struct tls_leg *tl = leg->tls;

	return SSL_has_pending(tl->ssl) == 1;
}

/*
 * An end without an error: close_notify, or a FIN alone (SSL_OP_IGNORE_UNEXPECTED_EOF, context.c).
 * Or a RST whose error OpenSSL took off the socket and passed over, as it does when a TLS 1.3
 * ticket cannot be written: then the socket is closed, which it is not after a FIN.
 */
static void note_end(struct leg *leg)
{
	const struct tls_leg *tl = leg->tls;
	bool client = leg->side == LEG_CLIENT;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	leg->end = LEG_CLOSED;
	if (tl->notified)
		return;
	leg->end = LEG_TRUNCATED;
	leg->reason = client ? REASON_TRUNCATED_CLIENT : REASON_TRUNCATED_SERVER;
	if (leg->shut || getsockopt(leg->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
	    info.tcpi_state != TCP_CLOSE)
		return;
	leg->end = LEG_RESET;
	leg->reason = client ? REASON_CLIENT_RESET : REASON_SERVER_RESET;
}

/* The library asks again for what the socket lacks, or says why it cannot go on. */
static int wait_or_fail(struct leg *leg, int ret)
{
	struct tls_leg *tl = leg->tls;

	switch (SSL_get_error(tl->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		leg->wants = LEG_WANTS_READ;
		return SL_EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		leg->wants = LEG_WANTS_WRITE;
		return SL_EAGAIN;
	case SSL_ERROR_WANT_ASYNC:
	case SSL_ERROR_WANT_ASYNC_JOB:
		leg->wants = LEG_WANTS_KEY;
		return SL_EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		note_end(leg);
		return SL_EEOF;
	default:
		break;
	}
	tls_failure_note(leg, tl, errno);
	return leg->end == LEG_BROKEN ? SL_ECRYPTO : SL_EEOF;
}

static int enter_handshake(struct tls_leg *tl)
{
	int ret;

	if (tl->accept)
		keyprov_enter(tl->keyprov, &tl->accept->wait);
	ret = SSL_do_handshake(tl->ssl);
	if (tl->accept)
		keyprov_leave(tl->keyprov);
	return ret;
}

static void drop_accept(struct tls_leg *tl)
{
	if (tl->accept)
		OPENSSL_cleanse(tl->accept->wait.data, sizeof(tl->accept->wait.data));
	free(tl->accept);
	tl->accept = NULL;
}

/*
 * Both halves of the ephemeral key agreement stay with the SSL object as long as it lives, a P-256
 * key with a whole curve of its own. Nothing needs them any more, and a session that keeps no
 * ephemeral key cannot lose one. Setting the type is what takes the key out of the object.
 */
static void drop_key_shares(SSL *ssl)
{
	EVP_PKEY *keys[2] = {NULL, NULL};

	(void)SSL_get_tmp_key(ssl, &keys[0]);
	(void)SSL_get_peer_tmp_key(ssl, &keys[1]);
	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		if (keys[i])
			(void)EVP_PKEY_set_type(keys[i], EVP_PKEY_X25519);
		EVP_PKEY_free(keys[i]);
	}
}

static int tls_handshake(struct leg *leg)
{
	struct tls_leg *tl = leg->tls;
	int ret;

	forget_errors();
	errno = 0;
	ret = enter_handshake(tl);
	if (ret <= 0)
		return wait_or_fail(leg, ret);
	SSL_clear_mode(tl->ssl, SSL_MODE_ASYNC);
	drop_accept(tl);
	drop_key_shares(tl->ssl);
	tl->established = true;
	leg->wants = LEG_WANTS_NOTHING;
	return 0;
}

static void allow_renegotiation_again(struct tls_leg *tl)
{
	if (tl->renegotiated_ns == 0 || tl->rekey_interval_ns == 0 ||
	    clock_now_ns() - tl->renegotiated_ns < tl->rekey_interval_ns)
		return;
	SSL_clear_options(tl->ssl, SSL_OP_NO_RENEGOTIATION);
	tl->renegotiated_ns = 0;
}

static int tls_read(struct leg *leg, uint8_t *data, size_t size, size_t *ret_len)
{
	struct tls_leg *tl = leg->tls;
	int ret;

	allow_renegotiation_again(tl);
	forget_errors();
	errno = 0;
	ret = SSL_read_ex(tl->ssl, data, size, ret_len);
	ret = ret > 0 ? 0 : wait_or_fail(leg, ret);
	if (tl->buffer_left && (ret == 0 || ret == SL_EAGAIN) && !SSL_has_pending(tl->ssl))
		tl->buffer_left = !SSL_free_buffers(tl->ssl);
	return ret;
}

/* What flight_send or flight_flush answered: a failure is what it would be in the library. */
static int note_sent(struct leg *leg, int rc)
{
	struct tls_leg *tl = leg->tls;

	leg->unsent = tl->rest.data != NULL;
	if (leg->unsent)
		leg->wants = LEG_WANTS_WRITE;
	if (rc == 0 || rc == SL_EAGAIN)
		return rc;
	if (rc == SL_ESYS) {
		tls_failure_note(leg, tl, errno);
		return SL_EEOF;
	}
	leg->end = LEG_BROKEN;
	leg->reason = REASON_INTERNAL;
	return rc;
}

static int tls_flush(struct leg *leg)
{
	forget_errors();
	return note_sent(leg, flight_flush(leg->tls));
}

/* A record is the most that the library takes at once. */
static int write_records(struct leg *leg, const uint8_t *data, size_t len, size_t *ret_len)
{
	struct tls_leg *tl = leg->tls;
	size_t done = 0, n;
	int ret = 1;

	errno = 0;
	while (done < len && ret > 0) {
		ret = SSL_write_ex(tl->ssl, data + done, len - done, &n);
		if (ret > 0)
			done += n;
	}
	*ret_len = done;
	return ret > 0 ? 0 : wait_or_fail(leg, ret);
}

static int tls_write(struct leg *leg, const uint8_t *data, size_t len, size_t *ret_len)
{
	struct tls_leg *tl = leg->tls;
	int rc = leg->unsent ? tls_flush(leg) : 0;
	int sent;

	*ret_len = 0;
	if (rc != 0 || len == 0)
		return rc;
	forget_errors();
	flight_gather(tl->flight, tl);
	rc = write_records(leg, data, len, ret_len);
	sent = flight_send(tl->flight);
	if (rc != 0 && rc != SL_EAGAIN)
		return rc;
	if (note_sent(leg, sent) != 0)
		return SL_EEOF;
	return *ret_len > 0 ? 0 : rc;
}

/* close_notify for an orderly end, nothing for a truncated one; the FIN is the session's. */
static int tls_shutdown(struct leg *leg, enum leg_end how)
{
	struct tls_leg *tl = leg->tls;
	int ret;

	if (how != LEG_CLOSED || !tl->established)
		return 0;
	/* The library calls the alert sent before the socket took it. */
	if ((SSL_get_shutdown(tl->ssl) & SSL_SENT_SHUTDOWN) && !tl->notifying)
		return 0;
	forget_errors();
	errno = 0;
	ret = SSL_shutdown(tl->ssl);
	tl->notifying = ret < 0 && wait_or_fail(leg, ret) == SL_EAGAIN;
	return tl->notifying ? SL_EAGAIN : 0;
}

/* A parked handshake must run to its end, or the stack of its job is lost. */
static void tls_fini(struct leg *leg)
{
	struct tls_leg *tl = leg->tls;

	if (!tl)
		return;
	if (tl->accept && tl->accept->wait.busy) {
		keyprov_cancel(tl->keyprov, &tl->accept->wait);
		(void)enter_handshake(tl);
	}
	/* Freed without an exchange of close_notify, OpenSSL would mark the session as not to be
	 * resumed, and it is the one that the cache holds. A fatal alert has marked it by now. */
	if (leg->end != LEG_BROKEN)
		SSL_set_shutdown(tl->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tl->ssl);
	ERR_clear_error();
	flight_rest_fini(&tl->rest);
	drop_accept(tl);
	free(tl);
	leg->tls = NULL;
	leg->ops = NULL;
}

static const struct leg_ops tls_ops = {
        .name = "tls",
        .handshake = tls_handshake,
        .read = tls_read,
        .write = tls_write,
        .flush = tls_flush,
        .shutdown = tls_shutdown,
        .pending = tls_pending,
        .fini = tls_fini,
};

static int open_leg(struct leg *leg, SSL_CTX *ctx, struct flight *flight, struct tls_leg **ret_tl)
{
	struct tls_leg *tl = calloc(1, sizeof(*tl));
	BIO *bio;

	if (!tl)
		return SL_ENOMEM;
	tl->leg = leg;
	tl->ssl = SSL_new(ctx);
	bio = flight_bio(flight, tl);
	if (!tl->ssl || !bio) {
		SSL_free(tl->ssl);
		BIO_free(bio);
		free(tl);
		return SL_ENOMEM;
	}
	SSL_set_bio(tl->ssl, bio, bio);
	tl->alert_sent = tl->alert_received = TLS_NO_ALERT;
	SSL_set_app_data(tl->ssl, tl);
	leg->tls = tl;
	leg->ops = &tls_ops;
	*ret_tl = tl;
	return 0;
}

int tls_leg_open_client(struct leg *leg, SSL_CTX *ctx, struct flight *flight,
                        struct keyprov *keyprov, const struct ticket_keys *tickets,
                        const uint8_t binding[TLS_BINDING_LEN], const uint8_t *alpn,
                        size_t alpn_len, void (*wake)(void *arg), void *arg)
{
	struct tls_leg *tl;
	int rc = open_leg(leg, ctx, flight, &tl);

	if (rc != 0)
		return rc;
	tl->keyprov = keyprov;
	tl->tickets = tickets;
	tl->accept = calloc(1, sizeof(*tl->accept));
	if (!tl->accept) {
		tls_fini(leg);
		return SL_ENOMEM;
	}
	tl->accept->wait.wake = wake;
	tl->accept->wait.arg = arg;
	tl->accept->alpn_len = (uint8_t)SL_MIN(alpn_len, (size_t)TLS_ALPN_MAX);
	if (tl->accept->alpn_len)
		memcpy(tl->accept->alpn, alpn, tl->accept->alpn_len);
	if (!SSL_set_session_id_context(tl->ssl, binding, TLS_BINDING_LEN)) {
		tls_fini(leg);
		return SL_ECRYPTO;
	}
	SSL_set_accept_state(tl->ssl);
	return 0;
}

int tls_leg_use_leaf(struct leg *leg, const struct tls_certificate *leaf, int max_version)
{
	SSL *ssl = tls_leg_of(leg)->ssl;

	if (SSL_use_cert_and_key(ssl, leaf->leaf, leaf->key, leaf->chain, 1) > 0 &&
	    SSL_set_max_proto_version(ssl, max_version))
		return 0;
	ERR_clear_error();
	return SL_ECRYPTO;
}

int tls_leg_open_server(struct leg *leg, SSL_CTX *ctx, struct flight *flight, const char *sni,
                        const uint8_t *alpn, size_t alpn_len, SSL_SESSION *session)
{
	struct tls_leg *tl;
	int rc = open_leg(leg, ctx, flight, &tl);

	if (rc != 0)
		return rc;
	if ((sni[0] && !SSL_set_tlsext_host_name(tl->ssl, sni)) ||
	    (alpn_len && SSL_set_alpn_protos(tl->ssl, alpn, (unsigned)alpn_len) != 0) ||
	    (session && !SSL_set_session(tl->ssl, session))) {
		tls_fini(leg);
		return SL_ECRYPTO;
	}
	SSL_set_connect_state(tl->ssl);
	return 0;
}

/* The session has the leaf by itself, too. */
void tls_leg_forget_chain(struct tls_leg *tl)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tl->ssl);

	while (chain && sk_X509_num(chain) > 0)
		X509_free(sk_X509_pop(chain));
}
