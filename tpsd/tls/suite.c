/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/suite.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

static const char *const groups[] = {
        "X25519", "P-256", "X448", "P-521", "P-384", "ffdhe2048", "ffdhe3072", "X25519MLKEM768",
};
_Static_assert(SL_ARRAY_LEN(groups) <= TLS_GROUPS_MAX, "group table");

static const struct {
	int version;
	const char *name;
} protocols[] = {
        [CONFIG_SSL3] = {SSL3_VERSION, "SSLv3"},
        [CONFIG_TLS1_0] = {TLS1_VERSION, "TLSv1.0"},
        [CONFIG_TLS1_1] = {TLS1_1_VERSION, "TLSv1.1"},
        [CONFIG_TLS1_2] = {TLS1_2_VERSION, "TLSv1.2"},
        [CONFIG_TLS1_3] = {TLS1_3_VERSION, "TLSv1.3"},
};

const char *tls_group_name(size_t i)
{
	return i < SL_ARRAY_LEN(groups) ? groups[i] : NULL;
}

const char *tls_protocol_name(enum config_tls_protocol protocol)
{
	return protocol < SL_ARRAY_LEN(protocols) ? protocols[protocol].name : "?";
}

/* A protocol is there when a client that has nothing else writes a ClientHello, not an alert. */
static bool probe_protocol(SSL_CTX *ctx, int version)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(ctx);
	uint8_t type = 0;
	bool there = false;

	if (ssl && in && out && SSL_set_min_proto_version(ssl, version) &&
	    SSL_set_max_proto_version(ssl, version)) {
		SSL_set_bio(ssl, in, out);
		in = out = NULL;
		there = SSL_connect(ssl) < 0 && BIO_read(SSL_get_wbio(ssl), &type, 1) == 1 &&
		        type == SSL3_RT_HANDSHAKE;
	}
	BIO_free(in);
	BIO_free(out);
	SSL_free(ssl);
	return there;
}

static bool probe_suite(SSL_CTX *ctx, const struct conf_suite *suite)
{
	bool is13 = suite->first == CONFIG_TLS1_3;
	STACK_OF(SSL_CIPHER) * list;

	if (is13 ? !SSL_CTX_set_ciphersuites(ctx, suite->openssl)
	         : !SSL_CTX_set_cipher_list(ctx, suite->openssl))
		return false;
	list = SSL_CTX_get_ciphers(ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(list); i++)
		if (SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(list, i)) == suite->id)
			return true;
	return false;
}

int tls_capability_probe(struct tls_capability *ret_cap)
{
	struct tls_capability cap = {0};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return SL_ENOMEM;
	SSL_CTX_set_security_level(ctx, 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(protocols); i++)
		if (probe_protocol(ctx, protocols[i].version))
			cap.protocols |= CONFIG_BIT(i);
	for (size_t i = 0; conf_suite_at(i); i++)
		if (probe_suite(ctx, conf_suite_at(i)))
			cap.suites |= UINT64_C(1) << i;
	for (size_t i = 0; i < SL_ARRAY_LEN(groups); i++)
		if (SSL_CTX_set1_groups_list(ctx, groups[i]))
			cap.groups |= 1u << i;
	cap.compression = sk_SSL_COMP_num(SSL_COMP_get_compression_methods()) > 0;
	SSL_CTX_free(ctx);
	ERR_clear_error();
	*ret_cap = cap;
	return 0;
}

/* Adds `,"name"` for each bit; the caller has opened the array. */
static int json_names(struct buf *out, const char *key, uint64_t bits, bool wanted,
                      const char *(*name)(size_t i))
{
	const char *comma = "";
	int rc = buf_printf(out, "\"%s\":[", key);

	for (size_t i = 0; rc == 0 && name(i); i++) {
		if (((bits >> i & 1) != 0) != wanted)
			continue;
		rc = buf_printf(out, "%s\"%s\"", comma, name(i));
		comma = ",";
	}
	return rc == 0 ? buf_printf(out, "]") : rc;
}

static const char *protocol_at(size_t i)
{
	return i < SL_ARRAY_LEN(protocols) ? protocols[i].name : NULL;
}

static const char *suite_name_at(size_t i)
{
	return conf_suite_at(i) ? conf_suite_at(i)->name : NULL;
}

int tls_capability_json(const struct tls_capability *cap, struct buf *out)
{
	static const struct {
		const char *there, *missing;
		const char *(*name)(size_t i);
	} lists[] = {
	        {"protocols", "protocols_missing", protocol_at},
	        {"suites", "suites_missing", suite_name_at},
	        {"groups", "groups_missing", tls_group_name},
	};
	const uint64_t bits[] = {cap->protocols, cap->suites, cap->groups};
	int rc = buf_printf(out, "{\"library\":\"%s\",\"compression\":%s",
	                    OpenSSL_version(OPENSSL_VERSION), cap->compression ? "true" : "false");

	for (size_t i = 0; rc == 0 && i < SL_ARRAY_LEN(lists); i++) {
		rc = buf_printf(out, ",");
		if (rc == 0)
			rc = json_names(out, lists[i].there, bits[i], true, lists[i].name);
		if (rc == 0)
			rc = buf_printf(out, ",");
		if (rc == 0)
			rc = json_names(out, lists[i].missing, bits[i], false, lists[i].name);
	}
	return rc == 0 ? buf_printf(out, "}") : rc;
}

/* All names fit: the table is shorter than the lists. */
static void add_name(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);

	(void)snprintf(list + len, size - len, "%s%s", len ? ":" : "", name);
}

static void add_suite(struct tls_selection *sel, const struct conf_suite *suite, size_t i)
{
	sel->suites |= UINT64_C(1) << i;
	sel->ids[sel->ids_count++] = suite->id;
	if (suite->first == CONFIG_TLS1_3)
		add_name(sel->list13, sizeof(sel->list13), suite->openssl);
	else
		add_name(sel->list, sizeof(sel->list), suite->openssl);
}

/* Bits of the protocols that a suite may run under. */
static uint32_t protocols_of(const struct conf_suite *suite)
{
	return (2u << suite->last) - (1u << suite->first);
}

/* OpenSSL takes a range, and R43 asks for one: the highest run of protocols that have suites. */
static void choose_range(struct tls_selection *sel, uint32_t usable)
{
	for (int i = CONFIG_TLS1_3; i >= 0; i--) {
		if (!(usable & CONFIG_BIT(i))) {
			if (sel->protocols)
				break;
			continue;
		}
		sel->protocols |= CONFIG_BIT(i);
		sel->min_version = protocols[i].version;
		if (!sel->max_version)
			sel->max_version = protocols[i].version;
	}
}

int tls_select(const struct config_tls_side *side, const struct tls_capability *cap,
               struct tls_selection *ret)
{
	struct tls_selection sel = {.missing_protocols = side->protocols & ~cap->protocols};
	uint32_t usable = 0;

	for (size_t i = 0; conf_suite_at(i); i++) {
		const struct conf_suite *suite = conf_suite_at(i);

		if (!conf_suite_selected(suite, side))
			continue;
		if (!(cap->suites >> i & 1)) {
			sel.missing_suites |= UINT64_C(1) << i;
			continue;
		}
		add_suite(&sel, suite, i);
		usable |= protocols_of(suite) & side->protocols & cap->protocols;
	}
	choose_range(&sel, usable);
	if (!sel.protocols)
		return SL_EUNSUPPORTED;
	*ret = sel;
	return 0;
}
