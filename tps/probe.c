/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes with a server, one question each: which version, then which suite is left when those
 * known are no more offered. OpenSSL at security level 0, so that what the library still has is
 * offered at all.
 */
#include "tps/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tps/probe_report.h"
#include "tps/run.h"

enum { TIMEOUT_S = 5, SUITES_MAX = 100, LIST_MAX = 8192 };

static const struct {
	int version;
	const char *name; /* as a configuration writes it */
} versions[] = {
        {TLS1_VERSION, "TLSv1.0"},
        {TLS1_1_VERSION, "TLSv1.1"},
        {TLS1_2_VERSION, "TLSv1.2"},
        {TLS1_3_VERSION, "TLSv1.3"},
};

int probe_parse_target(const char *text, struct probe_target *ret)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(ret->host))
		return SL_EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (*end || port < 1 || port > 65535)
		return SL_EINVAL;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->host, text, len);
	(void)snprintf(ret->port, sizeof(ret->port), "%ld", port);
	return 0;
}

/* ---- one connection ---------------------------------------------------------------------- */

static int connect_to(const struct probe_target *t)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct addrinfo *list, *a;
	int fd = -1;

	if (getaddrinfo(t->host, t->port, &hints, &list) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			int saved = errno;

			(void)close(fd);
			errno = saved;
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

/* What one handshake asks, and what it answered. */
struct question {
	int version;
	const char *suites;  /* NULL: all; a list of the version's kind */
	const char *sigalgs; /* NULL: all */
	bool alpn;
	/* answer */
	bool done;              /* the handshake ended well */
	bool wants_certificate; /* the server asked the client for one */
	char suite[64];
	char alpn_chosen[32];
	STACK_OF(X509) * chain;
};

/* OpenSSL asks for the client's certificate only when the server did. */
static int on_certificate_wanted(SSL *ssl, void *arg)
{
	struct question *q = arg;

	q->wants_certificate = true;
	return 1;
}

static bool prepare(SSL_CTX *ctx, struct question *q)
{
	static const unsigned char protocols[] = "\x02h2\x08http/1.1";
	bool ok = SSL_CTX_set_min_proto_version(ctx, q->version) == 1 &&
	          SSL_CTX_set_max_proto_version(ctx, q->version) == 1;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_cert_cb(ctx, on_certificate_wanted, q);
	if (ok && q->version == TLS1_3_VERSION && q->suites)
		ok = SSL_CTX_set_ciphersuites(ctx, q->suites) == 1;
	else if (ok && q->version != TLS1_3_VERSION)
		ok = SSL_CTX_set_cipher_list(ctx, q->suites ? q->suites
		                                            : "ALL:COMPLEMENTOFALL:"
		                                              "!eNULL:!aNULL:!PSK:"
		                                              "!SRP") == 1;
	if (ok && q->sigalgs)
		ok = SSL_CTX_set1_sigalgs_list(ctx, q->sigalgs) == 1;
	if (ok && q->alpn)
		ok = SSL_CTX_set_alpn_protos(ctx, protocols, sizeof(protocols) - 1) == 0;
	return ok;
}

static void take_answer(SSL *ssl, struct question *q)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	const unsigned char *alpn;
	unsigned len;

	q->done = true;
	(void)snprintf(q->suite, sizeof(q->suite), "%s",
	               SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)));
	SSL_get0_alpn_selected(ssl, &alpn, &len);
	(void)snprintf(q->alpn_chosen, sizeof(q->alpn_chosen), "%.*s", (int)len,
	               alpn ? (const char *)alpn : "");
	q->chain = chain ? X509_chain_up_ref(chain) : NULL;
}

/* SL_ESYS when there is no connection; else 0, and q->done tells. */
static int ask(const struct probe_target *t, struct question *q)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	int fd = -1, rc = 0;

	if (!ctx)
		return SL_ENOMEM;
	if (prepare(ctx, q)) {
		ssl = SSL_new(ctx);
		fd = connect_to(t);
		rc = fd < 0 ? SL_ESYS : 0;
	}
	if (ssl && fd >= 0) {
		if (t->sni)
			(void)SSL_set_tlsext_host_name(ssl, t->sni);
		if (SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
			take_answer(ssl, q);
		(void)SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	if (fd >= 0)
		(void)close(fd);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

/* ---- suites ------------------------------------------------------------------------------ */

/* All names of a version that the library has, with ':' between, `known` left out. */
static void list_suites(int version, const json_t *known, char list[LIST_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct question q = {.version = version};
	STACK_OF(SSL_CIPHER) * all;
	size_t n = 0;

	list[0] = '\0';
	if (!ctx || !prepare(ctx, &q)) {
		SSL_CTX_free(ctx);
		return;
	}
	all = SSL_CTX_get_ciphers(ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		bool new_kind = strcmp(SSL_CIPHER_get_version(c), "TLSv1.3") == 0;
		const char *name = SSL_CIPHER_get_name(c);
		bool is_known = false;
		json_t *one;
		size_t k;

		json_array_foreach(known, k, one)
		{
			is_known |= strcmp(json_string_value(one), name) == 0;
		}
		if (is_known || new_kind != (version == TLS1_3_VERSION) ||
		    n + strlen(name) + 2 > LIST_MAX)
			continue;
		n += (size_t)snprintf(list + n, LIST_MAX - n, "%s%s", n ? ":" : "", name);
	}
	SSL_CTX_free(ctx);
}

/* Names that a handshake showed one after the other; empty: the version is not there. */
static int ask_suites(const struct probe_target *t, int version, json_t *ret_list)
{
	char list[LIST_MAX];

	for (unsigned i = 0; i < SUITES_MAX; i++) {
		struct question q = {.version = version, .suites = list};
		int rc;

		list_suites(version, ret_list, list);
		if (list[0] == '\0')
			return 0;
		rc = ask(t, &q);
		sk_X509_pop_free(q.chain, X509_free);
		if (rc != 0)
			return rc;
		if (!q.done)
			return 0;
		(void)json_array_append_new(ret_list, json_string(q.suite));
	}
	return 0;
}

/* ---- all of it --------------------------------------------------------------------------- */

static int ask_versions(const struct probe_target *t, json_t *report)
{
	json_t *names = json_array(), *suites = json_object();
	int rc = 0;

	(void)json_object_set_new(report, "versions", names);
	(void)json_object_set_new(report, "suites", suites);
	for (size_t i = 0; i < SL_ARRAY_LEN(versions) && rc == 0; i++) {
		json_t *list = json_array();

		rc = ask_suites(t, versions[i].version, list);
		if (json_array_size(list) > 0) {
			(void)json_array_append_new(names, json_string(versions[i].name));
			(void)json_object_set(suites, versions[i].name, list);
		}
		json_decref(list);
	}
	return rc;
}

/* The newest version's certificates: what RSA-only and ECDSA-only clients are shown. */
static int ask_certificates(const struct probe_target *t, json_t *report)
{
	static const char *const kinds[] = {
	        "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512",
	        "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:"
	        "RSA+SHA512:RSA+SHA1",
	};
	const json_t *names = json_object_get(report, "versions");
	const char *newest = json_string_value(json_array_get(names, json_array_size(names) - 1));
	json_t *list = json_array();
	int rc = 0;

	(void)json_object_set_new(report, "certificates", list);
	for (size_t k = 0; k < SL_ARRAY_LEN(kinds) && rc == 0; k++) {
		struct question q = {.sigalgs = kinds[k], .alpn = true};

		for (size_t i = 0; i < SL_ARRAY_LEN(versions); i++)
			if (newest && strcmp(versions[i].name, newest) == 0)
				q.version = versions[i].version;
		rc = ask(t, &q);
		if (q.done) {
			probe_add_chain(list, q.chain);
			(void)json_object_set_new(report, "alpn", json_string(q.alpn_chosen));
			if (q.wants_certificate)
				(void)json_object_set_new(report, "client_certificate",
				                          json_true());
		}
		sk_X509_pop_free(q.chain, X509_free);
	}
	return rc;
}

int probe_run(const struct probe_target *target, json_t **ret_report)
{
	json_t *report = json_object();
	char server[300];
	int rc;

	(void)snprintf(server, sizeof(server), "%s:%s", target->host, target->port);
	(void)json_object_set_new(report, "server", json_string(server));
	(void)json_object_set_new(report, "sni", json_string(target->sni ? target->sni : ""));
	rc = ask_versions(target, report);
	if (rc == 0 && json_array_size(json_object_get(report, "versions")) == 0)
		rc = SL_ENOENT;
	(void)json_object_set_new(report, "client_certificate", json_false());
	if (rc == 0)
		rc = ask_certificates(target, report);
	if (rc != 0) {
		json_decref(report);
		return rc;
	}
	probe_judge(target, report);
	*ret_report = report;
	return 0;
}
