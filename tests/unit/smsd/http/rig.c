/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/http/rig.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smsd/http/http.h"
#include "tests/unit/unit.h"

static void stop_due(evutil_socket_t fd, short what, void *arg)
{
	(void)event_base_loopbreak(arg);
}

static void *loop(void *arg)
{
	struct rig *rig = arg;
	struct event *stop = event_new(rig->base, rig->stop[0], EV_READ, stop_due, rig->base);

	(void)event_add(stop, NULL);
	(void)event_base_dispatch(rig->base);
	event_free(stop);
	return NULL;
}

static void self_sign(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	assert_non_null(key);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	                                            (const unsigned char *)"rig", -1, -1, 0),
	                 1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void rig_init(struct rig *rig)
{
	(void)signal(SIGPIPE, SIG_IGN);
	rig->base = event_base_new();
	rig->ctx = SSL_CTX_new(TLS_server_method());
	rig->client = SSL_CTX_new(TLS_client_method());
	self_sign(rig->ctx);
}

void rig_run(struct rig *rig)
{
	assert_int_equal(pipe(rig->stop), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, loop, rig), 0);
}

void rig_stop(struct rig *rig)
{
	assert_int_equal(write(rig->stop[1], "", 1), 1);
	assert_int_equal(pthread_join(rig->thread, NULL), 0);
}

void rig_fini(struct rig *rig)
{
	event_base_free(rig->base);
	SSL_CTX_free(rig->ctx);
	SSL_CTX_free(rig->client);
	(void)close(rig->stop[0]);
	(void)close(rig->stop[1]);
	libevent_global_shutdown();
}

int rig_dial(const struct http_server *server, int room)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons(http_server_port(server))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (room > 0)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

SSL *rig_dial_tls(const struct rig *rig, const struct http_server *server, int room)
{
	SSL *ssl = SSL_new(rig->client);

	assert_int_equal(SSL_set_fd(ssl, rig_dial(server, room)), 1);
	if (SSL_connect(ssl) == 1)
		return ssl;
	rig_hang_up(ssl);
	return NULL;
}

void rig_say(SSL *ssl, const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

void rig_read_answer(SSL *ssl, const char *end, char answer[ANSWER_MAX])
{
	size_t len = 0;
	int got;

	answer[0] = '\0';
	while (len < ANSWER_MAX - 1 && !(end && strstr(answer, end))) {
		got = SSL_read(ssl, answer + len, (int)(ANSWER_MAX - 1 - len));
		if (got <= 0)
			break;
		len += (size_t)got;
		answer[len] = '\0';
	}
}

void rig_hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	(void)close(fd);
}
